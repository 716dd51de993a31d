//! The two verbs: to score, and to generate.

use std::{sync::Arc, time::Instant};

use super::{
    Llama, Shape,
    answers::{Branched, Generated, Scored},
    chat::Prompt,
    job::{Branch, Row, Score, ScoreAnswer, Ticket},
    options::GenerateOptions,
    sampling::Sampler,
    spelling::Speller,
    stream::Writing,
    text::Text,
    writers,
};
use crate::{InferenceError, places::Place};

impl Llama {
    /// The same model for callers of a scope: what is remembered of their prefixes and prompts is shared among them,
    /// and with no other scope. Scopes have turns. One is a policy of a tenant, say.
    #[must_use]
    pub fn scoped(&self, scope: &str) -> Self {
        let ticket = Ticket { scope: scope.into(), ..self.ticket.clone() };
        Self { ticket, ..self.clone() }
    }

    /// The same model for calls that have time until `deadline`: one that is not done by then is dropped after the step
    /// at hand, with [`InferenceError::DeadlinePassed`].
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        let ticket = Ticket { deadline: Some(deadline), ..self.ticket.clone() };
        Self { ticket, ..self.clone() }
    }

    /// Scores continuations: how likely is each of `choices` after BOS, `prefix` and a suffix?
    ///
    /// - *Shape*: `suffixes` is `[n]`, `choices` is `[c]`; the result is `[n][c]`.
    /// - *Units*: natural logarithms of probabilities over the whole vocabulary; those of a choice's tokens are added
    ///   up. A choice's tokens are those that it adds to, or changes at the end of, prefix and suffix.
    ///
    /// The prefix is read once and remembered for later calls of the same scope. A score depends neither on that nor on
    /// what else is being worked on: each suffix is read in a run of its own, and the prefix always in the same pieces.
    /// Dropping the future cancels the call.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Overloaded`], at once, when the queue is full; [`InferenceError::ContextFull`] when prefix,
    /// suffix and choice do not fit the model's context, and [`InferenceError::MemoryFull`] when their keys and values
    /// do not fit `score_bytes`: nothing is ever cut off. [`InferenceError::DeadlinePassed`], see [`Self::until`].
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
            let choices = self.each_behind(&text, choices)?;
            rows.push(Row { branches: vec![Branch { ids: ids.clone(), choices }], ids });
            // Cutting long texts into tokens takes a while, and this thread has other callers.
            tokio::task::yield_now().await;
        }
        let counts = Counts::of(&prefix_ids, &rows);
        let score = Score { prefix: prefix_ids, rows, keeps_logits: false, done: ScoreAnswer::default() };
        let done = self.ask(place, score).await?;
        Ok(Scored {
            log_probabilities: done.log_probabilities,
            prefix_tokens: counts.prefix,
            cached_tokens: done.cached.unwrap_or_default(),
            computed_tokens: done.computed,
            suffix_tokens: counts.suffixes,
            took: done.took,
        })
    }

    /// Scores continuations of several short endings of each text, such as the question for one category after another:
    /// how likely is each of `choices` after BOS, `prefix`, a text and an ending?
    ///
    /// - *Shape*: `texts` is `[n]`, `endings` is `[e]`, `choices` is `[c]`; the result is `[n][e][c]`.
    ///
    /// Each text is read once. All else is as in [`Self::score`], and so are the errors. Where the graph's precision
    /// depends on what runs together, a score may differ a little from that of text and ending in one suffix; it still
    /// depends on no other call.
    ///
    /// # Errors
    ///
    /// As [`Self::score`].
    pub async fn score_endings(
        &self,
        (prefix, texts): (&str, &[String]),
        endings: &[String],
        choices: &[String],
    ) -> Result<Branched, InferenceError> {
        let place = self.shared.engine.place()?;
        let prefix_ids = self.behind_bos(prefix)?;
        let mut rows = Vec::with_capacity(texts.len());
        for text in texts {
            let text = format!("{prefix}{text}");
            let mut branches = Vec::with_capacity(endings.len());
            for ending in endings {
                let whole = format!("{text}{ending}");
                let choices = self.each_behind(&whole, choices)?;
                branches.push(Branch { ids: self.behind_bos(&whole)?, choices });
            }
            rows.push(Row { ids: self.behind_bos(&text)?, branches });
            tokio::task::yield_now().await;
        }
        let counts = Counts::of(&prefix_ids, &rows);
        let score = Score { prefix: prefix_ids, rows, keeps_logits: false, done: ScoreAnswer::default() };
        let done = self.ask(place, score).await?;
        let mut scores = done.log_probabilities.into_iter();
        Ok(Branched {
            log_probabilities: texts.iter().map(|_| scores.by_ref().take(endings.len()).collect()).collect(),
            prefix_tokens: counts.prefix,
            cached_tokens: done.cached.unwrap_or_default(),
            computed_tokens: done.computed,
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
        let row = Row { ids: [prefix, suffix].concat(), branches: Vec::new() };
        let score = Score {
            prefix: prefix.to_vec(),
            rows: vec![row],
            keeps_logits: true,
            done: ScoreAnswer::default(),
        };
        let mut done = self.ask(place, score).await?;
        done.logits.pop().ok_or(InferenceError::Stopped)
    }

    async fn ask(&self, place: Place, mut score: Score) -> Result<ScoreAnswer, InferenceError> {
        let limit = self.shared.options.score_bytes;
        for row in &score.rows {
            self.fits(row.longest(), &row.ids)?;
            let needs = row.needs(&score.prefix, &self.shared.layout);
            if needs > limit {
                return Err(InferenceError::MemoryFull { needs, option: "score_bytes", limit });
            }
        }
        // Worked on from the end.
        score.rows.reverse();
        self.shared.engine.score(place, self.ticket.clone(), score)?.answer().await
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

    /// Continues a prompt until the model ends it, or something in `options` does. A number for these means so many
    /// tokens, always the likeliest.
    ///
    /// The same options give the same text whatever else runs, up to the graph's own rounding: in fp32 a text that
    /// grows beside others has logits that differ in their last digit (1e-5), with int4 weights (`accuracy_level` 4)
    /// by up to 0.2, so that of two tokens almost as likely the other may come. Dropping the future cancels the call.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Overloaded`], at once, when the queue is full; [`InferenceError::ContextFull`] when the prompt
    /// leaves no room for a token; [`InferenceError::MemoryFull`] when prompt and text would not fit `generate_bytes`
    /// by themselves; [`InferenceError::BadOption`] and [`InferenceError::UnknownToken`] for options that cannot be
    /// followed; [`InferenceError::DeadlinePassed`], see [`Self::until`].
    pub async fn generate(
        &self,
        prompt: &Prompt,
        options: impl Into<GenerateOptions>,
    ) -> Result<Generated, InferenceError> {
        self.stream(prompt, options).await?.end().await
    }

    /// Continues tokens, control tokens included, as [`Self::generate`] does a prompt.
    ///
    /// # Errors
    ///
    /// As [`Self::generate`].
    pub async fn continued(
        &self,
        prompt: &[u32],
        options: impl Into<GenerateOptions>,
    ) -> Result<Generated, InferenceError> {
        self.write(prompt.to_vec(), options.into()).await?.end().await
    }

    /// As [`Self::generate`], but the text is heard as it grows. The call waits for its turn in the background.
    ///
    /// # Errors
    ///
    /// As [`Self::generate`]; what goes wrong later is the stream's last item.
    pub async fn stream(
        &self,
        prompt: &Prompt,
        options: impl Into<GenerateOptions>,
    ) -> Result<Writing, InferenceError> {
        self.write(self.prompt_ids(prompt)?, options.into()).await
    }

    async fn write(&self, prompt: Vec<u32>, options: GenerateOptions) -> Result<Writing, InferenceError> {
        let place = self.shared.engine.place()?;
        let GenerateOptions { new, sampling, stops, constraint } = options;
        self.fits(prompt.len(), &prompt)?;
        sampling.check(self.shape().vocabulary)?;
        let form = match constraint {
            None => None,
            Some(constraint) => {
                let shared = Arc::clone(&self.shared);
                // A large schema takes a while, and this thread has other callers.
                let form = tokio::task::spawn_blocking(move || shared.form(&constraint));
                Some(Box::new(form.await.map_err(|_| InferenceError::Panicked)??))
            }
        };
        let text = Text {
            form,
            sampler: Sampler::new(sampling, &prompt),
            speller: Speller::new(Arc::clone(&self.shared.spelling), &stops),
            prompt,
            new,
            ids: Vec::new(),
            cached: None,
            took: std::time::Duration::ZERO,
        };
        let (layout, limit) = (&self.shared.layout, self.shared.options.generate_bytes);
        let needs = writers::needs(layout, (1, text.longest(layout.context)), text.prompt.len());
        if needs > limit {
            return Err(InferenceError::MemoryFull { needs, option: "generate_bytes", limit });
        }
        let prompt_tokens = text.prompt.len();
        let pending = self.shared.engine.write(place, self.ticket.clone(), text)?;
        Ok(Writing::new(pending, prompt_tokens))
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

    fn each_behind(&self, text: &str, choices: &[String]) -> Result<Vec<Vec<u32>>, InferenceError> {
        choices.iter().map(|choice| self.behind_bos(&format!("{text}{choice}"))).collect()
    }
}

/// Tokens of a call.
struct Counts {
    prefix: usize,
    suffixes: Vec<usize>,
}

impl Counts {
    fn of(prefix: &[u32], rows: &[Row]) -> Self {
        let suffixes = rows.iter().map(|row| row.ids.len().saturating_sub(prefix.len())).collect();
        Self { prefix: prefix.len(), suffixes }
    }
}
