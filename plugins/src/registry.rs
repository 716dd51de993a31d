//! From a policy's `[[stage]]` entries to the stages themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexes::Index;
use inference::{Ability, Classifier, Embedder, Llama};
use policies::{Assignment, Content, Pipeline, Policy, Seat, Stage, StageSpec, Subject};
use serde::de::DeserializeOwned;

use crate::Banks;

/// What a policy orders stages for.
pub trait Ordered: Subject {
    /// The stages, in their order.
    fn stages(policy: &Policy) -> &[StageSpec];
}

impl Ordered for Content {
    fn stages(policy: &Policy) -> &[StageSpec] {
        policy.stages()
    }
}

impl Ordered for Assignment {
    fn stages(policy: &Policy) -> &[StageSpec] {
        policy.summary_stages()
    }
}

/// The options of a kind of stage, as a policy file holds them.
pub trait StageConfig<S: Ordered = Content>: DeserializeOwned {
    /// The `kind` a policy file names it by.
    const KIND: &'static str;

    /// Builds the stage. The error is a sentence for the person who wrote the policy.
    ///
    /// # Errors
    ///
    /// What the policy asks for cannot be had from `resources`.
    fn build(self, resources: &Resources) -> Result<Box<dyn Stage<S>>, String>;
}

/// The kind of the stage that needs a LLaMA.
pub const ADJUDICATE: &str = crate::adjudicate::Config::KIND;
/// The kind of the stage that finds attacks on language models.
pub const SHIELD: &str = crate::shield::Config::KIND;
/// The kind of the stage that wants a LLaMA that writes.
pub const SUMMARIZE: &str = crate::summary::SummarizeConfig::KIND;

/// What stages are made of.
#[derive(Clone)]
pub struct Resources {
    /// The policy they serve.
    pub policy: Arc<Policy>,
    /// Text to vectors.
    pub embedder: Embedder,
    /// Vectors and n-grams to probabilities.
    pub classifier: Arc<Classifier>,
    /// Banks of precedents and clauses that nobody changes while they are asked: the policy's own.
    pub banks: Vec<Arc<dyn Index>>,
    /// The tenant's banks, if there are any.
    pub tenant: Option<Arc<Banks>>,
    /// The LLaMA that judges, if one is loaded.
    pub llama: Option<Llama>,
    /// The LLaMA that writes, if one is loaded.
    pub writer: Option<Llama>,
    /// The policy's judging, for stages that judge parts of documents and of summaries.
    pub judging: Option<Arc<Pipeline>>,
}

impl Resources {
    /// The policy's judging.
    ///
    /// # Errors
    ///
    /// A sentence for who put the pipeline together: it is not there.
    pub(crate) fn judging(&self) -> Result<Arc<Pipeline>, String> {
        self.judging.clone().ok_or_else(|| "the policy's judging is built first".to_owned())
    }
}

/// Why a policy's stages cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The policy names a kind that does not exist.
    #[error("stage `{kind}` does not exist; there are: {}", .known.join(", "))]
    UnknownStage {
        /// What it names.
        kind: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// A stage's options are wrong.
    #[error("stage `{stage}`: {reason}")]
    Options {
        /// The stage's name in the policy.
        stage: String,
        /// What to change.
        reason: String,
    },
    /// The policy's own precedents and clauses could not be embedded.
    #[error("the policy's precedents and clauses could not be embedded")]
    Embedding(#[from] inference::InferenceError),
    /// The policy's own precedents and clauses could not be indexed.
    #[error("the policy's precedents and clauses could not be indexed")]
    Indexing(#[from] indexes::IndexError),
}

/// A stage, or a sentence for the person who wrote the policy.
type Built<S> = Result<Box<dyn Stage<S>>, String>;

/// What is known of a kind of stage.
struct Kind<S: Ordered> {
    /// Whether it has all the options given, with values they can have.
    check: fn(&StageSpec) -> Result<(), String>,
    build: fn(&StageSpec, &Resources) -> Built<S>,
}

/// The kinds of stages there are.
pub struct Registry<S: Ordered = Content> {
    kinds: BTreeMap<&'static str, Kind<S>>,
}

impl<S: Ordered> Default for Registry<S> {
    fn default() -> Self {
        Self { kinds: BTreeMap::new() }
    }
}

impl<S: Ordered> Registry<S> {
    /// The same registry, with one more kind.
    #[must_use]
    pub fn with<C: StageConfig<S>>(mut self) -> Self {
        let kind = Kind {
            check: |spec| options::<C>(spec).map(drop),
            build: |spec, resources| options::<C>(spec)?.build(resources),
        };
        self.kinds.insert(C::KIND, kind);
        self
    }

    /// The pipeline that `resources.policy` orders.
    ///
    /// # Errors
    ///
    /// [`PluginError::UnknownStage`] and [`PluginError::Options`] say what to change in the policy.
    pub fn pipeline(&self, resources: &Resources) -> Result<Pipeline<S>, PluginError> {
        let policy = &resources.policy;
        let ordered = S::stages(policy);
        let seats = ordered.iter().map(|spec| self.seat(spec, resources)).collect::<Result<_, _>>()?;
        let adjudicates = policy.stages().iter().any(|spec| spec.kind == ADJUDICATE);
        let llama = resources.llama.as_ref().filter(|_| adjudicates);
        let mut models = BTreeMap::from([
            ("classifier".to_owned(), resources.classifier.digest().to_owned()),
            ("encoder".to_owned(), resources.embedder.digest().to_owned()),
            // A record says so when there is none.
            ("llama".to_owned(), llama.map_or("none", |llama| llama.digest()).to_owned()),
        ]);
        if ordered.iter().any(|spec| spec.kind == SUMMARIZE) {
            let able = resources
                .writer
                .as_ref()
                .filter(|writer| writer.card().abilities.contains(&Ability::Summarize));
            let writer = able.map_or("none", |writer| writer.digest());
            models.insert("writer".to_owned(), writer.to_owned());
        }
        Ok(Pipeline::new(Arc::clone(policy), seats, models, None))
    }

    /// Checks a policy's stages and options without building anything.
    ///
    /// # Errors
    ///
    /// [`PluginError::UnknownStage`] and [`PluginError::Options`] say what to change in the policy.
    pub fn check(&self, policy: &Policy) -> Result<(), PluginError> {
        S::stages(policy)
            .iter()
            .try_for_each(|spec| (self.find(spec)?.check)(spec).map_err(|e| refused(spec, e)))
    }

    /// One stage by itself, for those who put pipelines together by hand.
    ///
    /// # Errors
    ///
    /// As [`Registry::pipeline`].
    pub fn seat(&self, spec: &StageSpec, resources: &Resources) -> Result<Seat<S>, PluginError> {
        let stage = (self.find(spec)?.build)(spec, resources).map_err(|reason| refused(spec, reason))?;
        Ok(Seat { spec: spec.clone(), stage })
    }

    fn find(&self, spec: &StageSpec) -> Result<&Kind<S>, PluginError> {
        self.kinds.get(spec.kind.as_str()).ok_or_else(|| PluginError::UnknownStage {
            kind: spec.kind.clone(),
            known: self.kinds.keys().copied().collect(),
        })
    }
}

fn options<C: DeserializeOwned>(spec: &StageSpec) -> Result<C, String> {
    // The message alone: the options were cut out of the file, so its lines and columns are gone.
    spec.options.clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

fn refused(spec: &StageSpec, reason: String) -> PluginError {
    PluginError::Options { stage: spec.label().to_owned(), reason }
}
