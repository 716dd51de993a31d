//! What the service and the command line do with banks: JSON in, JSON out, nothing decided.

mod documents;
mod intake;
mod wire;

use std::collections::BTreeSet;
use std::sync::Arc;

use indexes::{Filter, Query};
use plugins::{BankError, Banks, Kind, Manner, Opinion, PrecedentError, Sight, State};
use policies::{Category, Content};
use schemars::JsonSchema;

pub(crate) use documents::acting_for;
pub use documents::{ChunksJson, DocumentJson, KeptJson, PassageJson, ShelfJson};
pub use intake::Importing;
pub use wire::{
    AccountJson, BankJson, BanksJson, CaseJson, EnteredJson, FilterJson, HitsJson, ImportJson, ListedJson,
    ModeJson, NewBankJson, PageJson, ReviewJson, RowJson, SearchJson,
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

/// Whoever asks.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// The key's name.
    pub by: &'a str,
    /// The documents it may see.
    pub sight: &'a Sight,
}

/// What a bank holds, by its kind.
#[derive(Debug, serde::Serialize, JsonSchema)]
#[serde(untagged)]
pub enum HoldsJson {
    /// Decided cases.
    Cases(AccountJson),
    /// Documents.
    Documents(ShelfJson),
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
    pub async fn list(&self, who: Who<'_>) -> Result<BanksJson, ApiError> {
        let mut banks = Vec::new();
        for (name, kind) in self.banks.list().await? {
            let rows = match kind {
                Kind::Precedents => self.banks.count(&Filter::bank(&name)).await?,
                Kind::Documents => self.banks.documents(&name).count(who.sight).await?.0,
            };
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
        let known = Kind::ALL.map(Kind::name).join(", ");
        let kind = kind.ok_or_else(|| field("kind", &format!("there are: {known}")))?;
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
    pub async fn account(&self, bank: &str, who: Who<'_>) -> Result<HoldsJson, ApiError> {
        Ok(match self.kind(bank).await? {
            Kind::Precedents => {
                HoldsJson::Cases(AccountJson::new(bank, self.banks.precedents(bank).account().await?))
            }
            Kind::Documents => HoldsJson::Documents(self.inventory(bank, who.sight).await?),
        })
    }

    /// What a bank holds.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`].
    pub async fn kind(&self, bank: &str) -> Result<Kind, ApiError> {
        Ok(self.banks.kind(bank).await?)
    }

    /// Refuses a bank that holds something else.
    async fn holds(&self, bank: &str, wanted: Kind) -> Result<(), ApiError> {
        let kind = self.kind(bank).await?;
        if kind == wanted {
            return Ok(());
        }
        Err(BankError::Kind { name: bank.to_owned(), kind, wanted }.into())
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
        who: Who<'_>,
    ) -> Result<Vec<Result<EnteredJson, ApiError>>, ApiError> {
        self.holds(bank, Kind::Precedents).await?;
        let into_case = |case: CaseJson| case.into_case(who.by);
        let cases: Vec<_> = cases.into_iter().map(|case| case.and_then(into_case)).collect();
        let good = cases.iter().flatten().cloned().collect();
        let mut entered = self.banks.precedents(bank).enter(good, who.by).await?.into_iter();
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
    pub async fn row(&self, bank: &str, id: &str, who: Who<'_>) -> Result<ListedJson, ApiError> {
        match self.kind(bank).await? {
            Kind::Precedents => {
                Ok(ListedJson::Case(RowJson::new(&*self.banks.precedents(bank).case(id).await?, None)))
            }
            Kind::Documents => self.kept(&self.banks.documents(bank), id, who.sight).await,
        }
    }

    /// Removes one row.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`], [`ApiError::Refused`].
    pub async fn remove(&self, bank: &str, id: &str, who: Who<'_>) -> Result<(), ApiError> {
        match self.kind(bank).await? {
            Kind::Precedents => Ok(self.banks.precedents(bank).remove(id).await?),
            Kind::Documents => Ok(self.banks.documents(bank).remove(id, who.sight).await.map(drop)?),
        }
    }

    /// A page of rows.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`], [`ApiError::Field`].
    pub async fn page(&self, bank: &str, wanted: &FilterJson, who: Who<'_>) -> Result<PageJson, ApiError> {
        if self.kind(bank).await? == Kind::Documents {
            return self.shelf(&self.banks.documents(bank), wanted, who.sight).await;
        }
        let FilterJson { state, category, language, tag, after, limit, .. } = wanted;
        let filter = self.filter(bank, state.as_deref(), [category, language, tag])?;
        let limit = within("limit", *limit, PAGE)?;
        let page = self.banks.scan(after.as_deref(), limit, &filter).await?;
        let rows = page.rows.iter().map(|row| ListedJson::Case(RowJson::new(row, None)));
        Ok(PageJson { rows: rows.collect(), next: page.next })
    }

    /// Cases that resemble a text, with their rulings; passages of documents that answer it.
    ///
    /// # Errors
    ///
    /// [`ApiError::Bank`], [`ApiError::Content`], [`ApiError::Field`].
    pub async fn search(&self, bank: &str, wanted: &SearchJson, who: Who<'_>) -> Result<HitsJson, ApiError> {
        if self.kind(bank).await? == Kind::Documents {
            return self.passages(&self.banks.documents(bank), wanted, who.sight).await;
        }
        Content::new(wanted.text.as_str())?;
        let SearchJson { state, category, language, tag, tags, document, .. } = wanted;
        for (name, given) in [("tags", tags.is_some()), ("document", document.is_some())] {
            if given {
                return Err(field(name, "it goes with banks of documents"));
            }
        }
        let filter = self.filter(bank, state.as_deref(), [category, language, tag])?;
        let (minimum, k) = (minimum(wanted.minimum)?, within("k", wanted.k, HITS)?);
        let question = Query { minimum, filter, ..Query::new(Vec::new(), k) };
        let hits = self.banks.search(&wanted.text, manner(wanted.mode), question).await?;
        let hits = hits.iter().map(|hit| ListedJson::Case(RowJson::new(&hit.row, Some(hit.similarity))));
        Ok(HitsJson { hits: hits.collect() })
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
        self.holds(bank, Kind::Precedents).await?;
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

pub(crate) fn manner(mode: ModeJson) -> Manner {
    match mode {
        ModeJson::Dense => Manner::Dense,
        ModeJson::Sparse => Manner::Sparse,
        ModeJson::Hybrid => Manner::Hybrid,
    }
}

pub(crate) fn minimum(given: Option<f32>) -> Result<f32, ApiError> {
    let minimum = given.unwrap_or(-1.0);
    let cosine = (-1.0..=1.0).contains(&minimum);
    cosine.then_some(minimum).ok_or_else(|| field("minimum", "it is a cosine, -1 to 1"))
}

pub(crate) fn within(
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
#[derive(Debug, serde::Serialize, JsonSchema)]
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
