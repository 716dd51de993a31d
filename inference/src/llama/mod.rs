//! LLaMA 2 and its like: log-probabilities of continuations, and text.

mod about;
mod answers;
mod card;
mod chat;
mod checks;
mod engine;
mod folder;
mod genai;
mod graph;
mod guard;
mod job;
mod kv;
mod mind;
mod neutral;
mod optimum;
mod options;
mod protobuf;
mod session;
mod tokens;

use std::{path::Path, sync::Arc};

pub use answers::{Generated, Scored};
pub use card::{Ability, Calibration, ModelCard, ScoringGraphs, Template};
pub use chat::{Prompt, Turn};
pub(crate) use checks::refuse_llama_2_onnx;
pub use folder::{ModelFile, ModelFolder, Shape};
pub use guard::{GuardCase, GuardCategory, GuardClause, GuardPrecedent, GuardPrompt, Role};
pub use job::Finish;
pub use options::LlamaOptions;
pub use tokens::LlamaTokenizer;
pub(crate) use tokens::common;

use engine::Engine;
use job::{Generate, Row, Score, ScoreAnswer};
use mind::Mind;
use session::LlamaSession;

use crate::{Device, InferenceError, Runtime};

/// A LLaMA. Clones share its session, its queue and its memory.
#[derive(Debug, Clone)]
pub struct Llama {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    engine: Engine,
    tokenizer: LlamaTokenizer,
    folder: ModelFolder,
    guard: Option<GuardPrompt>,
    device: Device,
    digest: String,
}

impl Llama {
    /// Loads a model folder and proves by a run where it runs. Blocking: the weights are read twice, once for their
    /// digest.
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
        let folder = ModelFolder::read(folder)?;
        let tokenizer = LlamaTokenizer::load(&folder.tokenizer())?;
        let digest = folder.digest()?;
        let (session, device) =
            LlamaSession::on_first(runtime, &folder, options.threads, &options.providers)?;
        let device = device.checked(options.require)?;
        tracing::info!(device = %device.provider, detail = device.detail, "a LLaMA is loaded");
        let mind = Mind::new(session, options.cached_prefixes, folder.ends());
        let engine =
            Engine::start(mind, options.waiting).map_err(|source| InferenceError::Thread { source })?;
        let guard = GuardPrompt::of_card(folder.card(), folder.template());
        Ok(Self { shared: Arc::new(Shared { engine, tokenizer, folder, guard, device, digest }) })
    }

    /// Scores continuations: how likely is each of `choices` after BOS, `prefix` and a suffix?
    ///
    /// - *Shape*: `suffixes` is `[n]`, `choices` is `[c]`; the result is `[n][c]`.
    /// - *Units*: natural logarithms of probabilities over the whole vocabulary; those of a choice's tokens are added
    ///   up. A choice's tokens are those that it adds to, or changes at the end of, prefix and suffix.
    ///
    /// The prefix is read once and remembered for later calls with the same. A score depends neither on that nor on
    /// what else is being worked on, by more than 1e-4. Dropping the future cancels the call.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Overloaded`], at once, when the queue is full; [`InferenceError::ContextFull`] when prefix,
    /// suffix and choice do not fit the model's context: nothing is ever cut off.
    pub async fn score(
        &self,
        prefix: &str,
        suffixes: &[String],
        choices: &[String],
    ) -> Result<Scored, InferenceError> {
        let place = self.shared.engine.place()?;
        let prefix_ids = self.behind_bos(prefix)?;
        let mut rows = Vec::with_capacity(suffixes.len());
        for suffix in suffixes {
            let text = format!("{prefix}{suffix}");
            let ids = self.behind_bos(&text)?;
            let continued = choices.iter().map(|choice| self.behind_bos(&format!("{text}{choice}")));
            rows.push(Row { ids, choices: continued.collect::<Result<_, _>>()? });
            // Cutting long texts into tokens takes a while, and this thread has other callers.
            tokio::task::yield_now().await;
        }
        let prefix_tokens = prefix_ids.len();
        let suffix_tokens = rows.iter().map(|row| row.ids.len().saturating_sub(prefix_tokens)).collect();
        let score = Score { prefix: prefix_ids, rows, keeps_logits: false, done: ScoreAnswer::default() };
        let done = self.ask(place, score).await?;
        Ok(Scored {
            log_probabilities: done.log_probabilities,
            prefix_tokens,
            cached_tokens: done.cached.unwrap_or_default(),
            computed_tokens: done.computed,
            suffix_tokens,
            took: done.took,
        })
    }

    /// The logits of what follows tokens.
    ///
    /// - *Shape*: `prefix` and `suffix` are token ids, control tokens included, together at least one; the result is
    ///   `[vocabulary]`.
    ///
    /// The prefix is remembered as in [`Self::score`].
    ///
    /// # Errors
    ///
    /// As [`Self::score`], and [`InferenceError::UnknownToken`].
    pub async fn logits(&self, prefix: &[u32], suffix: &[u32]) -> Result<Vec<f32>, InferenceError> {
        let place = self.shared.engine.place()?;
        let row = Row { ids: [prefix, suffix].concat(), choices: Vec::new() };
        let score = Score {
            prefix: prefix.to_vec(),
            rows: vec![row],
            keeps_logits: true,
            done: ScoreAnswer::default(),
        };
        let mut done = self.ask(place, score).await?;
        done.logits.pop().ok_or(InferenceError::Stopped)
    }

    async fn ask(
        &self,
        place: crate::places::Place,
        mut score: Score,
    ) -> Result<ScoreAnswer, InferenceError> {
        for row in &score.rows {
            self.fits(row.longest(), &row.ids)?;
        }
        // Worked on from the end.
        score.rows.reverse();
        self.shared.engine.score(place, score)?.answer().await
    }

    fn fits(&self, tokens: usize, ids: &[u32]) -> Result<(), InferenceError> {
        let Shape { context: limit, vocabulary, .. } = self.shape();
        if ids.is_empty() {
            return Err(InferenceError::BadOption { option: "ids", rule: "at least one".to_owned() });
        }
        if tokens > limit {
            return Err(InferenceError::ContextFull { tokens, limit });
        }
        match ids.iter().find(|id| usize::try_from(**id).is_ok_and(|id| id >= vocabulary)) {
            Some(&id) => Err(InferenceError::UnknownToken { id, vocabulary }),
            None => Ok(()),
        }
    }

    /// Continues a prompt by the likeliest token after another, until the model ends it or there are `new` of them.
    ///
    /// Dropping the future cancels the call.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Overloaded`], at once, when the queue is full; [`InferenceError::ContextFull`] when the prompt
    /// leaves no room for a token.
    pub async fn generate(&self, prompt: &Prompt, new: usize) -> Result<Generated, InferenceError> {
        self.continued(&self.prompt_ids(prompt)?, new).await
    }

    /// Continues tokens, control tokens included, as [`Self::generate`] does a prompt.
    ///
    /// # Errors
    ///
    /// As [`Self::generate`], and [`InferenceError::UnknownToken`].
    pub async fn continued(&self, prompt: &[u32], new: usize) -> Result<Generated, InferenceError> {
        let place = self.shared.engine.place()?;
        self.fits(prompt.len(), prompt)?;
        let prompt_tokens = prompt.len();
        let generate = Generate { prompt: prompt.to_vec(), new, done: job::GenerateAnswer::default() };
        let done = self.shared.engine.generate(place, generate)?.answer().await?;
        Ok(Generated {
            text: self.shared.tokenizer.detokenize(&done.ids)?,
            ids: done.ids,
            finish: done.finish.ok_or(InferenceError::Stopped)?,
            prompt_tokens,
            cached_tokens: done.cached.unwrap_or_default(),
            took: done.took,
        })
    }

    /// The ids of a prompt, control tokens included.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Tokenize`], which no text known of brings about.
    pub fn prompt_ids(&self, prompt: &Prompt) -> Result<Vec<u32>, InferenceError> {
        let end = self.shared.folder.ends().first().copied();
        let mut ids = Vec::new();
        for finished in &prompt.finished {
            ids.extend(self.behind_bos(finished)?);
            ids.extend(end);
        }
        ids.extend(self.behind_bos(&prompt.last)?);
        Ok(ids)
    }

    fn behind_bos(&self, text: &str) -> Result<Vec<u32>, InferenceError> {
        let mut ids = vec![self.shared.folder.begin()];
        ids.extend(self.shared.tokenizer.tokenize(text)?);
        Ok(ids)
    }
}
