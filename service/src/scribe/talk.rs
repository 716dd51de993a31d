//! What was said so far.

use inference::{Prompt, Turn};
use policies::Rewritten;

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

    /// Puts what may be passed on in the place of what was said: one for each of [`Talk::parts`], and the last for the
    /// instructions. What the policy masks, the model never reads.
    pub(super) fn mask<'a>(&mut self, mut rewritten: impl DoubleEndedIterator<Item = Option<&'a Rewritten>>) {
        if let (Some(Some(rewritten)), Some(system)) = (rewritten.next_back(), &mut self.system) {
            system.clone_from(&rewritten.text);
        }
        let turns = self.turns.iter_mut().flat_map(|(user, model)| [user, model]);
        let parts = turns.chain([&mut self.last]).filter(|text| !text.is_empty());
        for (part, rewritten) in parts.zip(rewritten) {
            if let Some(rewritten) = rewritten {
                part.clone_from(&rewritten.text);
            }
        }
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
