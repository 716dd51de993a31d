//! What was said so far.

use inference::{Prompt, Turn};

/// A conversation in the form a LLaMA knows: instructions, turns that are over, and what is to be answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Talk {
    /// What the model is told to be.
    pub system: Option<String>,
    /// What a person said, and what the model answered.
    pub turns: Vec<(String, String)>,
    /// What is to be answered.
    pub last: String,
}

impl Talk {
    /// What was said, part by part.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        let turns = self.turns.iter().flat_map(|(user, model)| [user.as_str(), model.as_str()]);
        turns.chain([self.last.as_str()]).filter(|text| !text.is_empty())
    }

    /// The conversation as one text.
    #[must_use]
    pub fn conversation(&self) -> String {
        self.parts().collect::<Vec<_>>().join("\n\n")
    }

    /// What the model is told to be; empty if nothing.
    #[must_use]
    pub fn instructions(&self) -> String {
        self.system.clone().unwrap_or_default()
    }

    pub(super) fn prompt(&self) -> Prompt {
        let turns: Vec<Turn<'_>> =
            self.turns.iter().map(|(user, assistant)| Turn { user, assistant }).collect();
        Prompt::chat(self.system.as_deref(), &turns, &self.last)
    }
}
