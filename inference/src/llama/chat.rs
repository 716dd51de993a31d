//! Prompts to generate from: Llama 2's chat, or plain text.
//!
//! *Source*: Llama 2's reference code: every finished pair of turns stands between its own BOS and EOS.

use super::neutral::neutral;

/// A turn of a conversation that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn<'a> {
    /// What the person said.
    pub user: &'a str,
    /// What the model answered.
    pub assistant: &'a str,
}

/// A prompt to generate from. Its control tokens are not text, so no text can bring them about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub(super) finished: Vec<String>,
    pub(super) last: String,
}

impl Prompt {
    /// BOS and the text, as it is. An empty text is BOS alone.
    #[must_use]
    pub fn raw(text: &str) -> Self {
        Self { finished: Vec::new(), last: text.to_owned() }
    }

    /// Llama 2's chat: what the model is told to be, if anything, the turns that are over, and what the person says
    /// now. Callers' text in it cannot pass for a part of the template.
    #[must_use]
    pub fn chat(system: Option<&str>, turns: &[Turn<'_>], user: &str) -> Self {
        let mut system = system.map(|system| format!("<<SYS>>\n{}\n<</SYS>>\n\n", neutral(system)));
        let mut asked = |text: &str| {
            let system = system.take().unwrap_or_default();
            format!("[INST] {system}{} [/INST]", neutral(text.trim()))
        };
        let finished = turns
            .iter()
            .map(|turn| format!("{} {} ", asked(turn.user), neutral(turn.assistant.trim())))
            .collect();
        Self { finished, last: asked(user) }
    }
}
