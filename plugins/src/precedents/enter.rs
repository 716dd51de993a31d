//! Cases come in: near copies are merged, contradictions refused, the rest waits for a reviewer.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use indexes::{Filter, Query, Row};
use policies::Action;

use super::line::cosine;
use super::{Case, PrecedentError, Precedents, Refusal, Standing, State, now};
use crate::folding::{essence, wording};
use crate::retrieve::{NEAR_COPY, NEAR_WORDING};

/// Near copies looked at. Each is another text or another ruling, so there are few.
const NEAREST: usize = 32;
/// States in which a case stands for its text.
const LIVE: [State; 4] = [State::Unconfirmed, State::Pending, State::Confirmed, State::Quarantined];

/// What became of a case that was handed in.
#[derive(Debug)]
pub enum Entered {
    /// It is in the bank now, unconfirmed.
    New {
        /// Its id.
        id: String,
    },
    /// It was there already.
    Present {
        /// Its id.
        id: String,
        /// How far it has come.
        state: State,
    },
    /// A near copy with the same ruling is there and counts one more.
    Merged {
        /// The copy.
        into: String,
        /// How often it was handed in by now.
        count: u64,
    },
    /// It is not taken.
    Refused(Refusal),
}

/// Rows as they will be written: those of this call over those of the index.
struct Draft<'a> {
    cases: &'a Precedents,
    rows: BTreeMap<String, Row>,
}

impl Precedents {
    /// Hands in cases on behalf of the key named `by`; the result is in their order. All that are taken are durable.
    ///
    /// # Errors
    ///
    /// The encoder or the index does not answer: nothing was written.
    pub async fn enter(&self, cases: Vec<Case>, by: &str) -> Result<Vec<Entered>, PrecedentError> {
        let checks: Vec<Result<(), Refusal>> = cases.iter().map(Case::check).collect();
        let good = cases.iter().zip(&checks).filter(|(_, check)| check.is_ok());
        let texts: Vec<&str> = good.map(|(case, _)| case.text.as_str()).collect();
        let mut vectors = crate::embed_whole(&self.embedder, &texts).await?.into_iter();
        let _writing = self.writing.lock().await;
        let mut draft = Draft { cases: self, rows: BTreeMap::new() };
        let mut entered = Vec::with_capacity(cases.len());
        for (case, check) in cases.into_iter().zip(checks) {
            entered.push(match check {
                Err(refusal) => Entered::Refused(refusal),
                Ok(()) => draft.enter(case, by, vectors.next().unwrap_or_default()).await?,
            });
        }
        let rows: Vec<Row> = draft.rows.into_values().collect();
        if !rows.is_empty() {
            self.index.upsert(rows).await?;
        }
        Ok(entered)
    }

    /// Rows of the bank in one of `states` that say nearly what `vector` says.
    pub(super) async fn near(
        &self,
        vector: &[f32],
        states: &[State],
    ) -> Result<Vec<Arc<Row>>, PrecedentError> {
        let tags = states.iter().map(|state| state.tag()).collect();
        let query = Query {
            minimum: NEAR_COPY,
            filter: Filter { now: Some(now()), tags, ..Filter::bank(&self.bank) },
            ..Query::new(vector.to_vec(), NEAREST)
        };
        Ok(self.index.nearest(&query).await?.into_iter().map(|hit| hit.row).collect())
    }
}

impl Draft<'_> {
    async fn enter(&mut self, case: Case, by: &str, vector: Vec<f32>) -> Result<Entered, PrecedentError> {
        let (id, digest) = (case.id(), case.digest());
        if let Some(row) = self.row(&id).await? {
            let standing = Standing::of(&row);
            if row.bank == self.cases.bank && standing.digest == digest {
                return Ok(Entered::Present { id, state: standing.state });
            }
            return Ok(Entered::Refused(Refusal::Taken { id, bank: row.bank }));
        }
        let near = self.near(&vector).await?;
        if let Some(other) = opposite(&near, case.ruling, &case.text) {
            return Ok(Entered::Refused(conflict(other)));
        }
        if let Some(copy) = near.into_iter().find(|row| is_copy(row, &case)) {
            return Ok(self.merge(copy, &format!("{id} {digest}")));
        }
        let row = Row { vector, ..case.into_row(&self.cases.bank, by, now()) };
        self.rows.insert(id.clone(), row);
        Ok(Entered::New { id })
    }

    async fn row(&self, id: &str) -> Result<Option<Row>, PrecedentError> {
        match self.rows.get(id) {
            Some(row) => Ok(Some(row.clone())),
            None => Ok(self.cases.index.get(id).await?.map(Arc::unwrap_or_clone)),
        }
    }

    async fn near(&self, vector: &[f32]) -> Result<Vec<Row>, PrecedentError> {
        let stored = self.cases.near(vector, &LIVE).await?.into_iter().map(Arc::unwrap_or_clone);
        let unchanged = stored.filter(|row| !self.rows.contains_key(&row.id));
        let drafted = self.rows.values().filter(|row| cosine(&row.vector, vector) >= NEAR_COPY).cloned();
        Ok(unchanged.chain(drafted).collect())
    }

    /// Counts one more, unless the same was counted before.
    fn merge(&mut self, mut row: Row, which: &str) -> Entered {
        let mut standing = Standing::of(&row);
        let mark = format!("{:08x}", fingerprint(which));
        if !standing.merged.contains(&mark) {
            standing.merged.push(mark);
            standing.count += 1;
        }
        let merged = Entered::Merged { into: row.id.clone(), count: standing.count };
        standing.write(&mut row);
        self.rows.insert(row.id.clone(), row);
        merged
    }
}

/// Short, so that a note holds a thousand of them; two that collide are counted as one.
fn fingerprint(which: &str) -> u32 {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(which.as_bytes());
    hash.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// The live row that decides the same text the other way.
pub(super) fn opposite<'a, R: Borrow<Row>>(near: &'a [R], ruling: Action, text: &str) -> Option<&'a Row> {
    let own = essence(text);
    near.iter().map(Borrow::borrow).find(|row: &&Row| {
        let other = row.ruling.as_deref().and_then(Action::named);
        let opposed = other.is_some_and(|other| (other == Action::Allow) != (ruling == Action::Allow));
        opposed && Standing::of(row).state.is_live() && essence(&row.text) == own
    })
}

pub(super) fn conflict(other: &Row) -> Refusal {
    Refusal::Conflict { with: other.id.clone(), ruling: other.ruling.clone().unwrap_or_default() }
}

/// Whether the row stands for the case already: the same ruling on nearly the same words.
fn is_copy(row: &Row, case: &Case) -> bool {
    let same_ruling = row.ruling.as_deref() == Some(case.ruling.name())
        && row.label.as_deref() == case.category.as_ref().map(policies::Category::name);
    if !same_ruling || !Standing::of(row).state.is_live() {
        return false;
    }
    let (one, other) = (essence(&row.text), essence(&case.text));
    // A text is allowed only by its exact copy, so a near one has to stand for itself.
    one == other || (case.ruling != Action::Allow && wording(&one, &other) >= NEAR_WORDING)
}
