//! `Moderator::judge`: a text in, a judgment out, within the service's limits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use inference::Device;
use policies::{Ask, Content, Judgment, Pipeline, Policy};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::chambers::Chambers;
use crate::config::Limits;
use crate::deadline;
use crate::decisions::{Decisions, Minutes};
use crate::error::ApiError;
use crate::metrics::Metrics;

/// Texts longer than this are normalized on a thread of their own, so that short ones need not wait.
const LONG_TEXT_BYTES: usize = 16 << 10;

/// Judges texts by the policies it was made with. Shared by all requests.
pub struct Moderator {
    chambers: Arc<Chambers>,
    limits: Limits,
    places: Semaphore,
    metrics: Metrics,
    models: Vec<ModelInUse>,
    decisions: Option<Arc<Decisions>>,
}

/// A model that is loaded, and where it runs.
#[derive(Clone, Debug)]
pub struct ModelInUse {
    /// Its part: `encoder` or `llama`.
    pub part: &'static str,
    /// The digest that records name it by.
    pub digest: String,
    /// The device that runs it, how that is known, and why no other does.
    pub device: Device,
}

/// What a request says about how its texts are to be judged.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// The policy's name; the default policy unless given.
    pub policy: Option<String>,
    /// Names of the categories to judge; all of the policy's if empty.
    pub categories: Vec<String>,
    /// By when each text's answer is sent; as configured unless given.
    pub deadline: Option<Duration>,
    /// Whether stages should say in a line why they judge so.
    pub explain: bool,
}

/// Terms that have been checked, and the pipeline they lead to.
#[derive(Clone)]
pub struct Docket {
    pipeline: Arc<Pipeline>,
    ask: Arc<Ask>,
}

impl Docket {
    /// The policy that judges.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.pipeline.policy()
    }

    /// How long judging a text may take, so that the answer is sent by the deadline; as long as it takes if there is none.
    #[must_use]
    pub fn budget(&self) -> Option<Duration> {
        self.ask.budget
    }
}

impl Moderator {
    /// A moderator by the policies of `chambers`.
    #[must_use]
    pub fn new(chambers: Arc<Chambers>, limits: Limits, metrics: Metrics) -> Self {
        let places = Semaphore::new(limits.max_in_flight);
        Self { chambers, limits, places, metrics, models: Vec::new(), decisions: None }
    }

    /// The same moderator, which notes what it decides.
    #[must_use]
    pub fn with_decisions(self, decisions: Arc<Decisions>) -> Self {
        Self { decisions: Some(decisions), ..self }
    }

    /// The same moderator, which can say what it judges with.
    #[must_use]
    pub fn with_models(self, models: Vec<ModelInUse>) -> Self {
        Self { models, ..self }
    }

    /// The policies in force.
    #[must_use]
    pub fn chambers(&self) -> &Arc<Chambers> {
        &self.chambers
    }

    /// The limits it holds requests to.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The models it judges with.
    #[must_use]
    pub fn models(&self) -> &[ModelInUse] {
        &self.models
    }

    /// What it counts.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Checks a request's terms.
    ///
    /// # Errors
    ///
    /// [`ApiError::UnknownPolicy`], or [`ApiError::Field`] for a category the policy does not judge.
    pub fn docket(&self, terms: &Terms) -> Result<Docket, ApiError> {
        let pipeline = self.chambers.of(terms.policy.as_deref())?.judging;
        let policy = pipeline.policy();
        Minutes::under(policy.digest());
        let category = |name: &String| {
            let rule = policy.category(name).map(|rule| rule.name.clone());
            rule.ok_or_else(|| ApiError::Field {
                field: "categories",
                reason: format!("policy `{}` does not judge `{name}`", policy.name()),
            })
        };
        let categories = terms.categories.iter().map(category).collect::<Result<BTreeSet<_>, _>>()?;
        let budget = self.limits.budget(terms.deadline);
        Ok(Docket {
            pipeline: Arc::clone(&pipeline),
            ask: Arc::new(Ask { categories, budget, explain: terms.explain }),
        })
    }

    /// A place among the texts being judged, at once or not at all.
    ///
    /// # Errors
    ///
    /// [`ApiError::Overloaded`] when all are taken.
    pub fn try_place(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.places.try_acquire().map_err(|_| ApiError::Overloaded)
    }

    /// A place among the texts being judged, as soon as there is one.
    ///
    /// # Errors
    ///
    /// [`ApiError::Overloaded`] when no place will come free any more.
    pub async fn place(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.places.acquire().await.map_err(|_| ApiError::Overloaded)
    }

    /// Judges `text`; the caller holds a place for it.
    ///
    /// # Errors
    ///
    /// [`ApiError::Content`] when there is nothing to judge, or too much. Nothing else: a stage that fails
    /// is in the record.
    pub async fn judge(
        &self,
        docket: &Docket,
        text: String,
        _place: &SemaphorePermit<'_>,
    ) -> Result<Judgment, ApiError> {
        let (started, _judging) = (Instant::now(), self.metrics.judging());
        let content = Arc::new(self.content(text).await?);
        // What it took to read the text counts.
        let budget = deadline::left(docket.budget(), started.elapsed());
        let ask = Ask { budget, ..docket.ask.as_ref().clone() };
        let judgment = docket.pipeline.judge(Arc::clone(&content), &ask).await;
        self.metrics.count(docket.policy(), &judgment, started.elapsed());
        if let Some(decisions) = &self.decisions {
            decisions.judged(content.original(), &judgment, docket.policy());
        }
        Ok(judgment)
    }

    async fn content(&self, text: String) -> Result<Content, ApiError> {
        let limits = policies::Limits { max_chars: self.limits.max_chars, ..policies::Limits::default() };
        if text.len() <= LONG_TEXT_BYTES {
            return Ok(Content::with_limits(text, &limits)?);
        }
        let normalizing = tokio::task::spawn_blocking(move || Content::with_limits(text, &limits));
        Ok(normalizing.await.map_err(|_| ApiError::Internal)??)
    }
}
