//! The life of a case: handed in, reviewed, acting, retracted. Nothing acts that no reviewer has confirmed.
//!
//! The index knows only whether a row is confirmed; here that means *it acts*. How far a case has come, and by whom,
//! is in the row's note and, to be found by, in a tag of this room's own.

mod case;
mod enter;
mod error;
mod flood;
mod line;
mod review;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use indexes::{Filter, Hit, Index, Query, Row};
use inference::Embedder;
use policies::Category;

pub use case::{Case, Review, Standing, State, own_tags};
pub use enter::Entered;
pub use error::{PrecedentError, Refusal};
pub use flood::{Alert, FloodOptions};
pub use line::{Line, fit};

use flood::Flood;

/// Precision at which the line between alike and not is fitted, unless said otherwise.
const PRECISION: f32 = 0.9;
/// From here on a precedent may weigh in a verdict by itself, so that it counts as matched. *Units*: cosine.
const MATCHED_FROM: f32 = 0.6;
/// Confirmations and retractions after which the line is fitted anew without being asked.
const CHANGES: usize = 20;
/// Rows read at once.
const PAGE: usize = 200;

/// How a bank of precedents works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrecedentOptions {
    /// When a precedent matches too much of the traffic; `None` counts nothing.
    pub flood: Option<FloodOptions>,
    /// Share of pairs above the fitted line that agree, `0.0..=1.0`.
    pub precision: f32,
}

impl Default for PrecedentOptions {
    fn default() -> Self {
        Self { flood: Some(FloodOptions::default()), precision: PRECISION }
    }
}

/// Who reviews, and why so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion<'a> {
    /// The reviewer: a key's name.
    pub by: &'a str,
    /// Why.
    pub reason: Option<String>,
    /// Categories that need two reviewers.
    pub floors: &'a BTreeSet<Category>,
}

/// A bank of precedents of one tenant. Shared by all requests.
pub struct Precedents {
    bank: String,
    index: Arc<dyn Index>,
    embedder: Embedder,
    options: PrecedentOptions,
    flood: Option<Flood>,
    /// `None` until there are enough confirmed cases.
    line: ArcSwap<Option<Line>>,
    changes: AtomicUsize,
    /// Held from reading a row to writing it: ids are the tenant's, so it is one for all banks.
    writing: Arc<tokio::sync::Mutex<()>>,
}

/// What a bank holds, and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Cases in any state.
    pub rows: usize,
    /// Cases by state; those handed in by other means are only confirmed or not.
    pub states: BTreeMap<State, usize>,
    /// Cases that act now: confirmed and not expired.
    pub acting: usize,
    /// The fitted line, or why there is none: too few confirmed cases.
    pub line: Option<Line>,
    /// The encoder that all similarities come from.
    pub encoder: String,
    /// Cases this process has stopped, with the share of the traffic they matched.
    pub alerts: BTreeMap<Arc<str>, Alert>,
}

impl Precedents {
    /// The cases of `bank`. Banks of one tenant share `writing`.
    #[must_use]
    pub fn new(
        bank: &str,
        (index, embedder): (Arc<dyn Index>, Embedder),
        options: PrecedentOptions,
        writing: Arc<tokio::sync::Mutex<()>>,
    ) -> Self {
        Self {
            bank: bank.to_owned(),
            index,
            embedder,
            flood: options.flood.map(Flood::new),
            options,
            line: ArcSwap::default(),
            changes: AtomicUsize::new(0),
            writing,
        }
    }

    /// The bank's name.
    #[must_use]
    pub fn bank(&self) -> &str {
        &self.bank
    }

    /// One case.
    ///
    /// # Errors
    ///
    /// [`Refusal::Unknown`]; the index does not answer.
    pub async fn case(&self, id: &str) -> Result<Arc<Row>, PrecedentError> {
        let row = self.index.get(id).await?.filter(|row| row.bank == self.bank);
        let unknown = || Refusal::Unknown { bank: self.bank.clone(), id: id.to_owned() };
        Ok(row.ok_or_else(unknown)?)
    }

    /// Cases that act now and are nearest to `vector`, no farther than `at_least`.
    ///
    /// The fitted line cuts none of them off: those below it speak together, see [`Self::speaks_alone`].
    ///
    /// # Errors
    ///
    /// The index does not answer.
    pub async fn acting(&self, vector: &[f32], k: usize, at_least: f32) -> Result<Vec<Hit>, PrecedentError> {
        let filter = self.acting_filter();
        let query = Query { minimum: at_least, filter, ..Query::new(vector.to_vec(), k) };
        let mut hits = self.index.nearest(&query).await?;
        // The index says so a moment later: a stopped case may still be there as one that acts.
        if let Some(flood) = &self.flood {
            hits.retain(|hit| !flood.stopped(&hit.row.id));
        }
        Ok(hits)
    }

    /// Whether a case that is as similar as that to a text may speak by itself: from the fitted line on, where there is
    /// one.
    #[must_use]
    pub fn speaks_alone(&self, similarity: f32) -> bool {
        self.line().is_none_or(|line| similarity >= line.similarity)
    }

    /// Files which cases a text matched, and stops those that match too much of the traffic.
    pub fn saw(self: &Arc<Self>, text: &str, matched: impl IntoIterator<Item = (Arc<str>, f32)>) {
        let Some(flood) = &self.flood else { return };
        let near = matched.into_iter().filter(|(_, similarity)| *similarity >= MATCHED_FROM);
        for id in flood.saw(text, near.map(|(id, _)| id).collect()) {
            tracing::warn!(
                bank = self.bank,
                id = &*id,
                "a precedent matches too much of the traffic and is stopped"
            );
            let cases = Arc::clone(self);
            // No verdict waits for the disk: from here on the case does not act in this process.
            tokio::spawn(async move {
                if let Err(error) = cases.quarantine(&id).await {
                    tracing::error!(%error, "the quarantine is not written: it ends with this process");
                }
            });
        }
    }

    /// The line from which on two cases agree, as last fitted.
    #[must_use]
    pub fn line(&self) -> Option<Line> {
        **self.line.load()
    }

    /// Fits the line to the cases confirmed by now.
    ///
    /// # Errors
    ///
    /// The index does not answer.
    pub async fn refit(&self) -> Result<Option<Line>, PrecedentError> {
        self.changes.store(0, Ordering::Relaxed);
        let (mut rows, mut after) = (Vec::new(), None);
        while rows.len() < line::MOST_ROWS {
            let page = self.index.scan(after.as_deref(), PAGE, &self.acting_filter()).await?;
            rows.extend(page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        rows.truncate(line::MOST_ROWS);
        let precision = self.options.precision;
        let fitted = tokio::task::spawn_blocking(move || fit(&rows, precision)).await.unwrap_or_default();
        self.line.store(Arc::new(fitted));
        Ok(fitted)
    }

    async fn changed(&self) -> Result<(), PrecedentError> {
        if self.changes.fetch_add(1, Ordering::Relaxed) + 1 >= CHANGES {
            self.refit().await?;
        }
        Ok(())
    }

    /// What the bank holds.
    ///
    /// # Errors
    ///
    /// The index does not answer.
    pub async fn account(&self) -> Result<Account, PrecedentError> {
        let of_bank = Filter::bank(&self.bank);
        let mut states = BTreeMap::new();
        for state in State::ALL {
            states.insert(state, self.index.count(&self.in_state(state)).await?);
        }
        Ok(Account {
            rows: self.index.count(&of_bank).await?,
            states,
            acting: self.index.count(&self.acting_filter()).await?,
            line: self.refit().await?,
            encoder: self.embedder.vectors_digest().to_owned(),
            alerts: self.flood.as_ref().map(Flood::alerts).unwrap_or_default(),
        })
    }

    /// The cases in one state.
    #[must_use]
    pub fn in_state(&self, state: State) -> Filter {
        match state {
            State::Confirmed => Filter { confirmed_only: true, ..Filter::bank(&self.bank) },
            state => Filter { all_tags: vec![state.tag()], ..Filter::bank(&self.bank) },
        }
    }

    fn acting_filter(&self) -> Filter {
        Filter { confirmed_only: true, now: Some(now()), ..Filter::bank(&self.bank) }
    }
}

/// Unix seconds.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
