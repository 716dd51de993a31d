//! Documents come in: what has changed is embedded, what has vanished is removed, the rest stays.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexes::Row;

use super::document::{Part, head_id};
use super::{Document, DocumentError, Documents, Sight, chunk};
use crate::precedents::{Refusal, now};

/// Chunks embedded at once.
const AT_ONCE: usize = 64;

/// What became of a document that was handed in. *Units*: chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// They were there before; at another place, perhaps.
    pub unchanged: usize,
    /// They are new, or say something else than before.
    pub embedded: usize,
    /// They were there before and are no more.
    pub removed: usize,
    /// Nothing at all is different, so nothing was written.
    pub present: bool,
}

/// A document cut into chunks, with what is embedded of each.
struct Cut {
    document: Document,
    chunks: Vec<(chunk::Chunk, String)>,
}

/// What will be written for one document.
struct Plan {
    head: Row,
    /// Rows, and what is still to be embedded for them.
    parts: Vec<(Row, Option<String>)>,
    gone: Vec<String>,
    indexed: Indexed,
}

impl Documents {
    /// Adds documents, or replaces those that have the same id; the result is in their order. Each is one write, so it
    /// is there whole or as it was before.
    ///
    /// # Errors
    ///
    /// The encoder or the index does not answer: some documents may have been written then. Calling again is the way
    /// on, and embeds only what is missing.
    pub async fn add(
        &self,
        documents: Vec<Document>,
        sight: &Sight,
    ) -> Result<Vec<Result<Indexed, Refusal>>, DocumentError> {
        let mut answers = Vec::with_capacity(documents.len());
        let mut cuts: Vec<(usize, Cut)> = Vec::new();
        for document in documents {
            let at = answers.len();
            match self.cut(document, sight).await? {
                Err(refusal) => answers.push(Err(refusal)),
                Ok(cut) => {
                    // Of two with one id, the later finds what the earlier has written.
                    if cuts.iter().any(|(_, other)| other.document.id == cut.document.id) {
                        self.enter(std::mem::take(&mut cuts), sight, &mut answers).await?;
                    }
                    cuts.push((at, cut));
                    answers.push(Ok(Indexed::default()));
                }
            }
        }
        self.enter(cuts, sight, &mut answers).await?;
        Ok(answers)
    }

    /// Reads a document and cuts it, on a thread that may take its time.
    async fn cut(
        &self,
        mut document: Document,
        sight: &Sight,
    ) -> Result<Result<Cut, Refusal>, DocumentError> {
        if let Err(refusal) = document.check() {
            return Ok(Err(refusal));
        }
        let field = |field, reason: &str| Refusal::Field { field, reason: reason.to_owned() };
        if !sight.holds(&document.tags) {
            return Ok(Err(field("tags", "a key that holds tags gives only those to a document")));
        }
        document.tags = document.tags.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let (embedder, format) = (self.embedder.clone(), document.format.name());
        let cutting = tokio::task::spawn_blocking(move || {
            let reading = document.format.read(&document.text);
            document.title = document.title.or(reading.title);
            let chunks = chunk::pack(&reading.blocks, |text| embedder.words(text))?;
            document.language = document.language.or_else(|| language(&chunks));
            let chunks = chunks.into_iter().map(|chunk| {
                let read_as = document.read_as(&chunk);
                (chunk, read_as)
            });
            Ok::<_, DocumentError>(Cut { chunks: chunks.collect(), document })
        });
        match cutting.await {
            Ok(cut) => {
                let cut = cut?;
                let empty = cut.chunks.is_empty();
                Ok(if empty { Err(field("text", "nothing in it can be read")) } else { Ok(cut) })
            }
            // A parser that gives up on one text is no reason to lose the others.
            Err(_) => Ok(Err(field("format", &format!("the text cannot be read as {format}; try `text`")))),
        }
    }

    /// Writes what was cut, each in its place among the answers.
    async fn enter(
        &self,
        cuts: Vec<(usize, Cut)>,
        sight: &Sight,
        answers: &mut [Result<Indexed, Refusal>],
    ) -> Result<(), DocumentError> {
        let _writing = self.writing.lock().await;
        let mut plans = Vec::with_capacity(cuts.len());
        for (at, cut) in cuts {
            let Some(answer) = answers.get_mut(at) else { continue };
            match self.plan(cut, sight).await? {
                Err(refusal) => *answer = Err(refusal),
                Ok(plan) => {
                    *answer = Ok(plan.indexed);
                    plans.push(plan);
                }
            }
        }
        plans.retain(|plan| !plan.indexed.present);
        self.embed(&mut plans).await?;
        let writes = plans.into_iter().map(|plan| {
            let parts = plan.parts.into_iter().map(|(row, _)| row);
            let rows: Vec<Row> = parts.chain([plan.head]).collect();
            async move { self.index.exchange(rows, &plan.gone).await }
        });
        // Side by side: an engine may make them durable with one sync.
        for written in futures::future::join_all(writes).await {
            written?;
        }
        Ok(())
    }

    /// Holds a document against what the bank has of it.
    async fn plan(&self, cut: Cut, sight: &Sight) -> Result<Result<Plan, Refusal>, DocumentError> {
        let Cut { document, chunks } = cut;
        let head_id = head_id(&self.bank, &document.id);
        let before = self.index.get(&head_id).await?;
        if before.as_ref().is_some_and(|row| !sight.opens(&row.tags)) {
            return Ok(Err(Refusal::Taken { id: document.id, bank: self.bank.clone() }));
        }
        let created = before.as_ref().map_or_else(now, |row| row.created);
        let old = self.chunks(&document.id).await?;
        let known: BTreeMap<String, &Arc<Row>> =
            old.iter().filter_map(|row| Some((Part::of(row)?.hash, row))).collect();
        let (mut indexed, mut parts) = (Indexed::default(), Vec::with_capacity(chunks.len()));
        let mut kept = BTreeSet::new();
        for (number, (chunk, read_as)) in chunks.into_iter().enumerate() {
            let mut row = Row { created, ..document.part(&self.bank, number, chunk) };
            let hash = Part::of(&row).map(|part| part.hash).unwrap_or_default();
            if let Some(same) = known.get(&hash) {
                (row.vector, row.terms) = (same.vector.clone(), same.terms.clone());
                indexed.unchanged += 1;
                kept.insert(hash);
                parts.push((row, None));
            } else {
                indexed.embedded += 1;
                parts.push((row, Some(read_as)));
            }
        }
        let vanished = |row: &&Arc<Row>| Part::of(row).is_none_or(|part| !kept.contains(&part.hash));
        indexed.removed = old.iter().filter(vanished).count();
        let mut vector = vec![0.0; self.embedder.dimension()];
        // Nobody asks for it by meaning; an index wants unit vectors.
        vector.iter_mut().take(1).for_each(|first| *first = 1.0);
        let head = Row { created, ..document.head(&self.bank, parts.len(), vector) };
        let ids: BTreeSet<&str> = parts.iter().map(|(row, _)| row.id.as_str()).collect();
        let gone =
            old.iter().filter(|row| !ids.contains(row.id.as_str())).map(|row| row.id.clone()).collect();
        let stored: BTreeMap<&str, &Row> = old.iter().map(|row| (row.id.as_str(), &**row)).collect();
        indexed.present = before.as_deref() == Some(&head)
            && stored.len() == parts.len()
            && parts.iter().all(|(row, _)| stored.get(row.id.as_str()) == Some(&row));
        parts.retain(|(row, _)| stored.get(row.id.as_str()) != Some(&row));
        Ok(Ok(Plan { head, parts, gone, indexed }))
    }

    /// Embeds what is to be embedded, whichever document it belongs to.
    async fn embed(&self, plans: &mut [Plan]) -> Result<(), DocumentError> {
        let mut missing: Vec<(&mut Row, String)> = Vec::new();
        for (row, read_as) in plans.iter_mut().flat_map(|plan| &mut plan.parts) {
            missing.extend(read_as.take().map(|read_as| (row, read_as)));
        }
        for some in missing.chunks_mut(AT_ONCE) {
            let texts: Vec<&str> = some.iter().map(|(_, text)| text.as_str()).collect();
            let vectors = crate::embed_whole(&self.embedder, &texts).await?;
            for ((row, text), vector) in some.iter_mut().zip(vectors) {
                row.terms = crate::terms(text, row.language.as_deref());
                row.vector = vector;
            }
        }
        Ok(())
    }
}

/// The language of the beginning of a document.
fn language(chunks: &[chunk::Chunk]) -> Option<String> {
    let beginning: Vec<&str> = chunks.iter().take(3).map(|chunk| chunk.text.as_str()).collect();
    let code = crate::banks::language(&beginning.join("\n"));
    code.filter(|code| *code != "und").map(str::to_owned)
}
