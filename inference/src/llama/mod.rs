//! LLaMA 2 and its like: log-probabilities of continuations, and text.
//!
//! One thread owns a model's sessions and all keys and values; callers reach it by a queue. `score` reads each row in a
//! run of its own behind a prefix that is remembered; texts that are generated grow side by side, one token each a run.

mod about;
mod answers;
mod cache;
mod calls;
mod card;
mod chat;
mod checks;
mod constraint;
mod engine;
mod folder;
mod genai;
mod graph;
mod graphs;
mod guard;
mod job;
mod kv;
mod mind;
mod neutral;
mod optimum;
mod options;
mod packed;
mod prefixes;
mod rows;
mod sampling;
mod scoring;
mod session;
mod sessions;
mod spelling;
mod steps;
mod stream;
mod text;
mod tokens;
mod turns;
mod watch;
mod writers;

use std::{
    path::Path,
    sync::{Arc, OnceLock, atomic::AtomicU64},
};

pub use answers::{Branched, Generated, Scored};
pub use card::{Ability, Calibration, Graphs, ModelCard, Template};
pub use chat::{Prompt, Turn};
pub(crate) use checks::refuse_llama_2_onnx;
pub use constraint::Constraint;
pub use folder::{ModelFile, ModelFolder, Shape};
pub use guard::{GuardCase, GuardCategory, GuardClause, GuardPrecedent, GuardPrompt, Role};
pub use job::Finish;
pub use options::{GenerateOptions, LlamaOptions, Verb};
pub use sampling::Sampling;
pub use stream::{Writing, Written};
pub use tokens::LlamaTokenizer;
pub(crate) use tokens::common;

use constraint::{Form, Grammars};
use engine::Engine;
use job::Ticket;
use kv::Layout;
use mind::Mind;
use packed::Packed;
use sessions::{Origin, Sessions};
use spelling::Spelling;
use watch::Watch;
use writers::Limits;

use crate::{Device, InferenceError, Runtime};

/// A LLaMA. Clones share its sessions, its queue and its memory.
#[derive(Debug, Clone)]
pub struct Llama {
    shared: Arc<Shared>,
    ticket: Ticket,
}

#[derive(Debug)]
struct Shared {
    engine: Engine,
    tokenizer: LlamaTokenizer,
    spelling: Arc<Spelling>,
    grammars: OnceLock<Result<Grammars, String>>,
    folder: Arc<ModelFolder>,
    layout: Arc<Layout>,
    options: LlamaOptions,
    guard: Option<GuardPrompt>,
    device: Device,
    digest: String,
    recycled: Arc<AtomicU64>,
}

impl Shared {
    /// A constraint, ready for a text. The first one takes the time to sort the vocabulary.
    fn form(&self, constraint: &Constraint) -> Result<Form, InferenceError> {
        let new = || {
            Grammars::new(&self.spelling, self.folder.ends().first().copied())
                .map_err(|error| error.to_string())
        };
        match self.grammars.get_or_init(new) {
            Ok(grammars) => grammars.form(constraint),
            Err(rule) => Err(InferenceError::BadOption { option: "constraint", rule: rule.clone() }),
        }
    }
}

impl Llama {
    /// Loads a model folder and proves by a run where it runs. Blocking: the weights are read twice, once for their
    /// digest. Of a model with graphs of their own for scoring only those that `options.first` names are loaded; the
    /// others are when they are first needed.
    ///
    /// # Errors
    ///
    /// What [`ModelFolder::read`] says, an option that cannot work, or no device that serves.
    pub fn load(
        runtime: &'static Runtime,
        folder: &Path,
        options: &LlamaOptions,
    ) -> Result<Self, InferenceError> {
        options.check()?;
        neutral::prepare();
        let folder = Arc::new(ModelFolder::read(folder)?);
        let tokenizer = LlamaTokenizer::load(&folder.tokenizer())?;
        let spelling = Arc::new(Spelling::of(&tokenizer));
        let digest = folder.digest()?;
        let packed = options.packed.as_deref();
        let packed = packed.map(|place| Packed::within(place, &digest, runtime.version()));
        let origin = Origin { runtime, folder: Arc::clone(&folder), packed, threads: options.threads };
        let (sessions, device) = Sessions::first(origin, options)?;
        let device = device.checked(options.require)?;
        tracing::info!(device = %device.provider, detail = device.detail, "a LLaMA is loaded");
        let layout = sessions.layout();
        let watch = Watch::new(options.recycle_above_bytes, device.provider);
        let recycled = watch.times();
        let limits = Limits { bytes: options.generate_bytes, rows: options.rows, ends: folder.ends() };
        let mind = Mind::new(sessions, options.score_bytes, limits, watch);
        let engine =
            Engine::start(mind, options.waiting).map_err(|source| InferenceError::Thread { source })?;
        let guard = GuardPrompt::of_card(folder.card(), folder.template());
        let shared = Shared {
            engine,
            tokenizer,
            spelling,
            grammars: OnceLock::new(),
            folder,
            layout,
            options: options.clone(),
            guard,
            device,
            digest,
            recycled,
        };
        let ticket = Ticket { scope: "".into(), deadline: None };
        Ok(Self { shared: Arc::new(shared), ticket })
    }
}
