//! `summarize`: stub
use crate::registry::{Resources, StageConfig};
use async_trait::async_trait;
use policies::{Assignment, Dossier, Entry, Examination, Stage, StageError};
use serde::Deserialize;
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {}
impl StageConfig<Assignment> for Config {
    const KIND: &'static str = "summarize";
    fn build(self, _: &Resources) -> Result<Box<dyn Stage<Assignment>>, String> {
        Ok(Box::new(S))
    }
}
struct S;
#[async_trait]
impl Stage<Assignment> for S {
    async fn examine(&self, _: &Dossier<Assignment>) -> Result<Examination, StageError> {
        Ok(Examination::of(Entry::Abstained("stub".to_owned())))
    }
}
