//! `summarize`: the same in a language model's words, where one is able.

use async_trait::async_trait;
use inference::{Ability, Llama};
use policies::{Assignment, Dossier, Entry, Examination, Stage, StageError, Wanted};
use serde::Deserialize;

use super::nothing_left;
use crate::registry::{Resources, StageConfig};

/// Options of `summarize`: it has none.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {}

impl StageConfig<Assignment> for Config {
    const KIND: &'static str = "summarize";

    fn build(self, resources: &Resources) -> Result<Box<dyn Stage<Assignment>>, String> {
        Ok(Box::new(Summarizing { llama: resources.writer.clone() }))
    }
}

struct Summarizing {
    llama: Option<Llama>,
}

#[async_trait]
impl Stage<Assignment> for Summarizing {
    async fn examine(&self, dossier: &Dossier<Assignment>) -> Result<Examination, StageError> {
        if let Some(reason) = self.reason_to_abstain(dossier) {
            return Ok(Examination::of(Entry::Abstained(reason)));
        }
        Ok(Examination::of(Entry::Abstained("not yet".to_owned())))
    }
}

impl Summarizing {
    /// Why no model is asked, if none is.
    fn reason_to_abstain(&self, dossier: &Dossier<Assignment>) -> Option<String> {
        if dossier.subject().wish.mode == Wanted::Extractive {
            return Some("the documents' own words were asked for".to_owned());
        }
        let Some(llama) = &self.llama else { return Some("no LLaMA is loaded".to_owned()) };
        if !llama.card().abilities.contains(&Ability::Summarize) {
            return Some("the loaded LLaMA is not known to be able to summarize".to_owned());
        }
        nothing_left(dossier.passages())
    }
}
