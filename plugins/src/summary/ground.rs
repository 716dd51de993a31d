//! `ground`: every sentence of the summary is bound to what it rests on, or taken out.

use async_trait::async_trait;
use inference::Embedder;
use policies::{
    Assignment, Citation, Dossier, Entry, Examination, Mode, Part, Passages, Score, Span, Stage, StageError,
    Stated, Summary, Withheld,
};
use serde::Deserialize;

use super::embedded::{embedded, vectors};
use crate::ground::{Grounder, SourceSentence, Sources};
use crate::registry::{Resources, StageConfig};

/// Options of `ground`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// How likely the documents must say so for a sentence to count as supported, a probability.
    #[serde(default = "default_support_from")]
    support_from: f32,
    /// What becomes of a sentence that is not supported.
    #[serde(default)]
    unsupported: Unsupported,
}

fn default_support_from() -> f32 {
    0.5
}

/// What becomes of a sentence that is not supported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Unsupported {
    /// It is taken out.
    #[default]
    Remove,
    /// It stays, and is marked.
    Mark,
}

impl StageConfig<Assignment> for Config {
    const KIND: &'static str = "ground";

    fn build(self, resources: &Resources) -> Result<Box<dyn Stage<Assignment>>, String> {
        if !(0.0..=1.0).contains(&self.support_from) {
            return Err("`support_from` is a probability, 0 to 1".to_owned());
        }
        let grounder = Grounder::shipped()?;
        Ok(Box::new(Grounding { config: self, grounder, embedder: resources.embedder.clone() }))
    }
}

struct Grounding {
    config: Config,
    grounder: Grounder,
    embedder: Embedder,
}

#[async_trait]
impl Stage<Assignment> for Grounding {
    async fn examine(&self, dossier: &Dossier<Assignment>) -> Result<Examination, StageError> {
        let (Some(passages), Some(summary)) = (dossier.passages(), dossier.summary()) else {
            return Ok(Examination::of(Entry::Abstained(
                "there is no summary to hold against documents".to_owned(),
            )));
        };
        let mut summary = summary.clone();
        if summary.mode == Mode::Extractive {
            // Sentences of the documents are where they were taken from.
            summary.sentences.iter_mut().for_each(|sentence| sentence.support = Some(Score::CERTAIN));
            return Ok(Examination::of(Entry::Summary(summary)));
        }
        let (sources, cut_short) = self.sources(passages, dossier).await?;
        let stated = std::mem::take(&mut summary.sentences);
        let Summary { sentences, withheld, .. } = &mut summary;
        for sentence in stated {
            match self.grounded(sentence, &sources).await? {
                Some(sentence) => sentences.push(sentence),
                None => Withheld::count(withheld, Part::Statement, None),
            }
        }
        if sentences.is_empty() {
            // A model that says nothing the documents say is as if it had not been able to.
            summary = own_words(dossier, summary);
        }
        let mut examination = Examination::of(Entry::Summary(summary));
        examination.device = Some(self.embedder.device().provider.name().into());
        examination.cut_short = cut_short;
        Ok(examination)
    }

    async fn check(&self, dossier: &Dossier<Assignment>, sentence: Stated) -> Option<Stated> {
        let (sources, _) = self.sources(dossier.passages()?, dossier).await.ok()?;
        self.grounded(sentence, &sources).await.ok()?
    }
}

/// The documents' own words in the place of a model's, if there are any.
fn own_words(dossier: &Dossier<Assignment>, summary: Summary) -> Summary {
    let Some(own) = dossier.summaries().find(|summary| summary.mode == Mode::Extractive) else {
        return summary;
    };
    let mut own = own.clone();
    own.sentences.iter_mut().for_each(|sentence| sentence.support = Some(Score::CERTAIN));
    own.withheld.extend(summary.withheld);
    own.plan = summary.plan;
    own.reason = Some("nothing that the model wrote is borne out by the documents".to_owned());
    own
}

impl Grounding {
    /// What may be cited; vectors are those that `extract` computed, as far as they are remembered.
    async fn sources(
        &self,
        passages: &Passages,
        dossier: &Dossier<Assignment>,
    ) -> Result<(Sources, Option<String>), StageError> {
        let read = embedded(&self.embedder, &passages.shown, dossier.deadline()).await?;
        let sentences = read.sentences.into_iter().map(|one| SourceSentence {
            document: one.document,
            range: one.sentence.span.start..one.sentence.span.end,
            text: one.sentence.text.clone(),
            vector: one.vector,
        });
        let sentences: Vec<SourceSentence> = sentences.collect();
        let reading = tokio::task::spawn_blocking(move || Sources::new(sentences)).await;
        let failed =
            |source| StageError::Unavailable { dependency: "reader of sources", source: Box::new(source) };
        Ok((reading.map_err(failed)?, read.cut_short))
    }

    /// The sentence with what it rests on; nothing if it is to go.
    async fn grounded(&self, mut sentence: Stated, sources: &Sources) -> Result<Option<Stated>, StageError> {
        let vector = vectors(&self.embedder, &[&sentence.text]).await?.0.pop().unwrap_or_default();
        let support = self.grounder.support(&sentence.text, &vector, sources);
        let probability = support.probability.clamp(0.0, 1.0);
        sentence.support = Score::new(probability);
        sentence.unsupported = probability < self.config.support_from;
        if sentence.unsupported && self.config.unsupported == Unsupported::Remove {
            return Ok(None);
        }
        let mut cited = support.cited;
        cited.sort_by(|one, other| other.weight.total_cmp(&one.weight));
        let citation = |cited: crate::ground::Citation| {
            let SourceSentence { document, range, .. } = sources.sentences().get(cited.source)?;
            Some(Citation { document: *document, span: Span { start: range.start, end: range.end } })
        };
        sentence.citations = cited.into_iter().filter_map(citation).collect();
        Ok(Some(sentence))
    }
}
