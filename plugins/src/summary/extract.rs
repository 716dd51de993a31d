//! `extract`: the sentences of the documents that say most of them.

use std::sync::Arc;

use async_trait::async_trait;
use inference::Embedder;
use policies::{
    Assignment, Citation, Dossier, Entry, Examination, Mode, Score, SortBy, Stage, StageError, Stated,
    Summary,
};
use serde::Deserialize;

use super::embedded::{Embedded, embedded, vectors};
use super::nothing_left;
use crate::extract::{Chosen, Focus, Item, Order, Wanted, choose};
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
        let focus = match &assignment.query {
            Some(query) => {
                let vector = vectors(&self.embedder, &[query]).await?.0.pop().unwrap_or_default();
                Some(Focus { text: query, vector })
            }
            None => None,
        };
        let order = match assignment.wish.sort_by {
            SortBy::Offset => Order::Offset,
            SortBy::Rank => Order::Rank,
        };
        let language = Some(&*assignment.wish.language);
        let wanted = Wanted { sentences: assignment.wish.most(), order, focus, language };
        let (places, items): (Vec<usize>, Vec<Item<'_>>) = candidates(&read.sentences).into_iter().unzip();
        let chosen = choose(&items, &wanted).into_iter();
        let stated = chosen.filter_map(|Chosen { item, score }| {
            let sentence = read.sentences.get(*places.get(item)?)?;
            Some(stated(sentence, score))
        });
        let stated = stated.collect();
        let summary = Summary { sentences: stated, ..Summary::empty(Mode::Extractive) };
        let mut examination = Examination::of(Entry::Summary(summary));
        examination.device = Some(self.embedder.device().provider.name().into());
        examination.cut_short = read.cut_short;
        Ok(examination)
    }
}

/// Sentences that may be chosen: headings only where there is nothing else. A sentence's place is counted among those
/// shown: what was taken out changes nothing for the rest.
fn candidates<'a>(sentences: &'a [Embedded<'_>]) -> Vec<(usize, Item<'a>)> {
    let (mut document, mut position) = (None, 0);
    let item = |(place, embedded): (usize, &'a Embedded<'_>)| {
        position = if document == Some(embedded.document) { position + 1 } else { 0 };
        document = Some(embedded.document);
        let item = Item {
            document: embedded.document,
            position,
            text: &embedded.sentence.text,
            vector: Arc::clone(&embedded.vector),
            heading: embedded.sentence.heading,
        };
        (place, item)
    };
    let mut all: Vec<(usize, Item<'a>)> = sentences.iter().enumerate().map(item).collect();
    if !all.iter().all(|(_, item)| item.heading) {
        all.retain(|(_, item)| !item.heading);
    }
    all
}

fn stated(Embedded { document, sentence, .. }: &Embedded<'_>, score: f32) -> Stated {
    Stated {
        text: sentence.text.clone(),
        rank: Score::new(score.clamp(0.0, 1.0)),
        citations: vec![Citation { document: *document, span: sentence.span }],
        support: None,
        unsupported: false,
    }
}
