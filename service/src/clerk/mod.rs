//! What the service and the command line do with banks: JSON in, JSON out, nothing decided.

mod intake;
mod wire;

use std::collections::BTreeSet;
use std::sync::Arc;

use indexes::{Filter, Query};
use plugins::{BankError, Banks, Kind, Manner, Opinion, PrecedentError, State};
use policies::{Category, Content};

pub use intake::Importing;
pub use wire::{
    AccountJson, BankJson, BanksJson, CaseJson, EnteredJson, FilterJson, HitsJson, ImportJson, ModeJson,
    NewBankJson, PageJson, ReviewJson, RowJson, SearchJson,
};

use crate::error::ApiError;
use crate::json::ErrorJson;

/// Rows of a page unless said otherwise, and at most.
const PAGE: (usize, usize) = (100, 1_000);
/// Rows of a search unless said otherwise, and at most.
const HITS: (usize, usize) = (10, 100);

/// Looks after a tenant's banks. Shared by all requests.
pub struct Clerk {
    banks: Arc<Banks>,
}

/// What a reviewer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Let the case act.
    Confirm,
    /// Refuse it.
    Reject,
    /// Take it back.
    Retract,
}

impl Verb {
    /// The verb of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "confirm" => Some(Self::Confirm),
            "reject" => Some(Self::Reject),
            "retract" => Some(Self::Retract),
            _ => None,
        }
    }
}

impl Clerk {
    /// A clerk for these banks.
    #[must_use]
    pub fn new(banks: Arc<Banks>) -> Self {
        Self { banks }
    }

    /// The banks there are.
    ///
    /// # Errors
    ///
    /// The index does not answer.
    pub async fn list(&self) -> Result<BanksJson, ApiError> {
        let mut banks = Vec::new();
        for (name, kind) in self.banks.list().await? {
            let rows = self.banks.count(&Filter::bank(&name)).await?;
            banks.push(BankJson { name, kind: kind.name(), rows });
        }
        Ok(BanksJson { banks })
    }

    /// Makes a bank.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`], or [`ApiError::Field`] for a kind there is not.
    pub async fn create(&self, new: &NewBankJson) -> Result<BankJson, ApiError> {
        let kind = new.kind.as_deref().map_or(Some(Kind::Precedents), Kind::named);
        let kind = kind.ok_or_else(|| field("kind", "there is: precedents"))?;
        self.banks.create(&new.name, kind).await?;
        Ok(BankJson { name: new.name.clone(), kind: kind.name(), rows: 0 })
    }

    /// Removes a bank with its rows, and says how many.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`].
    pub async fn delete(&self, bank: &str) -> Result<usize, ApiError> {
        Ok(self.banks.delete(bank).await?)
    }

    /// What a bank holds.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`].
    pub async fn account(&self, bank: &str) -> Result<AccountJson, ApiError> {
        self.banks.kind(bank).await?;
        Ok(AccountJson::new(bank, self.banks.precedents(bank).account().await?))
    }

    /// Hands in cases for the key named `by`. Each is answered in its place.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`], or what does not answer: nothing was written then.
    pub async fn enter(
        &self,
        bank: &str,
        cases: Vec<Result<CaseJson, ApiError>>,
        by: &str,
    ) -> Result<Vec<Result<EnteredJson, ApiError>>, ApiError> {
        self.banks.kind(bank).await?;
        let cases: Vec<_> = cases.into_iter().map(|case| case.and_then(|case| case.into_case(by))).collect();
        let good = cases.iter().flatten().cloned().collect();
        let mut entered = self.banks.precedents(bank).enter(good, by).await?.into_iter();
        let answer = |case: Result<_, ApiError>| {
            case.and_then(|_| EnteredJson::new(entered.next().ok_or(ApiError::Internal)))
        };
        Ok(cases.into_iter().map(answer).collect())
    }

    /// One row.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`], [`ApiError::Refused`].
    pub async fn row(&self, bank: &str, id: &str) -> Result<RowJson, ApiError> {
        self.banks.kind(bank).await?;
        Ok(RowJson::new(&*self.banks.precedents(bank).case(id).await?, None))
    }

    /// Removes one row.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`], [`ApiError::Refused`].
    pub async fn remove(&self, bank: &str, id: &str) -> Result<(), ApiError> {
        self.banks.kind(bank).await?;
        Ok(self.banks.precedents(bank).remove(id).await?)
    }

    /// A page of rows.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`], [`ApiError::Field`].
    pub async fn page(&self, bank: &str, wanted: &FilterJson) -> Result<PageJson, ApiError> {
        self.banks.kind(bank).await?;
        let FilterJson { state, category, language, tag, after, limit } = wanted;
        let filter = self.filter(bank, state.as_deref(), [category, language, tag])?;
        let limit = within("limit", *limit, PAGE)?;
        let page = self.banks.scan(after.as_deref(), limit, &filter).await?;
        Ok(PageJson { rows: page.rows.iter().map(|row| RowJson::new(row, None)).collect(), next: page.next })
    }

    /// Rows that resemble a text, with their rulings.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`], [`ApiError::Content`], [`ApiError::Field`].
    pub async fn search(&self, bank: &str, wanted: &SearchJson) -> Result<HitsJson, ApiError> {
        self.banks.kind(bank).await?;
        Content::new(wanted.text.as_str())?;
        let SearchJson { state, category, language, tag, .. } = wanted;
        let filter = self.filter(bank, state.as_deref(), [category, language, tag])?;
        let minimum = wanted.minimum.unwrap_or(-1.0);
        if !(-1.0..=1.0).contains(&minimum) {
            return Err(field("minimum", "it is a cosine, -1 to 1"));
        }
        let k = within("k", wanted.k, HITS)?;
        let manner = match wanted.mode {
            ModeJson::Dense => Manner::Dense,
            ModeJson::Sparse => Manner::Sparse,
            ModeJson::Hybrid => Manner::Hybrid,
        };
        let question = Query { minimum, filter, ..Query::new(Vec::new(), k) };
        let hits = self.banks.search(&wanted.text, manner, question).await?;
        Ok(HitsJson { hits: hits.iter().map(|hit| RowJson::new(&hit.row, Some(hit.similarity))).collect() })
    }

    /// Decides on a case.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`], [`ApiError::Refused`].
    pub async fn review(
        &self,
        (bank, id): (&str, &str),
        verb: Verb,
        opinion: Opinion<'_>,
    ) -> Result<RowJson, ApiError> {
        self.banks.kind(bank).await?;
        let cases = self.banks.precedents(bank);
        let row = match verb {
            Verb::Confirm => cases.confirm(id, opinion).await,
            Verb::Reject => cases.reject(id, opinion).await,
            Verb::Retract => cases.retract(id, opinion).await,
        };
        Ok(RowJson::new(&*row?, None))
    }

    /// Cases in quarantine, by bank, for the metrics.
    ///
    /// # Errors
    ///
    /// The index does not answer.
    pub async fn quarantined(&self) -> Result<Vec<(String, usize)>, ApiError> {
        let mut counts = Vec::new();
        for cases in self.banks.opened() {
            let count = self.banks.count(&cases.in_state(State::Quarantined)).await?;
            counts.push((cases.bank().to_owned(), count));
        }
        Ok(counts)
    }

    fn filter(
        &self,
        bank: &str,
        state: Option<&str>,
        names: [&Option<String>; 3],
    ) -> Result<Filter, ApiError> {
        let mut filter = match state {
            None => Filter::bank(bank),
            Some(name) => {
                let state = State::ALL.into_iter().find(|state| state.name() == name);
                let known = State::ALL.map(State::name).join(", ");
                let state = state.ok_or_else(|| field("state", &format!("it is none of {known}")))?;
                self.banks.precedents(bank).in_state(state)
            }
        };
        let [category, language, tag] = names.map(|name| name.iter().cloned());
        filter.labels.extend(category);
        filter.languages.extend(language);
        filter.all_tags.extend(tag);
        Ok(filter)
    }
}

/// Who decides, for [`Clerk::review`].
#[must_use]
pub fn opinion<'a>(by: &'a str, review: ReviewJson, floors: &'a BTreeSet<Category>) -> Opinion<'a> {
    Opinion { by, reason: review.reason, floors }
}

fn within(
    name: &'static str,
    given: Option<usize>,
    (usual, most): (usize, usize),
) -> Result<usize, ApiError> {
    let number = given.unwrap_or(usual);
    let range = 1..=most;
    range
        .contains(&number)
        .then_some(number)
        .ok_or_else(|| field(name, &format!("it lies within 1 to {most}")))
}

fn field(field: &'static str, reason: &str) -> ApiError {
    ApiError::Field { field, reason: reason.to_owned() }
}

impl From<PrecedentError> for ApiError {
    fn from(error: PrecedentError) -> Self {
        match error {
            PrecedentError::Refused(refusal) => Self::Refused(refusal),
            PrecedentError::Index(error) => Self::Bank(BankError::Index(error)),
            PrecedentError::Embedding(error) => Self::Bank(BankError::Embedding(error)),
        }
    }
}

/// An answer or a refusal, as one JSON.
#[derive(Debug, serde::Serialize)]
#[serde(untagged)]
pub enum Either<T> {
    /// It went well.
    Done(T),
    /// It did not.
    Refused(ErrorJson),
}

impl<T> From<Result<T, ApiError>> for Either<T> {
    fn from(result: Result<T, ApiError>) -> Self {
        result.map_or_else(|error| Self::Refused(ErrorJson::from(&error)), Self::Done)
    }
}
