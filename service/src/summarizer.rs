//! `Summarizer::summarize`: documents in, a summary out, within the service's limits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use plugins::{Banks, Document, Given, Kind, Question, Retrieved};
use policies::{Ask, Assignment, Library, Listener, Summarized, Wish};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::chambers::Chambers;
use crate::config::Limits;
use crate::deadline;
use crate::decisions::Decisions;
use crate::error::ApiError;
use crate::grounds::{Grounds, Standing};
use crate::metrics::Metrics;

/// Bytes of one text from which its language is told.
const SAMPLE: usize = 4_000;

/// Summarizes documents by the policies it was made with. Shared by all requests.
pub struct Summarizer {
    chambers: Arc<Chambers>,
    banks: Option<Arc<Banks>>,
    grounds: Grounds,
    limits: Limits,
    places: Semaphore,
    metrics: Metrics,
    decisions: Option<Arc<Decisions>>,
}

/// What is to be summarized, and how.
pub struct Order {
    /// The policy's name; the default policy unless given.
    pub policy: Option<String>,
    /// Where the documents are.
    pub from: From,
    /// What the summary is to answer.
    pub query: Option<String>,
    /// What it is to be like; its language, if that is empty, is the query's or the documents'.
    pub wish: Wish,
    /// By when its answer is sent; as configured unless given.
    pub deadline: Option<Duration>,
    /// Who hears each sentence as soon as it is checked.
    pub listener: Option<Arc<dyn Listener>>,
}

/// Where documents are.
pub enum From {
    /// In the request.
    Request(Vec<Document>),
    /// In a bank.
    Bank(String, Question),
}

impl Summarizer {
    /// A summarizer by the policies of `chambers`; without `banks` it takes documents of requests only.
    #[must_use]
    pub fn new(
        chambers: Arc<Chambers>,
        (banks, grounds): (Option<Arc<Banks>>, Grounds),
        limits: Limits,
        metrics: Metrics,
    ) -> Self {
        let places = Semaphore::new(limits.max_summaries);
        Self { chambers, banks, grounds, limits, places, metrics, decisions: None }
    }

    /// The same summarizer, which notes what it decides.
    #[must_use]
    pub fn with_decisions(self, decisions: Arc<Decisions>) -> Self {
        Self { decisions: Some(decisions), ..self }
    }

    /// Digest of a policy; of the default policy unless one is named.
    ///
    /// # Errors
    ///
    /// [`ApiError::UnknownPolicy`].
    pub fn digest(&self, policy: Option<&str>) -> Result<Arc<str>, ApiError> {
        Ok(Arc::clone(self.chambers.of(policy)?.judging.policy().digest()))
    }

    /// What it holds texts against documents with.
    #[must_use]
    pub fn grounds(&self) -> &Grounds {
        &self.grounds
    }

    /// The limits it holds requests to.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A place among the summaries being made, at once or not at all.
    ///
    /// # Errors
    ///
    /// [`ApiError::Overloaded`] when all are taken.
    pub fn try_place(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.places.try_acquire().map_err(|_| ApiError::Overloaded)
    }

    /// A place among the summaries being made, as soon as there is one.
    ///
    /// # Errors
    ///
    /// [`ApiError::Overloaded`] when no place will come free any more.
    pub async fn place(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.places.acquire().await.map_err(|_| ApiError::Overloaded)
    }

    /// Summarizes; the caller holds a place for it.
    ///
    /// # Errors
    ///
    /// What cannot be summarized: no document, one without an end, a bank that is not there, a policy without stages for
    /// it. Nothing else: a stage that fails is in the record.
    pub async fn summarize(
        &self,
        order: Order,
        _place: &SemaphorePermit<'_>,
    ) -> Result<Summarized, ApiError> {
        let started = Instant::now();
        let chamber = self.chambers.of(order.policy.as_deref())?;
        let name = chamber.judging.policy().name().to_owned();
        let pipeline = chamber.summarizing.ok_or_else(|| ApiError::Field {
            field: "policy",
            reason: format!("policy `{name}` has no [[summary]] stages"),
        })?;
        let query = order.query.filter(|query| !query.trim().is_empty());
        self.fits("query", query.as_deref().unwrap_or_default())?;
        let mut wish = order.wish;
        let (library, sample) = self.library(order.from, query.as_deref()).await?;
        if wish.language.is_empty() {
            let sample = query.clone().unwrap_or(sample);
            wish.language = plugins::language(&sample).unwrap_or("en").into();
        }
        let query = query.map(Into::into);
        let assignment = Assignment { library, query, wish, listener: order.listener };
        // What it took to fetch the documents counts.
        let budget = deadline::left(self.limits.budget(order.deadline), started.elapsed());
        let ask = Ask { categories: BTreeSet::new(), budget, explain: false };
        let summarized = pipeline.summarize(Arc::new(assignment), &ask).await;
        self.metrics.count_summary(&name, &summarized, started.elapsed());
        if let Some(decisions) = &self.decisions {
            decisions.summarized(&summarized);
        }
        Ok(summarized)
    }

    /// Holds a text against documents; the caller holds a place for it.
    ///
    /// # Errors
    ///
    /// Too much text, or none; [`ApiError::TimedOut`]; a model that does not answer.
    pub async fn ground(
        &self,
        (text, documents): (&str, &[&str]),
        deadline: Option<Duration>,
        _place: &SemaphorePermit<'_>,
    ) -> Result<Standing, ApiError> {
        self.fits("text", text)?;
        if text.trim().is_empty() || documents.iter().all(|document| document.trim().is_empty()) {
            let field_name = if text.trim().is_empty() { "text" } else { "documents" };
            return Err(field(field_name, "there is nothing to read"));
        }
        if documents.len() > self.limits.max_documents {
            let limit = self.limits.max_documents;
            return Err(field("documents", &format!("more than {limit} (limits.max_documents)")));
        }
        documents.iter().try_for_each(|document| self.fits("documents", document))?;
        self.grounds.hold(text, documents, self.limits.budget(deadline)).await
    }

    fn fits(&self, name: &'static str, text: &str) -> Result<(), ApiError> {
        let limit = self.limits.max_chars;
        // Bytes are counted first: they are known.
        if text.len() > limit && text.chars().count() > limit {
            return Err(field(name, &format!("more than {limit} characters (limits.max_chars)")));
        }
        Ok(())
    }

    /// Where the documents are, and the beginning of one.
    async fn library(&self, from: From, query: Option<&str>) -> Result<(Arc<dyn Library>, String), ApiError> {
        match from {
            From::Request(documents) => {
                self.check(&documents)?;
                let sample =
                    documents.iter().map(|document| beginning(&document.text)).next().unwrap_or_default();
                Ok((Arc::new(Given::new(documents)), sample))
            }
            From::Bank(bank, question) => {
                let banks = self.banks.as_ref().ok_or_else(|| field("bank", "there are no banks here"))?;
                let kind = banks.kind(&bank).await?;
                if kind != Kind::Documents {
                    return Err(plugins::BankError::Kind { name: bank, kind, wanted: Kind::Documents }.into());
                }
                if query.is_none() && question.document.is_none() {
                    return Err(field("query", "a bank is asked something, or for one `document`"));
                }
                let documents = banks.documents(&bank);
                let sample = match &question.document {
                    Some(id) => beginning(&documents.document(id, &question.sight).await?.document.text),
                    None => String::new(),
                };
                Ok((Arc::new(Retrieved::new(documents, query.map(Into::into), question)), sample))
            }
        }
    }

    fn check(&self, documents: &[Document]) -> Result<(), ApiError> {
        let max_documents = self.limits.max_documents;
        if documents.is_empty() {
            return Err(field("documents", "there is none"));
        }
        if documents.len() > max_documents {
            return Err(field("documents", &format!("more than {max_documents} (limits.max_documents)")));
        }
        let mut ids = BTreeSet::new();
        for document in documents {
            document.check()?;
            if !ids.insert(&document.id) {
                return Err(field("documents", "two have the same `id`"));
            }
            self.fits("documents", &document.text)?;
        }
        Ok(())
    }
}

/// As much of a text as tells its language.
fn beginning(text: &str) -> String {
    let mut end = text.len().min(SAMPLE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

fn field(field: &'static str, reason: &str) -> ApiError {
    ApiError::Field { field, reason: reason.to_owned() }
}
