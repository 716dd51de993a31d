//! Text in, unit vectors out.

use std::{ops::Range, path::Path, sync::Arc};

use tokio::sync::oneshot;

use crate::{
    Device, Embedding, InferenceError, Provider, Runtime, Weights,
    assets::Assets,
    queue::Answer,
    recent::Recent,
    session::{DIMENSION, EncoderSession, Source},
    tokens::{FRAME, Tokens, Word},
    windows::{self, Sizes},
    worker::Workers,
};

/// Most tokens the encoder was trained to read at once, the frame included.
const LONGEST_WINDOW: usize = 256;

/// How an [`Embedder`] works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedderOptions {
    /// Sessions, each with a thread of its own: batches that run at the same time.
    pub sessions: usize,
    /// Threads that work together on one batch of one session.
    pub threads: usize,
    /// Calls that may wait or be worked on at a time; one more is [`InferenceError::Overloaded`].
    pub queue: usize,
    /// Most tokens of one batch, padding included. A longer text runs alone.
    pub token_budget: usize,
    /// Recent texts whose embeddings are remembered, about 3.2 kB each; 0 for none.
    pub cache: usize,
    /// Tokens of one window, the two of the frame included; at most 256.
    pub window_tokens: usize,
    /// Tokens that neighbouring windows share, rounded down to whole words.
    pub overlap: usize,
    /// The providers to try, the best first.
    pub providers: Vec<Provider>,
    /// Refuse to load unless this provider runs the graph.
    pub require: Option<Provider>,
}

impl Default for EmbedderOptions {
    fn default() -> Self {
        Self {
            sessions: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4)),
            threads: 1,
            queue: 256,
            token_budget: 512,
            cache: 8192,
            window_tokens: LONGEST_WINDOW,
            overlap: 32,
            providers: vec![Provider::Cpu],
            require: None,
        }
    }
}

/// The sentence encoder. Clones share its sessions, queue and memory.
#[derive(Debug, Clone)]
pub struct Embedder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    workers: Workers,
    tokens: Tokens,
    recent: Recent,
    sizes: Sizes,
    device: Device,
    digest: String,
    vectors_digest: String,
    weights: Weights,
}

impl Embedder {
    /// Loads the encoder and proves by a run where it runs. Blocking, a fraction of a second.
    ///
    /// `weights` is the folder of `model.safetensors` and `tokenizer.json`; `graph` is the ONNX file that points into
    /// the former and into `reader.safetensors`, which lies beside it.
    ///
    /// # Errors
    ///
    /// A file that is missing or cannot be used, an option that cannot work, or no device that serves.
    pub fn load(
        runtime: &'static Runtime,
        weights: &Path,
        graph: &Path,
        options: &EmbedderOptions,
    ) -> Result<Self, InferenceError> {
        let tokens = Tokens::load(&weights.join("tokenizer.json"))?;
        let sizes = sizes(options, tokens.word_limit())?;
        let assets = Assets::read(weights, graph)?;
        let source = Source { runtime, graph, assets: &assets, weights, threads: options.threads };
        let (first, device) = EncoderSession::on_first(source, &options.providers)?;
        let device = device.checked(options.require)?;
        let mut sessions = vec![first];
        for _ in 1..options.sessions {
            sessions.push(EncoderSession::again(source, device.provider)?);
        }
        tracing::info!(device = %device.provider, detail = device.detail, "the encoder is loaded");
        let workers = Workers::start(sessions, options.queue, options.token_budget)
            .map_err(|source| InferenceError::Thread { source })?;
        let recent = Recent::new(options.cache);
        let Assets { digest, vectors_digest, weights, .. } = assets;
        let shared = Shared { workers, tokens, recent, sizes, device, digest, vectors_digest, weights };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Embeds texts, each of one window.
    ///
    /// - *Shape*: `texts` is `[n]`; the result is `[n]`, embedding `i` for text `i`.
    /// - *Units*: every vector has length 1 (L2), so a dot product is a cosine, `-1.0..=1.0`; a reading has mean 0 and
    ///   variance 1. Neither depends on what runs beside it by more than 1e-5.
    /// - *Source*: mean over unmasked tokens, Reimers & Gurevych 2019, section 3 (<https://arxiv.org/abs/1908.10084>).
    ///
    /// Dropping the future takes the texts out of the queue.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Overloaded`], at once, when the queue is full; [`InferenceError::TooLong`] for a text of more
    /// than one window, which is never cut off.
    pub async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, InferenceError> {
        let recent = &self.shared.recent;
        let found: Vec<_> = texts.iter().map(|text| recent.find(text)).collect();
        let unknown = texts.iter().zip(&found).filter(|(_, (_, remembered))| remembered.is_none());
        let mut answers = self.ask(unknown.map(|(text, _)| *text).collect()).await?.into_iter();
        let mut embeddings = Vec::with_capacity(texts.len());
        for (name, remembered) in found {
            if let Some(embedding) = remembered {
                embeddings.push(embedding);
                continue;
            }
            let answer = answers.next().ok_or(InferenceError::Stopped)?;
            let embedding = answer.await.map_err(|_| InferenceError::Stopped)??;
            recent.keep(name, &embedding);
            embeddings.push(embedding);
        }
        Ok(embeddings)
    }

    /// Puts texts into the queue as one call.
    async fn ask(&self, texts: Vec<&str>) -> Result<Vec<oneshot::Receiver<Answer>>, InferenceError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let queue = self.shared.workers.queue();
        let limit = self.shared.sizes.window + FRAME;
        let place = queue.place()?;
        let mut rows = Vec::with_capacity(texts.len());
        for text in texts {
            let ids = self.shared.tokens.ids(text)?;
            if ids.len() > limit {
                return Err(InferenceError::TooLong { tokens: ids.len(), limit });
            }
            rows.push(ids);
            // Cutting a book's windows into tokens takes a while, and this thread has other callers.
            tokio::task::yield_now().await;
        }
        Ok(queue.submit(place, rows))
    }

    /// The windows of a text of any length.
    ///
    /// - *Units*: byte ranges of `text`, in order, on character boundaries. Together they cover all of it; neighbours
    ///   share about [`EmbedderOptions::overlap`] tokens. Each is short enough for [`Embedder::embed`], and has at
    ///   most 32 bytes for each token of a window.
    ///
    /// Blocking: about half a second for a million characters.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Tokenize`], which no text known of brings about.
    pub fn windows(&self, text: &str) -> Result<Vec<Range<usize>>, InferenceError> {
        Ok(windows::cut(text, &self.shared.tokens.words(text)?, self.shared.sizes))
    }

    /// The words of a text, which together cover all of it, as the encoder counts them: it may be cut between any two,
    /// and parts of it have as many tokens as their words together. A word too long for that comes in pieces.
    ///
    /// Blocking: about half a second for a million characters.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Tokenize`], which no text known of brings about.
    pub fn words(&self, text: &str) -> Result<Vec<Word>, InferenceError> {
        Ok(windows::pieces(text, &self.shared.tokens.words(text)?, self.shared.sizes))
    }

    /// Calls that wait, or are being answered.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.workers.queue().taken()
    }

    /// The device that runs the encoder.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.shared.device
    }

    /// Length of a vector, and of a reading: 384.
    #[must_use]
    pub fn dimension(&self) -> usize {
        DIMENSION
    }

    /// SHA-256, in hexadecimal, that names graph, weights, reader and tokenizer together: all that an [`Embedding`]
    /// depends on.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.shared.digest
    }

    /// SHA-256, in hexadecimal, that names all that [`Embedding::vector`] depends on: vectors of encoders that differ in
    /// it cannot be compared. Another reader makes no difference to it.
    #[must_use]
    pub fn vectors_digest(&self) -> &str {
        &self.shared.vectors_digest
    }

    /// The weights in use, for [`crate::Classifier::load`].
    #[must_use]
    pub fn weights(&self) -> &Weights {
        &self.shared.weights
    }
}

fn sizes(options: &EmbedderOptions, word: usize) -> Result<Sizes, InferenceError> {
    let bad = |option, rule: String| Err(InferenceError::BadOption { option, rule });
    let shortest = options.overlap.saturating_add(word + FRAME);
    if !(shortest..=LONGEST_WINDOW).contains(&options.window_tokens) {
        return bad(
            "window_tokens",
            format!("from {shortest} (overlap, one word, frame) to {LONGEST_WINDOW}"),
        );
    }
    for (option, value) in [
        ("sessions", options.sessions),
        ("threads", options.threads),
        ("queue", options.queue),
        ("token_budget", options.token_budget),
        ("providers", options.providers.len()),
    ] {
        if value == 0 {
            return bad(option, "at least 1".to_owned());
        }
    }
    Ok(Sizes { window: options.window_tokens - FRAME, overlap: options.overlap, word })
}
