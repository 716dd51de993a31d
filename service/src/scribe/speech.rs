//! An answer as it grows, heard only once it is judged.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use inference::{Finish, Generated, InferenceError, Llama, Writing, Written};
use policies::{Action, Judgment};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use super::{Unwritten, judged};
use crate::decisions::Minutes;
use crate::error::ApiError;
use crate::moderator::{Docket, Moderator};

/// Bytes that are judged even if no word has ended in them.
const LONGEST_WORD: usize = 256;

/// What is heard of an answer.
#[derive(Debug)]
pub enum Said {
    /// It is longer by this, which the policy lets pass.
    Text(String),
    /// It is over.
    End(Box<End>),
}

/// How an answer ended.
#[derive(Debug)]
pub struct End {
    /// Why.
    pub finished: Finished,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens of the prompt that needed no computing.
    pub cached_tokens: usize,
    /// Tokens that were generated. Of an answer that was stopped, those of the text until then.
    pub completion_tokens: usize,
    /// The judgments of the prompt.
    pub heard: Vec<Judgment>,
    /// The judgments of the answer, window by window.
    pub judgments: Vec<Judgment>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// The model ended it, or a stop string did.
    Stop,
    /// It has as many tokens as there may be.
    Length,
    /// The policy keeps back what follows; the last judgment says why.
    Kept,
}

/// Who judges an answer, and by which line.
pub(super) struct Guard {
    pub(super) moderator: Arc<Moderator>,
    pub(super) docket: Docket,
    pub(super) stop_from: Action,
    /// Characters before the text at hand that are judged with it.
    pub(super) overlap: usize,
}

/// How much of an answer may be held back before it is judged. The model goes on meanwhile.
pub(super) struct Hold {
    pub(super) tokens: usize,
    pub(super) time: Duration,
}

/// What an answer begins with.
pub(super) struct Opening {
    pub(super) prompt_tokens: usize,
    pub(super) heard: Vec<Judgment>,
    /// Kept taken until the answer is over.
    pub(super) _place: OwnedSemaphorePermit,
}

/// An answer that is being written. Dropping it ends the generation.
pub struct Speech {
    llama: Llama,
    /// None once nothing more is to be written.
    writing: Option<Writing>,
    guard: Guard,
    hold: Option<Hold>,
    opening: Opening,
    /// All of the answer so far.
    text: String,
    /// How much of it was handed out.
    said: usize,
    /// Parts of it that were not, and since when there are any.
    held: usize,
    since: Option<Instant>,
    generated: Option<Generated>,
    judgments: Vec<Judgment>,
    minutes: Option<Arc<Minutes>>,
    is_over: bool,
}

impl Speech {
    pub(super) fn new(
        (llama, writing): (Llama, Writing),
        guard: Guard,
        hold: Option<Hold>,
        opening: Opening,
    ) -> Self {
        Self {
            llama,
            writing: Some(writing),
            guard,
            hold,
            opening,
            text: String::new(),
            said: 0,
            held: 0,
            since: None,
            generated: None,
            judgments: Vec::new(),
            minutes: Minutes::at_hand(),
            is_over: false,
        }
    }

    /// The terms it is judged by.
    #[must_use]
    pub fn docket(&self) -> &Docket {
        &self.guard.docket
    }

    /// The next part; none behind the last, which is an end or an error.
    pub async fn next(&mut self) -> Option<Result<Said, Unwritten>> {
        if self.is_over {
            return None;
        }
        let said = self.go_on().await;
        self.is_over = !matches!(said, Ok(Said::Text(_)));
        Some(said)
    }

    async fn go_on(&mut self) -> Result<Said, Unwritten> {
        self.listen().await?;
        while self.whole() == self.said && self.generated.is_none() {
            // Nothing but the beginning of a word is held back: its next part is waited for.
            (self.held, self.since) = (0, Some(Instant::now()));
            self.listen().await?;
        }
        if self.said == self.text.len() {
            let finished = match self.generated.as_ref().map(|generated| generated.finish) {
                Some(Finish::Length | Finish::Context) => Finished::Length,
                Some(Finish::End | Finish::Stop) | None => Finished::Stop,
            };
            return self.end(finished);
        }
        let until = self.whole();
        if self.keeps_back(until).await? {
            // The model need not go on.
            self.writing = None;
            return self.end(Finished::Kept);
        }
        let text = self.text.get(self.said..until).unwrap_or_default().to_owned();
        let begun = until < self.text.len();
        (self.said, self.held, self.since) = (until, usize::from(begun), begun.then(Instant::now));
        Ok(Said::Text(text))
    }

    /// Up to where the text is whole words: half a word may be another one, and worse.
    fn whole(&self) -> usize {
        let rest = self.text.get(self.said..).unwrap_or_default();
        if self.generated.is_some() || rest.len() > LONGEST_WORD {
            return self.text.len();
        }
        let gap = rest.char_indices().rev().find(|(_, character)| character.is_whitespace());
        gap.map_or(self.said, |(at, character)| self.said + at + character.len_utf8())
    }

    /// Hears the model out until something is to be judged, or nothing more comes.
    async fn listen(&mut self) -> Result<(), Unwritten> {
        while self.generated.is_none() {
            let Some(writing) = &mut self.writing else { return Ok(()) };
            let due = self.hold.as_ref().zip(self.since).map(|(hold, since)| since + hold.time);
            let is_enough = self.hold.as_ref().is_some_and(|hold| self.held >= hold.tokens);
            let part = match due {
                // What is there already is judged with it.
                Some(_) if is_enough => writing.next().now_or_never(),
                Some(due) => timeout_at(due, writing.next()).await.ok(),
                None => Some(writing.next().await),
            };
            match part {
                None => return Ok(()),
                Some(Some(Ok(Written::Text(text)))) => {
                    self.text.push_str(&text);
                    self.held += 1;
                    self.since.get_or_insert_with(Instant::now);
                }
                Some(Some(Ok(Written::End(generated)))) => self.generated = Some(generated),
                Some(Some(Err(error))) => return Err(error.into()),
                Some(None) => return Err(InferenceError::Stopped.into()),
            }
        }
        Ok(())
    }

    /// Judges what is held back up to `until`, with some of what went before it.
    async fn keeps_back(&mut self, until: usize) -> Result<bool, ApiError> {
        let before = self.text.get(..self.said).unwrap_or_default();
        let overlap = before.char_indices().rev().take(self.guard.overlap).last();
        let window =
            self.text.get(overlap.map_or(self.said, |(at, _)| at)..until).unwrap_or_default().to_owned();
        let judging = judged(&self.guard.moderator, &self.guard.docket, window);
        let judgment = match &self.minutes {
            Some(minutes) => Arc::clone(minutes).over(judging).await?,
            None => judging.await?,
        };
        let Some(judgment) = judgment else { return Ok(false) };
        let keeps = judgment.verdict.action >= self.guard.stop_from;
        self.judgments.push(judgment);
        Ok(keeps)
    }

    fn end(&mut self, finished: Finished) -> Result<Said, Unwritten> {
        let (completion_tokens, cached_tokens) = match &self.generated {
            Some(generated) => (generated.ids.len(), generated.cached_tokens),
            None => (self.llama.count(&self.text)?, 0),
        };
        Ok(Said::End(Box::new(End {
            finished,
            prompt_tokens: self.opening.prompt_tokens,
            cached_tokens,
            completion_tokens,
            heard: std::mem::take(&mut self.opening.heard),
            judgments: std::mem::take(&mut self.judgments),
        })))
    }
}
