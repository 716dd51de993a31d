//! Documents with summaries that persons wrote, and the documents' sentences.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use inference::{Classifier, Embedder, InferenceError};
use plugins::extract::{Focus, Item};
use serde::Deserialize;

use super::bootstrap::fingerprint;
use super::rouge::{Counted, Lexicon, words};
use super::{Rows, RowsError};

/// Sentences embedded in one call.
const AT_ONCE: usize = 256;

/// A row as data sets have it: a document, what sums it up, or both.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    #[serde(default)]
    text: String,
    lang: Option<String>,
    query: Option<String>,
    #[serde(default)]
    reference: Vec<String>,
    doc_id: Option<String>,
}

/// A document, and what is asked of it.
#[derive(Debug)]
pub struct Source {
    /// Its name in the set.
    pub id: String,
    /// The document.
    pub text: String,
    /// ISO 639-1.
    pub language: Option<String>,
    /// The summaries wanted.
    pub asked: Vec<Asked>,
}

/// A summary wanted of a document.
#[derive(Debug)]
pub struct Asked {
    /// Its name in the set.
    pub id: String,
    /// The question; without one, the whole is summed up.
    pub query: Option<String>,
    /// What persons wrote.
    pub references: Vec<String>,
}

/// Which documents of a file are taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part {
    /// Only those held out of the fitting of weights: one in five, by a hash of the id.
    pub held_out: bool,
    /// At most so many, by another hash of the id.
    pub sample: Option<usize>,
}

/// The documents of `file` of which summaries are known, in the file's order.
///
/// # Errors
///
/// [`RowsError`].
pub fn sources(file: &Path, part: Part) -> Result<Vec<Source>, RowsError> {
    let (mut texts, mut order): (BTreeMap<String, Source>, Vec<String>) = Default::default();
    let mut asked: Vec<(String, Asked)> = Vec::new();
    for row in Rows::<Row>::open(file)? {
        let Row { id, text, lang, query, reference, doc_id } = row?;
        let document = doc_id.unwrap_or_else(|| id.clone());
        if !text.is_empty() {
            order.push(document.clone());
            let source = Source { id: document.clone(), text, language: lang, asked: Vec::new() };
            texts.insert(document.clone(), source);
        }
        if !reference.is_empty() {
            asked.push((document, Asked { id, query, references: reference }));
        }
    }
    for (document, asked) in asked {
        if let Some(source) = texts.get_mut(&document) {
            source.asked.push(asked);
        }
    }
    texts.retain(|id, source| !source.asked.is_empty() && (!part.held_out || Classifier::is_held_out(id)));
    if let Some(sample) = part.sample {
        let mut drawn: Vec<&String> = texts.keys().collect();
        drawn.sort_by_key(|id| fingerprint(&format!("sample {id}")));
        let drawn: HashSet<String> = drawn.into_iter().take(sample).cloned().collect();
        texts.retain(|id, _| drawn.contains(id));
    }
    Ok(order.iter().filter_map(|id| texts.remove(id)).collect())
}

/// How many sentences a summary of these documents has unless told: as many as make a reference of ordinary sentences,
/// the mean number of words of all references by the mean number of words of a sentence of the documents, at least 1.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of words"
)]
pub fn usual_sentences(sources: &[Source]) -> usize {
    let references = sources.iter().flat_map(|source| &source.asked).flat_map(|asked| &asked.references);
    let (written, texts) = references.fold((0, 0), |(sum, count), text| (sum + words(text).len(), count + 1));
    let of = |source: &Source| {
        let sentences = plugins::sentences(&source.text, source.language.as_deref()).len();
        (words(&source.text).len(), sentences)
    };
    let (said, sentences) = sources.iter().map(of).fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    let sentence = said as f64 / sentences.max(1) as f64;
    let reference = written as f64 / f64::from(texts.max(1));
    (reference / sentence.max(1.0)).round().max(1.0) as usize
}

/// A document ready to be summed up.
pub struct Read<'a> {
    /// Its sentences.
    pub items: Vec<Item<'a>>,
    /// The words of each.
    pub counted: Vec<Counted>,
    /// The summaries wanted.
    pub asked: Vec<Wanted<'a>>,
}

/// A summary wanted.
pub struct Wanted<'a> {
    /// Its name in the set.
    pub id: &'a str,
    /// The question, embedded.
    pub focus: Option<Focus<'a>>,
    /// The words of each reference.
    pub references: Vec<Counted>,
}

impl Source {
    /// Cuts the document into sentences and embeds them and the questions.
    ///
    /// # Errors
    ///
    /// The encoder does not answer.
    pub async fn read(&self, embedder: &Embedder) -> Result<Read<'_>, InferenceError> {
        let ranges = plugins::sentences(&self.text, self.language.as_deref());
        let texts: Vec<&str> = ranges.into_iter().filter_map(|range| self.text.get(range)).collect();
        let questions: Vec<&str> = self.asked.iter().filter_map(|asked| asked.query.as_deref()).collect();
        let mut vectors: Vec<Arc<[f32]>> = Vec::with_capacity(texts.len());
        for some in texts.chunks(AT_ONCE) {
            vectors.extend(plugins::embed_whole(embedder, some).await?.into_iter().map(Arc::from));
        }
        let mut asked_for = plugins::embed_whole(embedder, &questions).await?.into_iter();
        let mut lexicon = Lexicon::default();
        let counted = texts.iter().map(|text| lexicon.count(text)).collect();
        let asked = self.asked.iter().map(|asked| {
            let query = asked.query.as_deref();
            Wanted {
                id: &asked.id,
                focus: query.and_then(|text| Some(Focus { text, vector: asked_for.next()?.into() })),
                references: asked.references.iter().map(|text| lexicon.count(text)).collect(),
            }
        });
        let asked = asked.collect();
        let items = texts.into_iter().zip(vectors).enumerate();
        let items = items.map(|(position, (text, vector))| Item {
            document: 0,
            position,
            text,
            vector,
            heading: false,
        });
        Ok(Read { items: items.collect(), counted, asked })
    }
}
