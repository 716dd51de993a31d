//! Cases come in: near copies are merged, contradictions refused, the rest waits for a reviewer.

use std::borrow::{Borrow, Cow};
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
    bank: &'a str,
    rows: BTreeMap<String, Row>,
}

/// A case on its way, and what the index says of it.
struct Coming {
    case: Case,
    /// Its id and what it says.
    id: String,
    digest: String,
    /// `None` as long as nothing had to be compared with it.
    vector: Option<Vec<f32>>,
    /// The row that has its id.
    stored: Option<Arc<Row>>,
    /// The bank's live rows that say nearly what it says, best first.
    near: Vec<Arc<Row>>,
}

impl Precedents {
    /// Hands in cases on behalf of the key named `by`; the result is in their order. All that are taken are durable.
    ///
    /// However many they are, the index is read in a few calls and written in one.
    ///
    /// # Errors
    ///
    /// The encoder or the index does not answer: nothing was written.
    pub async fn enter(&self, cases: Vec<Case>, by: &str) -> Result<Vec<Entered>, PrecedentError> {
        let checks: Vec<Result<(), Refusal>> = cases.iter().map(Case::check).collect();
        let good = cases.into_iter().zip(&checks).filter(|(_, check)| check.is_ok());
        let mut coming: Vec<Coming> = good.map(|(case, _)| Coming::new(case)).collect();
        // What is there needs no vector: an import that is begun again comes to its new lines at once.
        self.look_up(&mut coming).await?;
        self.embed(&mut coming).await?;
        let _writing = self.writing.lock().await;
        self.look_up(&mut coming).await?;
        // Rows that have gone since.
        self.embed(&mut coming).await?;
        self.find_near(&mut coming).await?;
        let mut draft = Draft { bank: &self.bank, rows: BTreeMap::new() };
        let mut coming = coming.into_iter();
        let mut entered = Vec::with_capacity(checks.len());
        for check in checks {
            entered.extend(match check {
                Err(refusal) => Some(Entered::Refused(refusal)),
                Ok(()) => coming.next().map(|one| draft.enter(one, by)),
            });
        }
        let rows: Vec<Row> = draft.rows.into_values().collect();
        if !rows.is_empty() {
            self.index.upsert(rows).await?;
        }
        Ok(entered)
    }

    /// Finds the rows that have the ids.
    async fn look_up(&self, coming: &mut [Coming]) -> Result<(), PrecedentError> {
        let ids = coming.iter().map(|one| one.id.clone()).collect();
        let stored = self.index.get_each(ids).await?;
        coming.iter_mut().zip(stored).for_each(|(one, stored)| one.stored = stored);
        Ok(())
    }

    /// Gives a vector to those that have none and need one.
    async fn embed(&self, coming: &mut [Coming]) -> Result<(), PrecedentError> {
        let mut coming: Vec<&mut Coming> =
            coming.iter_mut().filter(|one| one.stored.is_none() && one.vector.is_none()).collect();
        let texts: Vec<&str> = coming.iter().map(|one| one.case.text.as_str()).collect();
        if texts.is_empty() {
            return Ok(());
        }
        let vectors = crate::embed_whole(&self.embedder, &texts).await?;
        coming.iter_mut().zip(vectors).for_each(|(one, vector)| one.vector = Some(vector));
        Ok(())
    }

    /// Finds the live rows that say nearly the same.
    async fn find_near(&self, coming: &mut [Coming]) -> Result<(), PrecedentError> {
        let new = || coming.iter().filter(|one| one.stored.is_none());
        let vectors: Vec<&[f32]> = new().filter_map(|one| one.vector.as_deref()).collect();
        let near = self.near_each(&vectors, &LIVE).await?;
        let new = coming.iter_mut().filter(|one| one.stored.is_none() && one.vector.is_some());
        new.zip(near).for_each(|(one, near)| one.near = near);
        Ok(())
    }

    /// Rows of the bank in one of `states` that say nearly what `vector` says.
    pub(super) async fn near(
        &self,
        vector: &[f32],
        states: &[State],
    ) -> Result<Vec<Arc<Row>>, PrecedentError> {
        Ok(self.near_each(&[vector], states).await?.pop().unwrap_or_default())
    }

    /// The same for each of many vectors, in one pass over the bank.
    async fn near_each(
        &self,
        vectors: &[&[f32]],
        states: &[State],
    ) -> Result<Vec<Vec<Arc<Row>>>, PrecedentError> {
        if vectors.is_empty() {
            return Ok(Vec::new());
        }
        let tags = states.iter().map(|state| state.tag()).collect();
        let filter = Filter { now: Some(now()), tags, ..Filter::bank(&self.bank) };
        let query = |vector: &&[f32]| Query {
            minimum: NEAR_COPY,
            filter: filter.clone(),
            ..Query::new(vector.to_vec(), NEAREST)
        };
        let hits = self.index.nearest_each(vectors.iter().map(query).collect()).await?;
        Ok(hits.into_iter().map(|hits| hits.into_iter().map(|hit| hit.row).collect()).collect())
    }
}

impl Coming {
    fn new(case: Case) -> Self {
        let (id, digest) = (case.id(), case.digest());
        Self { case, id, digest, vector: None, stored: None, near: Vec::new() }
    }
}

impl Draft<'_> {
    fn enter(&mut self, coming: Coming, by: &str) -> Entered {
        let Coming { case, id, digest, vector, stored, near } = coming;
        if let Some(row) = self.rows.get(&id).or(stored.as_deref()) {
            let standing = Standing::of(row);
            if row.bank == self.bank && standing.digest == digest {
                return Entered::Present { id, state: standing.state };
            }
            return Entered::Refused(Refusal::Taken { id, bank: row.bank.clone() });
        }
        let vector = vector.unwrap_or_default();
        let near = self.over(near, &vector);
        if let Some(other) = opposite(&near, case.ruling, &case.text) {
            return Entered::Refused(conflict(other));
        }
        if let Some(copy) = near.into_iter().find(|row| is_copy(row, &case)) {
            let copy = copy.into_owned();
            return self.merge(copy, &format!("{id} {digest}"));
        }
        let row = Row { vector, ..case.into_row(self.bank, by, now()) };
        self.rows.insert(id.clone(), row);
        Entered::New { id }
    }

    /// Rows near `vector` as they are by now: those of the index that this call has not changed, then its own.
    fn over(&self, stored: Vec<Arc<Row>>, vector: &[f32]) -> Vec<Cow<'_, Row>> {
        let unchanged = stored.into_iter().filter(|row| !self.rows.contains_key(&row.id));
        let drafted = self.rows.values().filter(|row| cosine(&row.vector, vector) >= NEAR_COPY);
        unchanged.map(|row| Cow::Owned(Arc::unwrap_or_clone(row))).chain(drafted.map(Cow::Borrowed)).collect()
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
