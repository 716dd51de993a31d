//! Search: whether the documents that answer a question come first.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use indexes::Embedded;
use inference::Embedder;
use plugins::{DOCUMENTS, Document, Documents, Manner, Question, Sight};
use serde::{Deserialize, Serialize};

use super::bootstrap::{Interval, paired};
use super::{Rows, RowsError};

/// Documents of a ranking that count.
const DEPTH: usize = 10;
/// Passages asked for, so that there are so many documents among them.
const PASSAGES: usize = 100;

/// A row as data sets have it: a document, or a question with the grades of the documents that answer it.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    text: String,
    lang: Option<String>,
    title: Option<String>,
    rel: Option<BTreeMap<String, u8>>,
}

/// Documents, and questions whose answers are known.
#[derive(Debug, Default)]
pub struct Collection {
    documents: Vec<Document>,
    questions: Vec<Asked>,
}

#[derive(Debug)]
struct Asked {
    text: String,
    /// By document; the higher, the better it answers.
    grades: BTreeMap<String, u8>,
}

/// What one file of documents and questions shows.
#[derive(Debug, Serialize)]
pub struct RetrievalReport {
    /// The file.
    pub file: String,
    /// Documents.
    pub documents: usize,
    /// Questions.
    pub questions: usize,
    /// By manner.
    pub manners: Vec<MannerReport>,
}

/// How well one manner of search answers.
#[derive(Debug, Serialize)]
pub struct MannerReport {
    /// `dense`, `sparse` or `hybrid`.
    pub manner: &'static str,
    /// Normalized discounted cumulative gain of the first ten. *Source*: Järvelin & Kekäläinen 2002, section 2.
    pub ndcg_10: f64,
    /// One by the rank of the first document that answers, in the mean; 0 for a question without one among the first ten.
    pub mrr_10: f64,
    /// The share of the documents that answer among the first ten.
    pub recall_10: f64,
    /// nDCG of `hybrid` less that of this manner.
    pub hybrid_ahead: Interval,
}

impl Collection {
    /// Reads `file`.
    ///
    /// # Errors
    ///
    /// [`RowsError`].
    pub fn read(file: &Path) -> Result<Self, RowsError> {
        let mut collection = Self::default();
        for row in Rows::<Row>::open(file)? {
            let Row { id, text, lang, title, rel } = row?;
            match rel {
                Some(grades) => collection.questions.push(Asked { text, grades }),
                None => collection.documents.push(Document {
                    id,
                    text,
                    title,
                    language: lang,
                    ..Document::default()
                }),
            }
        }
        Ok(collection)
    }

    /// Indexes the documents in memory and asks every question in every manner.
    ///
    /// # Errors
    ///
    /// The encoder or the index does not answer, or a document is one that no bank can hold.
    pub async fn measure(self, file: String, embedder: &Embedder) -> anyhow::Result<RetrievalReport> {
        let index = Arc::new(Embedded::in_memory("eval", embedder.dimension())?);
        let bank = Documents::new(DOCUMENTS, index, embedder.clone());
        let documents = self.documents.len();
        for answer in bank.add(self.documents, &Sight::holding(Vec::new())).await? {
            answer?;
        }
        let manners = [("dense", Manner::Dense), ("sparse", Manner::Sparse), ("hybrid", Manner::Hybrid)];
        let mut figures: Vec<Vec<[f64; 3]>> = Vec::new();
        for (_, manner) in manners {
            let mut rows = Vec::with_capacity(self.questions.len());
            for asked in &self.questions {
                let question = Question { manner, k: PASSAGES, ..Question::default() };
                let passages = bank.search(&asked.text, &question).await?;
                let mut ranked: Vec<String> = Vec::new();
                for passage in passages {
                    if !ranked.contains(&passage.document) {
                        ranked.push(passage.document);
                    }
                }
                rows.push(judged(&ranked, &asked.grades));
            }
            figures.push(rows);
        }
        let hybrid = figures.last().cloned().unwrap_or_default();
        let manners =
            manners.iter().zip(&figures).map(|((name, _), rows)| report(name, rows, &hybrid)).collect();
        Ok(RetrievalReport { file, documents, questions: self.questions.len(), manners })
    }
}

#[expect(clippy::cast_precision_loss, reason = "questions are fewer than 2^52")]
fn report(manner: &'static str, rows: &[[f64; 3]], hybrid: &[[f64; 3]]) -> MannerReport {
    let count = rows.len().max(1) as f64;
    let [ndcg_10, mrr_10, recall_10] =
        rows.iter().fold([0.0; 3], |[a, b, c], [x, y, z]| [a + x, b + y, c + z]);
    let ahead: Vec<Vec<f64>> =
        hybrid.iter().zip(rows).map(|([hybrid, ..], [this, ..])| vec![hybrid - this]).collect();
    MannerReport {
        manner,
        ndcg_10: ndcg_10 / count,
        mrr_10: mrr_10 / count,
        recall_10: recall_10 / count,
        hybrid_ahead: paired(&ahead),
    }
}

/// nDCG, reciprocal rank and recall of one ranking, best first, at [`DEPTH`].
fn judged(ranked: &[String], grades: &BTreeMap<String, u8>) -> [f64; 3] {
    let grade = |id: &String| grades.get(id).copied().unwrap_or_default();
    let first: Vec<u8> = ranked.iter().take(DEPTH).map(grade).collect();
    let mut ideal: Vec<u8> = grades.values().copied().filter(|&grade| grade > 0).collect();
    ideal.sort_unstable_by(|one, other| other.cmp(one));
    let answers = f64::from(u32::try_from(ideal.len()).unwrap_or(u32::MAX));
    if ideal.is_empty() {
        return [0.0; 3];
    }
    let gain = |grades: &[u8]| -> f64 {
        let ranks = grades.iter().take(DEPTH).zip(2_u32..);
        ranks.map(|(&grade, rank)| (f64::from(grade).exp2() - 1.0) / f64::from(rank).log2()).sum()
    };
    let found = first.iter().filter(|&&grade| grade > 0).count();
    let found = f64::from(u32::try_from(found).unwrap_or(u32::MAX));
    let rank = first
        .iter()
        .zip(1_u32..)
        .find(|(grade, _)| **grade > 0)
        .map_or(0.0, |(_, rank)| 1.0 / f64::from(rank));
    [gain(&first) / gain(&ideal), rank, found / answers]
}

#[cfg(test)]
mod tests {
    use super::judged;

    fn check(ranked: &[&str], grades: &[(&str, u8)], golden: [f64; 3]) {
        let ranked: Vec<String> = ranked.iter().map(|id| (*id).to_owned()).collect();
        let grades = grades.iter().map(|(id, grade)| ((*id).to_owned(), *grade)).collect();
        let figures = judged(&ranked, &grades);
        assert!(figures.iter().zip(golden).all(|(one, other)| (one - other).abs() < 1e-9), "{figures:?}");
    }

    #[test]
    fn figures_are_those_computed_by_hand() {
        check(&["a", "b"], &[("a", 1)], [1.0, 1.0, 1.0]);
        // At the second place: 1 / log2(3).
        check(&["b", "a"], &[("a", 1)], [0.630_929_753_571_457_4, 0.5, 1.0]);
        // Grades 2 and 1 the wrong way round: (1 + 3 / log2(3)) / (3 + 1 / log2(3)).
        check(&["b", "x", "a"], &[("a", 2), ("b", 1)], [2.5 / 3.630_929_753_571_457_4, 1.0, 1.0]);
        check(&["b"], &[("a", 1), ("b", 1), ("c", 0)], [1.0 / 1.630_929_753_571_457_4, 1.0, 0.5]);
        let late: Vec<&str> = "0 1 2 3 4 5 6 7 8 9 a".split(' ').collect();
        check(&late, &[("a", 1)], [0.0; 3]);
        check(&["a"], &[], [0.0; 3]);
    }
}
