//! A text as it grows.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::Stream;

use super::{
    answers::Generated,
    job::{Event, PendingText, TextAnswer},
};
use crate::InferenceError;

/// What is heard of a text as it grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// It is longer by this: whole characters, nothing of a stop string.
    Text(String),
    /// It is done. Its text is all that was heard, in one piece.
    End(Generated),
}

/// A text that is being generated: a stream of its parts, of which the last is [`Written::End`] or an error. Dropping
/// it ends the generation within one step.
#[derive(Debug)]
pub struct Writing {
    pending: PendingText,
    prompt_tokens: usize,
    text: String,
    is_over: bool,
}

impl Writing {
    pub(super) fn new(pending: PendingText, prompt_tokens: usize) -> Self {
        Self { pending, prompt_tokens, text: String::new(), is_over: false }
    }

    /// The next part; none behind the last.
    pub async fn next(&mut self) -> Option<Result<Written, InferenceError>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Waits until the text is done.
    pub(super) async fn end(mut self) -> Result<Generated, InferenceError> {
        loop {
            match self.next().await {
                Some(Ok(Written::Text(_))) => {}
                Some(Ok(Written::End(generated))) => return Ok(generated),
                Some(Err(error)) => return Err(error),
                None => return Err(InferenceError::Stopped),
            }
        }
    }

    fn done(&mut self, answer: TextAnswer) -> Result<Written, InferenceError> {
        let TextAnswer { ids, finish, cached, took } = answer;
        Ok(Written::End(Generated {
            ids,
            text: std::mem::take(&mut self.text),
            finish: finish.ok_or(InferenceError::Stopped)?,
            prompt_tokens: self.prompt_tokens,
            cached_tokens: cached.min(self.prompt_tokens),
            took,
        }))
    }
}

impl Stream for Writing {
    type Item = Result<Written, InferenceError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let heard = ready!(self.pending.answers.poll_recv(context));
        let heard = match heard.unwrap_or(Err(InferenceError::Stopped)) {
            Ok(Event::Grown(text)) => {
                self.text.push_str(&text);
                return Poll::Ready(Some(Ok(Written::Text(text))));
            }
            Ok(Event::Done(answer)) => self.done(*answer),
            Err(error) => Err(error),
        };
        self.is_over = true;
        Poll::Ready(Some(heard))
    }
}
