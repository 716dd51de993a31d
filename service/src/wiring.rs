//! From a configuration to a moderator: what is loaded, in which order, and what can go wrong.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use inference::{InferenceError, SetUpError};
use plugins::{Banks, PluginError, PrecedentError, Resources};
use policies::{Policy, PolicyError};

use crate::chambers::{ByName, Chamber, Chambers};
use crate::clerk::Clerk;
use crate::config::{Config, ConfigError, Policies as Names};
use crate::decisions::Decisions;
pub use crate::engine::Access;
use crate::engine::{self, Engine, EngineError};
use crate::error::ApiError;
use crate::grounds::Grounds;
use crate::jobs::Jobs;
use crate::lists::Lists;
use crate::metrics::Metrics;
pub use crate::models::{Models, llama_options, models, runtime};
use crate::moderator::Moderator;
use crate::protected::Protected;
use crate::scribe::{Pen, Scribe};
use crate::sentence;
use crate::summarizer::Summarizer;
use crate::vectors::Vectors;

/// The policy that ships with the service.
pub(crate) const DEFAULT_POLICY: &str = include_str!("../../policies/library/default.toml");

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// ONNX Runtime or the encoder is neither here nor to be had.
    #[error(transparent)]
    SetUp(#[from] SetUpError),
    /// A model does not load.
    #[error("a model cannot be used")]
    Inference(#[from] InferenceError),
    /// The banks do not open.
    #[error("the banks cannot be opened")]
    Engine(#[from] EngineError),
    /// The banks do not answer.
    #[error("the banks cannot be read")]
    Banks(#[source] PrecedentError),
    /// There are no banks to write to.
    #[error("the banks are open for reading only")]
    NoBanks,
    /// Lists or jobs in the data folder cannot be read.
    #[error("the lists and jobs in the data folder cannot be read")]
    Kept(#[source] std::io::Error),
    /// A policy file cannot be read.
    #[error("`{file}` cannot be read")]
    PolicyFile {
        /// Which file.
        file: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A policy is wrong.
    #[error("policy `{name}`")]
    Policy {
        /// Its file, or `default`.
        name: String,
        /// What to change.
        #[source]
        source: PolicyError,
    },
    /// A policy's stages cannot be built.
    #[error("policy `{name}`")]
    Stages {
        /// The policy.
        name: String,
        /// What to change; boxed, because a path on Windows makes it large.
        #[source]
        source: Box<PluginError>,
    },
    /// Two policies have one name.
    #[error("two policies are called `{0}`")]
    SameName(String),
    /// The default policy is not among the policies.
    #[error("`policies.default` names `{name}`; there are: {}", .known.join(", "))]
    NoDefault {
        /// The name it has.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The model that grounds does not fit this version.
    #[error("{0}")]
    Grounds(String),
    /// The log of decisions does not open.
    #[error("the decision log in `{folder}` cannot be opened")]
    Decisions {
        /// The folder for data.
        folder: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The metrics contradict each other.
    #[error("the metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
}

/// Reads a policy file, or the default policy.
///
/// # Errors
///
/// [`WiringError::PolicyFile`] and [`WiringError::Policy`] say what to change.
pub fn policy(file: Option<&Path>) -> Result<Policy, WiringError> {
    let Some(file) = file else {
        let broken = |source| WiringError::Policy { name: "default".to_owned(), source };
        return Policy::parse(DEFAULT_POLICY).map_err(broken);
    };
    let unreadable = |source| WiringError::PolicyFile { file: file.to_owned(), source };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    Policy::parse_with_files(&text, |name| std::fs::read_to_string(folder.join(name)))
        .map_err(|source| WiringError::Policy { name: file.display().to_string(), source })
}

/// Builds what one policy judges and summarizes by.
///
/// # Errors
///
/// [`WiringError::Stages`] says what to change in the policy.
pub async fn chamber(
    policy: Policy,
    models: &Models,
    tenant: Option<Arc<Banks>>,
) -> Result<Chamber, WiringError> {
    let name = policy.name().to_owned();
    let build = async {
        let own =
            plugins::policy_bank(&policy, &models.embedder, Some(&models.cache.join("vectors"))).await?;
        let mut resources = Resources {
            policy: Arc::new(policy),
            embedder: models.embedder.clone(),
            classifier: Arc::clone(&models.classifier),
            banks: vec![own],
            tenant,
            llama: models.llama.clone(),
            writer: models.writer.clone(),
            judging: None,
        };
        let judging = Arc::new(plugins::builtin().pipeline(&resources)?);
        resources.judging = Some(Arc::clone(&judging));
        let summarizes = !resources.policy.summary_stages().is_empty();
        let summarizing = summarizes.then(|| plugins::summarizing().pipeline(&resources)).transpose()?;
        Ok(Chamber { judging, summarizing: summarizing.map(Arc::new) })
    };
    build.await.map_err(|source| WiringError::Stages { name, source: Box::new(source) })
}

/// Everything a service needs.
pub struct House {
    /// Judges.
    pub moderator: Arc<Moderator>,
    /// Summarizes.
    pub summarizer: Arc<Summarizer>,
    /// Answers.
    pub scribe: Arc<Scribe>,
    /// Text to vectors.
    pub vectors: Arc<Vectors>,
    /// Keeps what was decided.
    pub decisions: Arc<Decisions>,
    /// Looks after the banks.
    pub clerk: Clerk,
    /// Reads the policies again.
    pub policies: Arc<Policies>,
    /// Holds the banks.
    pub engine: Arc<Engine>,
    /// Keeps callers' lists.
    pub lists: Arc<Lists>,
    /// Keeps summaries that are made while nobody waits.
    pub jobs: Arc<Jobs>,
    /// Finds copies, if there is something to protect.
    pub protected: Option<Arc<Protected>>,
}

/// The policy files, and what their pipelines are made of.
pub struct Policies {
    config: Config,
    models: Models,
    engine: Option<Arc<Engine>>,
    /// One reading at a time: the later one is to stay.
    reading: tokio::sync::Mutex<()>,
}

impl Policies {
    /// Reads all policy files again and puts them in force, all or none.
    ///
    /// # Errors
    ///
    /// [`ApiError::Policies`] says which file is broken and why; the policies in force stay.
    pub async fn reload(&self, chambers: &Chambers) -> Result<(), ApiError> {
        let _reading = self.reading.lock().await;
        let read = async { self.chambers(read_policies(&self.config)?).await };
        chambers.replace(read.await.map_err(|error| ApiError::Policies(sentence(&error)))?);
        Ok(())
    }

    async fn chambers(&self, policies: Vec<Policy>) -> Result<ByName, WiringError> {
        let mut by_name = BTreeMap::new();
        for policy in policies {
            let name = policy.name().to_owned();
            let chamber = chamber(policy, &self.models, self.banks()).await?;
            if by_name.insert(name.clone(), chamber).is_some() {
                return Err(WiringError::SameName(name));
            }
        }
        let default = &self.config.policies.default;
        if !by_name.contains_key(default) {
            return Err(WiringError::NoDefault {
                name: default.clone(),
                known: by_name.into_keys().collect(),
            });
        }
        Ok(by_name)
    }

    fn banks(&self) -> Option<Arc<Banks>> {
        self.engine.as_ref().map(|engine| Arc::clone(&engine.banks))
    }
}

/// The library's policy and those of the configuration.
///
/// # Errors
///
/// As [`policy`].
pub fn read_policies(config: &Config) -> Result<Vec<Policy>, WiringError> {
    let files = config.policies.files.iter().map(|file| Some(file.as_path()));
    std::iter::once(None).chain(files).map(policy).collect()
}

/// Builds what judges and what summarizes: models, banks, policies.
///
/// # Errors
///
/// [`WiringError`] says what is missing or wrong, and what to do.
pub async fn verbs(config: &Config, access: Access) -> Result<(Moderator, Summarizer), WiringError> {
    let (policies, written) = policies(config, access)?;
    verbs_of(&policies, written).await
}

/// Builds what judges.
///
/// # Errors
///
/// As [`verbs`].
pub async fn moderator(config: &Config, access: Access) -> Result<Moderator, WiringError> {
    Ok(verbs(config, access).await?.0)
}

/// Builds everything that `serve` needs.
///
/// # Errors
///
/// As [`verbs`].
pub async fn house(config: &Config) -> Result<House, WiringError> {
    // While the models load: facades look for attacks and personal data whatever the policies order.
    let preparing = tokio::task::spawn_blocking(plugins::prepare);
    let (policies, written) = policies(config, Access::Write)?;
    let (moderator, summarizer) = verbs_of(&policies, written).await?;
    let engine = policies.engine.clone().ok_or(WiringError::NoBanks)?;
    let clerk = Clerk::new(Arc::clone(&engine.banks));
    let decisions = Arc::new(decisions(config, moderator.metrics())?);
    let moderator = Arc::new(moderator.with_decisions(Arc::clone(&decisions)));
    let summarizer = Arc::new(summarizer.with_decisions(Arc::clone(&decisions)));
    let scribe = Scribe::new(pen(config, &policies.models), Arc::clone(&moderator), config.chat.clone());
    // A policy that is not there is known before anybody asks.
    scribe.docket().map_err(|error| ConfigError::Contradiction(format!("`chat.policy`: {error}")))?;
    let vectors = Vectors::new(policies.models.embedder.clone(), config.limits.max_chars);
    let (scribe, vectors, policies) = (Arc::new(scribe), Arc::new(vectors), Arc::new(policies));
    let folder = config.data_folder()?;
    let lists = Arc::new(Lists::open(&folder.join("lists")).map_err(WiringError::Kept)?);
    let jobs = Arc::new(Jobs::open(&folder.join("jobs")).map_err(WiringError::Kept)?);
    let protect = |bank| Arc::new(Protected::new(Arc::clone(&engine.banks), bank));
    let protected = config.protected.bank.clone().map(protect);
    // A pattern that is not built by now is when it is first needed.
    let _ = preparing.await;
    Ok(House {
        moderator,
        summarizer,
        scribe,
        vectors,
        decisions,
        clerk,
        policies,
        engine,
        lists,
        jobs,
        protected,
    })
}

fn decisions(config: &Config, metrics: &Metrics) -> Result<Decisions, WiringError> {
    let folder = config.data_folder()?;
    Decisions::open(&folder, &config.decisions, metrics.clone())
        .map_err(|source| WiringError::Decisions { folder, source })
}

/// The LLaMA that answers: the one that writes, or else the one that judges, if it is able.
fn pen(config: &Config, models: &Models) -> Option<Pen> {
    let name = |folder: Option<&PathBuf>| {
        let name = folder.and_then(|folder| folder.file_name());
        name.map_or_else(|| "llama".to_owned(), |name| name.to_string_lossy().into_owned())
    };
    let (own, other) = (config.llama.writer.as_ref(), config.llama.folder.as_ref());
    let writer = models.writer.clone().map(|llama| (name(own.or(other)), llama));
    let judge = models.llama.clone().map(|llama| (name(other), llama));
    Pen::first(writer.into_iter().chain(judge))
}

fn policies(config: &Config, access: Access) -> Result<(Policies, Vec<Policy>), WiringError> {
    let written = read_policies(config)?;
    let models = models(config, &written)?;
    let engine = engine::open(config, &models.embedder, access)?.map(Arc::new);
    Ok((Policies { config: config.clone(), models, engine, reading: tokio::sync::Mutex::default() }, written))
}

async fn verbs_of(policies: &Policies, written: Vec<Policy>) -> Result<(Moderator, Summarizer), WiringError> {
    let by_name = policies.chambers(written).await?;
    if let Some(engine) = &policies.engine {
        engine.start().await.map_err(WiringError::Banks)?;
    }
    let Config { policies: Names { default, .. }, limits, .. } = policies.config.clone();
    let (chambers, metrics) = (Arc::new(Chambers::new(by_name, default)), Metrics::new()?);
    policies.models.watch(&metrics);
    let grounds = Grounds::new(policies.models.embedder.clone()).map_err(WiringError::Grounds)?;
    let rooms = (policies.banks(), grounds);
    let summarizer = Summarizer::new(Arc::clone(&chambers), rooms, limits.clone(), metrics.clone());
    let moderator = Moderator::new(chambers, limits, metrics).with_models(policies.models.in_use());
    Ok((moderator, summarizer))
}
