//! `summarize`: the same in a language model's words, where one is able.

use async_trait::async_trait;
use inference::{Ability, Llama, Sampling};
use policies::{
    Assignment, Dossier, Entry, Examination, Length, Mode, Plan, Stage, StageError, Stated, Summary, Tokens,
    Wanted, Wish,
};
use serde::Deserialize;

use super::nothing_left;
use crate::registry::{Resources, StageConfig};
use crate::sentences::sentences;
use crate::summarize::{self, CutShort, Request, Tongue, WriteError, Written};

/// Options of `summarize`: it has none.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {}

impl StageConfig<Assignment> for Config {
    const KIND: &'static str = "summarize";

    fn build(self, resources: &Resources) -> Result<Box<dyn Stage<Assignment>>, String> {
        // What is remembered of prompts is this policy's.
        let scope = format!("summarize {}", resources.policy.digest());
        Ok(Box::new(Summarizing {
            llama: resources.writer.as_ref().map(|llama| llama.scoped(scope.as_str())),
        }))
    }
}

struct Summarizing {
    llama: Option<Llama>,
}

#[async_trait]
impl Stage<Assignment> for Summarizing {
    async fn examine(&self, dossier: &Dossier<Assignment>) -> Result<Examination, StageError> {
        let llama = match self.able(dossier) {
            Ok(llama) => llama,
            Err(reason) => return Ok(Examination::of(Entry::Abstained(reason))),
        };
        let assignment = dossier.subject();
        let shown = dossier.passages().map(|passages| passages.shown.as_slice()).unwrap_or_default();
        let texts: Vec<String> = shown.iter().map(policies::Passage::text).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let request = Request {
            passages: &texts,
            query: assignment.query.as_deref(),
            length: length(&assignment.wish),
            language: tongue(&assignment.wish),
            sampling: Sampling::default(),
        };
        let mut drafting = Drafting { dossier, text: String::new(), drafted: 0 };
        let written = {
            let llama =
                dossier.deadline().map_or_else(|| llama.clone(), |deadline| llama.until(deadline.into_std()));
            summarize::write(&llama, &request, &mut |text| drafting.hear(text)).await.map_err(unavailable)?
        };
        drafting.end();
        examination(&written, llama, &assignment.wish)
    }
}

impl Summarizing {
    /// The model that is asked, or why none is.
    fn able(&self, dossier: &Dossier<Assignment>) -> Result<&Llama, String> {
        if dossier.subject().wish.mode == Wanted::Extractive {
            return Err("the documents' own words were asked for".to_owned());
        }
        let llama = self.llama.as_ref().ok_or_else(|| "no LLaMA is loaded".to_owned())?;
        if !llama.card().abilities.contains(&Ability::Summarize) {
            return Err(
                "the loaded LLaMA is not known to be able to summarize (`lamassu model measure` finds out)"
                    .to_owned(),
            );
        }
        nothing_left(dossier.passages()).map_or(Ok(llama), Err)
    }
}

/// A text that grows, handed on sentence by sentence.
struct Drafting<'a> {
    dossier: &'a Dossier<Assignment>,
    text: String,
    /// Bytes of it that were handed on.
    drafted: usize,
}

impl Drafting<'_> {
    fn hear(&mut self, text: &str) {
        self.text.push_str(text);
        // What may end a sentence; the last one may still grow.
        if self.dossier.is_heard() && text.contains(['.', '!', '?', ':', '\n', ' ']) {
            self.draft(false);
        }
    }

    fn end(&mut self) {
        if self.dossier.is_heard() {
            self.draft(true);
        }
    }

    fn draft(&mut self, last: bool) {
        let wish = &self.dossier.subject().wish;
        let mut ranges = sentences(&self.text, Some(&wish.language));
        if !last {
            ranges.pop();
        }
        for range in ranges.into_iter().take(most(wish)) {
            if range.start >= self.drafted {
                self.drafted = range.end;
                self.dossier.draft(stated(self.text.get(range).unwrap_or_default()));
            }
        }
    }
}

fn stated(text: &str) -> Stated {
    Stated { text: text.into(), rank: None, citations: Vec::new(), support: None, unsupported: false }
}

fn examination(written: &Written, llama: &Llama, wish: &Wish) -> Result<Examination, StageError> {
    if written.text.trim().is_empty() {
        let reason = written.cut_short.map_or("the model wrote nothing", CutShort::reason);
        return match written.cut_short {
            Some(CutShort::Deadline) => {
                Err(StageError::Unavailable { dependency: "LLaMA", source: reason.into() })
            }
            _ => Ok(Examination::of(Entry::Abstained(reason.to_owned()))),
        };
    }
    let ranges = sentences(&written.text, Some(&wish.language)).into_iter().take(most(wish));
    let said = ranges.filter_map(|range| written.text.get(range).map(stated)).collect();
    let prompt = written.plan.steps.iter().map(|step| step.prompt_tokens).sum();
    let new: usize = written.plan.steps.iter().map(|step| step.new_tokens).sum();
    let plan = Some(plan(&written.plan));
    let summary = Summary { sentences: said, plan, ..Summary::empty(Mode::Abstractive) };
    let mut examination = Examination::of(Entry::Summary(summary));
    examination.device = Some(llama.device().provider.name().into());
    examination.tokens = Some(Tokens { prompt, cached: 0, computed: prompt + new });
    examination.cut_short = written.cut_short.map(|reason| reason.reason().to_owned());
    Ok(examination)
}

/// Sentences at most, where the caller counts them; else the model was told how long to write.
fn most(wish: &Wish) -> usize {
    wish.sentences.unwrap_or(usize::MAX)
}

/// The length that is told to the model: where sentences are counted, the one that has so many.
fn length(wish: &Wish) -> Length {
    match wish.sentences {
        None => wish.length,
        Some(0..=1) => Length::OneSentence,
        Some(2..=3) => Length::Short,
        Some(4..=5) => Length::Medium,
        Some(_) => Length::Long,
    }
}

fn tongue(wish: &Wish) -> Tongue {
    if &*wish.language == "de" { Tongue::German } else { Tongue::English }
}

/// What was read together, round by round: passages by their numbers first, then summaries of the round before.
fn plan(written: &summarize::Plan) -> Plan {
    let mut rounds = Vec::new();
    let mut before = 0;
    for level in 0..written.levels {
        let steps = written.steps.iter().filter(|step| step.level == level);
        let group = |step: &summarize::Step| {
            let mut group: Vec<usize> = if level == 0 {
                step.parts.iter().map(|part| part.passage).collect()
            } else {
                step.from.iter().map(|step| step.saturating_sub(before)).collect()
            };
            group.sort_unstable();
            group.dedup();
            group
        };
        let round: Vec<Vec<usize>> = steps.map(group).collect();
        if level > 0 {
            before += rounds.last().map_or(0, Vec::len);
        }
        rounds.push(round);
    }
    Plan { context: written.context, rounds }
}

fn unavailable(error: WriteError) -> StageError {
    StageError::Unavailable { dependency: "LLaMA", source: Box::new(error) }
}
