//! `[chat]`: how a LLaMA that answers is watched while it does.

use policies::Action;
use serde::Deserialize;

/// `[chat]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Chat {
    /// The policy that prompts and answers are held to; the default policy unless given.
    pub policy: Option<String>,
    /// The mildest action of it that keeps a prompt or an answer back: `flag`, `review` or `block`.
    pub stop_from: Action,
    /// Tokens of an answer that are held back before they are judged, at most.
    pub hold_tokens: usize,
    /// Milliseconds that a token of an answer is held back before it is judged, at most.
    pub hold_ms: u64,
    /// Characters before those held back that are judged again with them.
    pub overlap_chars: usize,
    /// Tokens of an answer, at most.
    pub max_tokens: usize,
    /// Answers written at the same time, at most; more are refused at once with 503.
    pub max_at_once: usize,
    /// Milliseconds that an answer may take; 0 for as long as it takes.
    pub deadline_ms: u64,
}

impl Default for Chat {
    fn default() -> Self {
        Self {
            policy: None,
            stop_from: Action::Review,
            hold_tokens: 32,
            hold_ms: 1000,
            overlap_chars: 400,
            max_tokens: 4096,
            max_at_once: 16,
            deadline_ms: 300_000,
        }
    }
}

impl Chat {
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.stop_from == Action::Allow {
            return Some(
                "`chat.stop_from` is `flag`, `review` or `block`: with `allow` nothing would be said",
            );
        }
        [self.hold_tokens, self.max_tokens, self.max_at_once]
            .contains(&0)
            .then_some("`chat.hold_tokens`, `chat.max_tokens` and `chat.max_at_once` are at least 1")
    }
}
