//! The models: which are loaded, from where, and how they are to run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use inference::{Classifier, Embedder, EmbedderOptions, Llama, LlamaOptions, Runtime, SetUp};
use policies::Policy;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::moderator::ModelInUse;
use crate::wiring::WiringError;

/// The models, loaded.
pub struct Models {
    /// Where what was computed once is kept.
    pub cache: PathBuf,
    /// Text to vectors.
    pub embedder: Embedder,
    /// Vectors and n-grams to probabilities.
    pub classifier: Arc<Classifier>,
    /// The LLaMA that judges, if a policy wants one.
    pub llama: Option<Llama>,
    /// The LLaMA that writes, if there is one: another one, or the one that judges.
    pub writer: Option<Llama>,
}

impl Models {
    /// Shows in `metrics` how many calls each has.
    pub(crate) fn watch(&self, metrics: &Metrics) {
        let embedder = self.embedder.clone();
        metrics.watch("encoder", move || embedder.waiting());
        for (name, llama) in self.llamas() {
            metrics.watch(name, move || llama.waiting());
        }
    }

    /// The LLaMA that judges, and the one that writes if it is another.
    fn llamas(&self) -> impl Iterator<Item = (&'static str, Llama)> {
        let judges = self.llama.as_ref();
        let is_other = |writer: &&Llama| judges.is_none_or(|llama| llama.digest() != writer.digest());
        let writer = self.writer.as_ref().filter(is_other);
        let named = judges.map(|llama| ("llama", llama)).into_iter();
        named.chain(writer.map(|llama| ("writer", llama))).map(|(name, llama)| (name, llama.clone()))
    }

    pub(crate) fn in_use(&self) -> Vec<ModelInUse> {
        let encoder = &self.embedder;
        let encoder = ModelInUse {
            part: "encoder",
            digest: encoder.digest().to_owned(),
            device: encoder.device().clone(),
        };
        let in_use = |(part, llama): (&'static str, Llama)| ModelInUse {
            part,
            digest: llama.digest().to_owned(),
            device: llama.device().clone(),
        };
        std::iter::once(encoder).chain(self.llamas().map(in_use)).collect()
    }
}

/// Loads ONNX Runtime, the encoder and the heads, and the LLaMA if one of `policies` wants it; fetches what is missing.
///
/// # Errors
///
/// [`WiringError`] says what is missing or broken, and what to do.
pub fn models<'a>(
    config: &Config,
    policies: impl IntoIterator<Item = &'a Policy>,
) -> Result<Models, WiringError> {
    let folder = config.models_folder()?;
    let setup = set_up(config)?;
    let runtime = Runtime::load(&setup.runtime()?)?;
    let weights = config.setup.encoder.clone().map_or_else(|| setup.encoder(), Ok)?;
    let defaults = EmbedderOptions::default();
    let options = EmbedderOptions {
        sessions: config.inference.sessions.unwrap_or(defaults.sessions),
        threads: config.inference.threads.unwrap_or(defaults.threads),
        queue: waiting(config),
        cache: config.inference.cache,
        providers: config.inference.providers.clone(),
        require: config.inference.require,
        ..defaults
    };
    let embedder = Embedder::load(runtime, &weights, &folder.join("encoder/model.onnx"), &options)?;
    let heads = folder.join("heads/heads.safetensors");
    let classifier = Arc::new(Classifier::load(&heads, embedder.weights())?);
    let policies: Vec<&Policy> = policies.into_iter().collect();
    let judges =
        policies.iter().flat_map(|policy| policy.stages()).any(|stage| stage.kind == plugins::ADJUDICATE);
    let summarizes = policies
        .iter()
        .flat_map(|policy| policy.summary_stages())
        .any(|stage| stage.kind == plugins::SUMMARIZE);
    let load = |folder: &Path| Llama::load(runtime, folder, &llama_options(config));
    let shipped = folder.join("guard");
    let llama = judges.then(|| load(config.llama.folder.as_deref().unwrap_or(&shipped))).transpose()?;
    let writer = match config.llama.writer.as_deref().filter(|_| summarizes) {
        Some(folder) => Some(load(folder)?),
        None => llama.clone().filter(|_| summarizes),
    };
    Ok(Models { cache: setup.cache, embedder, classifier, llama, writer })
}

/// Calls that may wait for a model: each text being judged waits at most once at a time, a summary for each passage of
/// it that is being judged, and for itself.
fn waiting(config: &Config) -> usize {
    config.limits.max_in_flight + config.limits.max_summaries * (plugins::PASSAGES_AT_ONCE + 1) + 1
}

/// How a LLaMA is to run.
#[must_use]
pub fn llama_options(config: &Config) -> LlamaOptions {
    let defaults = LlamaOptions::default();
    LlamaOptions {
        providers: config.inference.providers.clone(),
        require: config.inference.require,
        threads: config.llama.threads.unwrap_or(defaults.threads),
        packed: config.llama.packed.clone(),
        waiting: waiting(config),
        ..defaults
    }
}

/// Loads ONNX Runtime; fetches it where it is missing.
///
/// # Errors
///
/// [`WiringError`] says what is missing or broken, and what to do.
pub fn runtime(config: &Config) -> Result<&'static Runtime, WiringError> {
    Ok(Runtime::load(&set_up(config)?.runtime()?)?)
}

fn set_up(config: &Config) -> Result<SetUp, WiringError> {
    let written = &config.setup;
    let users = || SetUp::for_this_user();
    let setup = written.cache.as_ref().map_or_else(users, |cache| Ok(SetUp::in_cache(cache)))?;
    Ok(SetUp {
        python: written.python.clone(),
        dylib: written.onnxruntime.clone(),
        flavour: written.flavour,
        offline: written.offline,
        ..setup
    })
}
