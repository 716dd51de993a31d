//! `judge`: the summary itself has to pass the policy.

use async_trait::async_trait;
use policies::{
    Action, Assignment, Dossier, Entry, Examination, Part, Ruling, Stage, StageError, Stated, Withheld,
};
use serde::Deserialize;

use super::withhold::Judging;
use crate::registry::{Resources, StageConfig};

/// Options of `judge`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The mildest action of the policy that keeps a sentence of the summary, or the summary, out.
    #[serde(default = "default_withhold_from")]
    withhold_from: Action,
}

fn default_withhold_from() -> Action {
    Action::Review
}

impl StageConfig<Assignment> for Config {
    const KIND: &'static str = "judge";

    fn build(self, resources: &Resources) -> Result<Box<dyn Stage<Assignment>>, String> {
        if self.withhold_from == Action::Allow {
            return Err("`withhold_from` is `flag`, `review` or `block`: with `allow` nothing would be left"
                .to_owned());
        }
        Ok(Box::new(Judge(Judging { pipeline: resources.judging()?, from: self.withhold_from })))
    }
}

struct Judge(Judging);

#[async_trait]
impl Stage<Assignment> for Judge {
    async fn examine(&self, dossier: &Dossier<Assignment>) -> Result<Examination, StageError> {
        let Some(summary) = dossier.summary().filter(|summary| !summary.sentences.is_empty()) else {
            return Ok(Examination::of(Entry::Abstained("there is no summary to judge".to_owned())));
        };
        let mut summary = summary.clone();
        // What is heard sentence by sentence is judged so; then what is left is judged whole.
        let mut opinions = Vec::with_capacity(summary.sentences.len() + 1);
        let mut kept = Vec::with_capacity(summary.sentences.len());
        for sentence in std::mem::take(&mut summary.sentences) {
            let opinion = self.0.of(&sentence.text, dossier.deadline()).await?;
            match opinion.withheld.clone() {
                Some(because) => Withheld::count(&mut summary.withheld, Part::Statement, because.category()),
                None => kept.push(sentence),
            }
            opinions.push(opinion);
        }
        if kept.is_empty() {
            summary.reason = Some("every sentence of the summary was withheld".to_owned());
        }
        summary.sentences = kept;
        opinions.push(self.0.of(&summary.text(), dossier.deadline()).await?);
        let mut examination = Examination::of(Entry::Abstained(String::new()));
        examination.device = opinions.iter().find_map(|opinion| opinion.device.clone());
        let degraded = opinions.iter().filter(|opinion| opinion.degraded).count();
        examination.cut_short = (degraded > 0)
            .then(|| format!("{degraded} of {} readings were by a part of the stages only", opinions.len()));
        let whole = opinions.pop().and_then(|opinion| opinion.withheld);
        examination.entry = match whole {
            Some(because) => {
                let harm = because
                    .category()
                    .map_or_else(|| "could not be judged".to_owned(), |harm| format!("is {harm}"));
                let reason = format!("the summary as a whole {harm}");
                Entry::Ruling(Ruling {
                    action: Action::Block,
                    reason,
                    findings: Vec::new(),
                    precedents: Vec::new(),
                })
            }
            None => Entry::Summary(summary),
        };
        Ok(examination)
    }

    async fn check(&self, dossier: &Dossier<Assignment>, sentence: Stated) -> Option<Stated> {
        let opinion = self.0.of(&sentence.text, dossier.deadline()).await.ok()?;
        opinion.withheld.is_none().then_some(sentence)
    }
}
