//! `Scribe::begin`: a LLaMA answers, and is watched while it does.
//!
//! What is said to it is judged before it reads it; what it says is judged before anybody hears it. Neither the policy nor
//! the lines are this room's: they are the moderator's and the configuration's.

mod speech;
mod talk;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt, stream};
use inference::{Ability, Constraint, GenerateOptions, InferenceError, Llama, Sampling, Template};
use policies::{Action, Category, ContentError, Judgment};
use tokio::sync::Semaphore;

pub use speech::{End, Finished, Said, Speech};
pub use talk::Talk;

use crate::config::Chat;
use crate::error::ApiError;
use crate::moderator::{Docket, Moderator, Terms};

/// Texts of one prompt judged at the same time.
const AT_ONCE: usize = 8;

/// A LLaMA that holds conversations, under guard. Shared by all requests.
pub struct Scribe {
    pen: Option<Pen>,
    moderator: Arc<Moderator>,
    options: Chat,
    places: Arc<Semaphore>,
}

/// A LLaMA, and the name it is asked for by.
pub struct Pen {
    /// The name of its folder.
    pub name: String,
    /// The model.
    pub llama: Llama,
}

/// What is to be answered, and how.
#[derive(Debug, Default)]
pub struct Order {
    /// What was said so far.
    pub talk: Talk,
    /// How the next token is chosen.
    pub sampling: Sampling,
    /// Tokens of the answer, at most; as many as there is room for unless given.
    pub new: Option<usize>,
    /// Texts that end it.
    pub stops: Vec<String>,
    /// A form it must have.
    pub constraint: Option<Constraint>,
    /// Whether it is heard as it grows, and not in one piece.
    pub streamed: bool,
    /// Lines of the caller's own for what is said to the model and by it; the stricter counts, theirs or the service's.
    pub lines: Lines,
    /// For whom it is: what a model remembers of prompts is shared with nobody else.
    pub by: Arc<str>,
}

/// The mildest actions that keep a text back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines {
    /// Of what is said to the model.
    pub prompt: Option<Action>,
    /// Of what it says.
    pub answer: Option<Action>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unwritten {
    /// The request cannot be followed.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// What was said to the model is kept from it.
    #[error("the policy keeps the prompt from the model")]
    Kept(Box<Judgment>),
}

impl From<InferenceError> for Unwritten {
    fn from(error: InferenceError) -> Self {
        Self::Refused(error.into())
    }
}

impl Pen {
    /// The first of `models` that was measured to hold conversations, and has a form for them.
    pub fn first(models: impl IntoIterator<Item = (String, Llama)>) -> Option<Self> {
        let chats = |llama: &Llama| {
            llama.card().abilities.contains(&Ability::Chat) && llama.template() == Template::Llama2Chat
        };
        let (name, llama) = models.into_iter().find(|(_, llama)| chats(llama))?;
        Some(Self { name, llama })
    }
}

impl Scribe {
    /// A scribe whose words `moderator` judges; without a pen it cannot write.
    #[must_use]
    pub fn new(pen: Option<Pen>, moderator: Arc<Moderator>, options: Chat) -> Self {
        let places = Arc::new(Semaphore::new(options.max_at_once));
        Self { pen, moderator, options, places }
    }

    /// The model's name, if there is one.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.pen.as_ref().map(|pen| pen.name.as_str())
    }

    /// The digest of the model, if there is one.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        self.pen.as_ref().map(|pen| pen.llama.digest())
    }

    /// The terms that prompts and answers are judged by.
    ///
    /// # Errors
    ///
    /// [`ApiError::UnknownPolicy`]: the configuration names one that is not there.
    pub fn docket(&self) -> Result<Docket, ApiError> {
        self.moderator.docket(&Terms { policy: self.options.policy.clone(), ..Terms::default() })
    }

    /// Judges what was said, and lets the model begin.
    ///
    /// # Errors
    ///
    /// [`Unwritten::Kept`] when the policy keeps the prompt back; nothing was generated then.
    pub async fn begin(&self, mut order: Order) -> Result<Speech, Unwritten> {
        let Some(pen) = &self.pen else { return Err(ApiError::UnknownModel(String::new()).into()) };
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| ApiError::Overloaded)?;
        let docket = self.docket()?;
        let judged = self.judge_prompt(&order, &docket).await?;
        order.talk.mask(judged.iter().map(|judgment| judgment.as_ref()?.rewritten.as_ref()));
        let heard = judged.into_iter().flatten().collect();
        let prompt = order.talk.prompt();
        let llama = pen.llama.scoped(&format!("chat {}", order.by));
        let llama = match self.options.deadline_ms {
            0 => llama,
            limit => llama.until(Instant::now() + Duration::from_millis(limit)),
        };
        let prompt_tokens = llama.prompt_ids(&prompt)?.len();
        let room = llama.shape().context.saturating_sub(prompt_tokens).max(1);
        let new = order.new.unwrap_or(room).min(room).min(self.options.max_tokens);
        let Order { sampling, stops, constraint, streamed, lines, .. } = order;
        let writing = llama.stream(&prompt, GenerateOptions { new, sampling, stops, constraint }).await?;
        let guard = speech::Guard {
            moderator: Arc::clone(&self.moderator),
            docket,
            stop_from: self.line(lines.answer),
            overlap: self.options.overlap_chars,
        };
        let hold = speech::Hold {
            tokens: self.options.hold_tokens,
            time: Duration::from_millis(self.options.hold_ms),
        };
        let hold = streamed.then_some(hold);
        Ok(Speech::new(
            (llama, writing),
            guard,
            hold,
            speech::Opening { prompt_tokens, heard, _place: place },
        ))
    }

    fn line(&self, own: Option<Action>) -> Action {
        own.map_or(self.options.stop_from, |own| own.min(self.options.stop_from))
    }

    /// Judges what is said to the model: each part of the conversation by itself, where nothing waters it down, all of it
    /// in one piece, where nothing is hidden by being said in parts, and what the model is told to be. The latter is made
    /// of instructions to a model, so it is no attack on one by being that. The judgments are in that order, none where
    /// nothing is said.
    async fn judge_prompt(&self, order: &Order, docket: &Docket) -> Result<Vec<Option<Judgment>>, Unwritten> {
        let instructions = docket.policy().categories().iter().map(|rule| &rule.name);
        let instructions: Vec<String> =
            instructions.filter(|name| **name != Category::PromptAttack).map(ToString::to_string).collect();
        let terms =
            Terms { policy: self.options.policy.clone(), categories: instructions, ..Terms::default() };
        let told = self.moderator.docket(&terms)?;
        let mut texts: Vec<(&Docket, String)> =
            order.talk.parts().map(|part| (docket, part.to_owned())).collect();
        if texts.len() > 1 {
            texts.push((docket, order.talk.conversation()));
        }
        texts.push((&told, order.talk.instructions()));
        let judging = texts.into_iter().map(|(docket, text)| judged(&self.moderator, docket, text));
        let judgments: Vec<Option<Judgment>> = stream::iter(judging).buffered(AT_ONCE).try_collect().await?;
        let line = self.line(order.lines.prompt);
        let worst = judgments.iter().flatten().max_by_key(|judgment| judgment.verdict.action);
        match worst.filter(|judgment| judgment.verdict.action >= line) {
            Some(worst) => Err(Unwritten::Kept(Box::new(worst.clone()))),
            None => Ok(judgments),
        }
    }
}

/// Judges a text, if a reader could see anything in it.
async fn judged(moderator: &Moderator, docket: &Docket, text: String) -> Result<Option<Judgment>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    let place = moderator.place().await?;
    match moderator.judge(docket, text, &place).await {
        Ok(judgment) => Ok(Some(judgment)),
        Err(ApiError::Content(ContentError::Empty | ContentError::Blank)) => Ok(None),
        Err(error) => Err(error),
    }
}
