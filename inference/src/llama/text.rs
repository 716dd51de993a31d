//! One text as it grows, token by token.

use std::time::Duration;

use super::{
    constraint::Form,
    job::{Event, Finish, TextAnswer},
    sampling::Sampler,
    spelling::Speller,
};

/// A prompt and what was added to it.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) prompt: Vec<u32>,
    /// Tokens to add, at most.
    pub(super) new: usize,
    pub(super) sampler: Sampler,
    pub(super) speller: Speller,
    pub(super) form: Option<Box<Form>>,
    pub(super) ids: Vec<u32>,
    /// Tokens of the prompt that needed no computing, once it is begun.
    pub(super) cached: Option<usize>,
    pub(super) took: Duration,
}

/// What a text's next token made of it.
pub(super) struct Grown {
    /// Text that is certain now.
    pub(super) text: String,
    /// Why it ended, if it did.
    pub(super) finish: Option<Finish>,
}

impl Text {
    /// All its tokens from `from` on.
    pub(super) fn from(&self, from: usize) -> impl Iterator<Item = u32> {
        self.prompt.iter().chain(&self.ids).skip(from).copied()
    }

    /// Tokens so far, the prompt's among them.
    pub(super) fn len(&self) -> usize {
        self.prompt.len() + self.ids.len()
    }

    /// Most tokens that are read of it: the last one is not.
    pub(super) fn longest(&self, context: usize) -> usize {
        self.prompt.len().saturating_add(self.new.saturating_sub(1)).min(context)
    }

    /// Adds the next token by its logits, `[vocabulary]`; `ends` are the ids of EOS.
    pub(super) fn grow(
        &mut self,
        mut logits: Vec<f32>,
        ends: &[u32],
        context: usize,
    ) -> Result<Grown, ort::Error> {
        let mut may_end = true;
        if let Some(form) = &mut self.form {
            form.prepare().map_err(ort::Error::new)?;
            may_end = form.may_end();
        }
        let form = self.form.as_ref();
        let allowed = |id| match form {
            None => true,
            Some(_) if ends.contains(&id) => may_end,
            Some(form) => form.allows(id),
        };
        let next = self.sampler.next(&mut logits, allowed)?;
        if ends.contains(&next) {
            return Ok(Grown { text: self.speller.end(), finish: Some(Finish::End) });
        }
        self.ids.push(next);
        let (mut text, stopped) = self.speller.push(next);
        let is_whole = match &mut self.form {
            Some(form) => form.push(next).map_err(ort::Error::new)?,
            None => false,
        };
        let finish = if stopped {
            Some(Finish::Stop)
        } else if is_whole {
            Some(Finish::End)
        } else if self.ids.len() >= self.new {
            Some(Finish::Length)
        } else {
            (self.len() > context).then_some(Finish::Context)
        };
        if finish.is_some() && !stopped {
            text.push_str(&self.speller.end());
        }
        Ok(Grown { text, finish })
    }

    /// What its caller hears when it is over.
    pub(super) fn done(self, finish: Finish) -> Event {
        let Self { ids, cached, took, .. } = self;
        let cached = cached.unwrap_or_default();
        Event::Done(Box::new(TextAnswer { ids, finish: Some(finish), cached, took }))
    }
}
