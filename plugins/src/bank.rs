//! A policy's own precedents and clauses as a bank, and how texts of any length become rows.

use std::path::Path;
use std::sync::Arc;

use indexes::{Embedded, Index, Row, Terms};
use inference::{Embedder, InferenceError};
use policies::{Clause, Content, Policy, PrecedentText};

use crate::PluginError;
use crate::kept::Kept;

/// The bank that holds decided cases.
pub const PRECEDENTS: &str = "precedents";
/// The bank that holds documents, unless others are made.
pub const DOCUMENTS: &str = "documents";
/// The bank that holds a policy's clauses.
pub const CLAUSES: &str = "clauses";

/// The precedents and clauses that `policy` brings along, in memory. Their vectors are kept in `folder`, if
/// one is given, from one start to the next.
///
/// # Errors
///
/// The model or the index does not answer.
pub async fn policy_bank(
    policy: &Policy,
    embedder: &Embedder,
    folder: Option<&Path>,
) -> Result<Arc<dyn Index>, PluginError> {
    let bank = Embedded::in_memory(policy.name(), embedder.dimension())?;
    let mut rows: Vec<Row> = policy.precedents().iter().map(precedent_row).collect();
    rows.extend(policy.clauses().iter().map(clause_row));
    let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
    let kept =
        folder.map(|folder| Kept::new(folder, &texts, embedder.vectors_digest(), embedder.dimension()));
    let vectors = if let Some(vectors) = kept.as_ref().and_then(Kept::read) {
        vectors
    } else {
        let vectors = embed_whole(embedder, &texts).await?;
        if let Some(kept) = kept {
            kept.write(&vectors);
        }
        vectors
    };
    for (row, vector) in rows.iter_mut().zip(vectors) {
        row.vector = vector;
        row.terms = terms(&row.text, row.language.as_deref());
    }
    bank.upsert(rows).await?;
    Ok(Arc::new(bank))
}

fn precedent_row(precedent: &PrecedentText) -> Row {
    Row {
        id: precedent.id.to_string(),
        bank: PRECEDENTS.to_owned(),
        text: precedent.text.clone(),
        label: precedent.category.as_ref().map(ToString::to_string),
        ruling: Some(precedent.ruling.name().to_owned()),
        severity: Some(precedent.severity.value()),
        language: Some(precedent.language.clone()),
        reason: precedent.reason.clone(),
        provenance: Some("policy".to_owned()),
        confirmed: true,
        ..Row::default()
    }
}

fn clause_row(clause: &Clause) -> Row {
    Row {
        id: clause.id.to_string(),
        bank: CLAUSES.to_owned(),
        text: clause.text.clone(),
        label: Some(clause.category.to_string()),
        severity: Some(clause.severity.value()),
        provenance: Some("policy".to_owned()),
        confirmed: true,
        ..Row::default()
    }
}

/// One vector for each text, whatever its length: the mean over its windows, of unit length.
///
/// - *Shape*: `texts` is `[n]`; the result is `[n, d]`, row `i` for text `i`.
///
/// # Errors
///
/// The model does not answer, or a text is empty.
pub async fn embed_whole(embedder: &Embedder, texts: &[&str]) -> Result<Vec<Vec<f32>>, InferenceError> {
    let plain: Vec<String> = texts.iter().map(|text| normalized(text)).collect();
    let mut pieces: Vec<&str> = Vec::with_capacity(plain.len());
    let mut owners = Vec::with_capacity(plain.len());
    for (owner, text) in plain.iter().enumerate() {
        for range in embedder.windows(text)? {
            pieces.extend(text.get(range));
            owners.push(owner);
        }
    }
    let mut sums = vec![vec![0.0_f32; embedder.dimension()]; plain.len()];
    for (embedding, owner) in embedder.embed(&pieces).await?.iter().zip(owners) {
        if let Some(sum) = sums.get_mut(owner) {
            sum.iter_mut().zip(embedding.vector.iter()).for_each(|(total, part)| *total += part);
        }
    }
    for sum in &mut sums {
        to_unit_length(sum);
    }
    Ok(sums)
}

/// The words of a text as stages read it, so that disguised spellings meet the plain one.
///
/// `language` is ISO 639-1; of a text in an unknown one, words stay as they are.
#[must_use]
pub fn terms(text: &str, language: Option<&str>) -> Terms {
    Terms::of(&normalized(text), language)
}

/// The words of a question, as stages read it.
pub(crate) fn sought_terms(text: &str) -> Terms {
    Terms::sought(&normalized(text))
}

/// The plain view, as stages read it; a text that is no content stays as it is.
fn normalized(text: &str) -> String {
    Content::new(text).map_or_else(|_| text.to_owned(), |content| content.plain().text().to_owned())
}

fn to_unit_length(vector: &mut [f32]) {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        for number in vector {
            *number /= length;
        }
    }
}
