//! From a policy's `[[stage]]` entries to the stages themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexes::Index;
use inference::{Classifier, Embedder, Llama};
use policies::{Pipeline, Policy, Seat, Stage, StageSpec};
use serde::de::DeserializeOwned;

use crate::Banks;

/// The options of a kind of stage, as a policy file holds them.
pub trait StageConfig: DeserializeOwned {
    /// The `kind` a policy file names it by.
    const KIND: &'static str;

    /// Builds the stage. The error is a sentence for the person who wrote the policy.
    ///
    /// # Errors
    ///
    /// What the policy asks for cannot be had from `resources`.
    fn build(self, resources: &Resources) -> Result<Box<dyn Stage>, String>;
}

/// The kind of the stage that needs a LLaMA.
pub const ADJUDICATE: &str = crate::adjudicate::Config::KIND;

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
    /// The LLaMA, if one is loaded.
    pub llama: Option<Llama>,
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
type Built = Result<Box<dyn Stage>, String>;

/// What is known of a kind of stage.
struct Kind {
    /// Whether it has all the options given, with values they can have.
    check: fn(&StageSpec) -> Result<(), String>,
    build: fn(&StageSpec, &Resources) -> Built,
}

/// The kinds of stages there are.
#[derive(Default)]
pub struct Registry {
    kinds: BTreeMap<&'static str, Kind>,
}

impl Registry {
    /// The same registry, with one more kind.
    #[must_use]
    pub fn with<C: StageConfig>(mut self) -> Self {
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
    pub fn pipeline(&self, resources: &Resources) -> Result<Pipeline, PluginError> {
        let policy = &resources.policy;
        let seats =
            policy.stages().iter().map(|spec| self.seat(spec, resources)).collect::<Result<_, _>>()?;
        let adjudicates = policy.stages().iter().any(|spec| spec.kind == ADJUDICATE);
        let llama = resources.llama.as_ref().filter(|_| adjudicates);
        let models = BTreeMap::from([
            ("classifier".to_owned(), resources.classifier.digest().to_owned()),
            ("encoder".to_owned(), resources.embedder.digest().to_owned()),
            // A record says so when there is none.
            ("llama".to_owned(), llama.map_or("none", |llama| llama.digest()).to_owned()),
        ]);
        Ok(Pipeline::new(Arc::clone(policy), seats, models, None))
    }

    /// Checks a policy's stages and options without building anything.
    ///
    /// # Errors
    ///
    /// [`PluginError::UnknownStage`] and [`PluginError::Options`] say what to change in the policy.
    pub fn check(&self, policy: &Policy) -> Result<(), PluginError> {
        policy
            .stages()
            .iter()
            .try_for_each(|spec| (self.find(spec)?.check)(spec).map_err(|e| refused(spec, e)))
    }

    /// One stage by itself, for those who put pipelines together by hand.
    ///
    /// # Errors
    ///
    /// As [`Registry::pipeline`].
    pub fn seat(&self, spec: &StageSpec, resources: &Resources) -> Result<Seat, PluginError> {
        let stage = (self.find(spec)?.build)(spec, resources).map_err(|reason| refused(spec, reason))?;
        Ok(Seat { spec: spec.clone(), stage })
    }

    fn find(&self, spec: &StageSpec) -> Result<&Kind, PluginError> {
        self.kinds.get(spec.kind.as_str()).ok_or_else(|| PluginError::UnknownStage {
            kind: spec.kind.clone(),
            known: self.kinds.keys().copied().collect(),
        })
    }
}

fn options<C: StageConfig>(spec: &StageSpec) -> Result<C, String> {
    // The message alone: the options were cut out of the file, so its lines and columns are gone.
    spec.options.clone().try_into().map_err(|error: toml::de::Error| error.message().to_owned())
}

fn refused(spec: &StageSpec, reason: String) -> PluginError {
    PluginError::Options { stage: spec.label().to_owned(), reason }
}
