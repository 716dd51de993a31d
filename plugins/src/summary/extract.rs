//! `extract`: the sentences of the documents that say most of them.

use async_trait::async_trait;
use inference::Embedder;
use policies::{
    Assignment, Citation, Dossier, Entry, Examination, Mode, Score, SortBy, Stage, StageError, Stated,
    Summary,
};
use serde::Deserialize;

use super::embedded::{Embedded, embedded, vectors};
use super::nothing_left;
use crate::extract::{Chosen, Item, Wanted, choose};
use crate::registry::{Resources, StageConfig};

/// Options of `extract`: it has none.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {}

impl StageConfig<Assignment> for Config {
    const KIND: &'static str = "extract";

    fn build(self, resources: &Resources) -> Result<Box<dyn Stage<Assignment>>, String> {
        Ok(Box::new(Extracting { embedder: resources.embedder.clone() }))
    }
}

struct Extracting {
    embedder: Embedder,
}

#[async_trait]
impl Stage<Assignment> for Extracting {
    async fn examine(&self, dossier: &Dossier<Assignment>) -> Result<Examination, StageError> {
        if let Some(reason) = nothing_left(dossier.passages()) {
            return Ok(Examination::of(Entry::Abstained(reason)));
        }
        let assignment = dossier.subject();
        let shown = dossier.passages().map(|passages| passages.shown.as_slice()).unwrap_or_default();
        let read = embedded(&self.embedder, shown, dossier.deadline()).await?;
        let query = match &assignment.query {
            Some(query) => vectors(&self.embedder, &[query]).await?.0.pop(),
            None => None,
        };
        let wanted = Wanted {
            sentences: assignment.wish.most(),
            query: assignment.query.as_deref(),
            query_vector: query.as_deref(),
        };
        let items: Vec<Item<'_>> = read.sentences.iter().map(item).collect();
        let mut chosen = choose(&items, &wanted);
        match assignment.wish.sort_by {
            SortBy::Offset => chosen.sort_by_key(|chosen| chosen.index),
            SortBy::Rank => chosen.sort_by(|one, other| other.score.total_cmp(&one.score)),
        }
        let stated = chosen.iter().filter_map(|chosen| stated(chosen, &read.sentences)).collect();
        let summary = Summary { sentences: stated, ..Summary::empty(Mode::Extractive) };
        let mut examination = Examination::of(Entry::Summary(summary));
        examination.device = Some(self.embedder.device().provider.name().into());
        examination.cut_short = read.cut_short;
        Ok(examination)
    }
}

fn item<'a>(embedded: &'a Embedded<'_>) -> Item<'a> {
    Item {
        document: embedded.document,
        text: &embedded.sentence.text,
        heading: embedded.sentence.heading,
        vector: &embedded.vector,
    }
}

fn stated(chosen: &Chosen, sentences: &[Embedded<'_>]) -> Option<Stated> {
    let Embedded { document, sentence, .. } = sentences.get(chosen.index)?;
    Some(Stated {
        text: sentence.text.clone(),
        rank: Score::new(chosen.score.clamp(0.0, 1.0)),
        citations: vec![Citation { document: *document, span: sentence.span }],
        support: None,
        unsupported: false,
    })
}
