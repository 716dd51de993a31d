//! What a guard says in words: `safe`, or `unsafe` and a line of codes, and perhaps what it cites.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use policies::{Category, Evidence};
use regex::Regex;

use crate::brief::{self, Brief};

/// Tokens of an answer, at most.
pub(crate) const MOST_TOKENS: usize = 32;

/// `O3`, `P1`, `[C2]`.
static LABELS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b([OPC])([0-9]{1,3})\b").ok());

/// An answer, taken apart. Whether what it cites was there at all is not known yet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cited {
    /// `None` when the answer is neither `safe` nor `unsafe`.
    unsafe_: Option<bool>,
    categories: Vec<usize>,
    precedents: Vec<usize>,
    clauses: Vec<usize>,
}

impl Cited {
    /// Reads an answer; anything may stand in it.
    pub(crate) fn read(answer: &str) -> Self {
        let first = answer.trim_start().lines().next().unwrap_or_default().trim().to_lowercase();
        let mut cited = Self { unsafe_: verdict(&first), ..Self::default() };
        let Some(labels) = LABELS.as_ref() else { return cited };
        for label in labels.captures_iter(answer) {
            let (_, [kind, number]) = label.extract();
            let Ok(number) = number.parse() else { continue };
            let named = match kind {
                "O" => &mut cited.categories,
                "P" => &mut cited.precedents,
                _ => &mut cited.clauses,
            };
            if !named.contains(&number) {
                named.push(number);
            }
        }
        cited
    }

    /// The precedents and clauses cited, of those that were shown.
    pub(crate) fn evidence(&self, brief: &Brief<'_>) -> Vec<Evidence> {
        let precedents = self.precedents.iter().filter_map(|number| brief.precedent(*number));
        let clauses = self.clauses.iter().filter_map(|number| brief.clause(*number));
        let clauses = clauses.map(|clause| Evidence::Clause(Arc::clone(&clause.id)));
        precedents.map(brief::cite).chain(clauses).collect()
    }

    /// One line: what the model said, of which categories, how sure it is, and what lay nearest. Nothing of the text.
    pub(crate) fn explanation(&self, probability: f64, brief: &Brief<'_>) -> String {
        let said = match self.unsafe_ {
            Some(true) => "unsafe",
            Some(false) => "safe",
            None => "neither safe nor unsafe",
        };
        let mut line = format!("the model says {said}");
        let named: Vec<&str> =
            self.categories.iter().filter_map(|n| brief.category(*n)).map(Category::name).collect();
        // Writing to a string cannot fail.
        if !named.is_empty() {
            let _ = write!(line, " ({})", named.join(", "));
        }
        let _ = write!(line, "; the probability of harm is {probability:.2}");
        if let Some(nearest) = brief.precedents.first() {
            let (id, ruling) = (&nearest.id, nearest.ruling.name());
            let _ = write!(line, "; nearest precedent {id} ({ruling}, similarity {:.2})", nearest.similarity);
        }
        if let Some(nearest) = brief.clauses.first() {
            let _ = write!(line, "; nearest clause {}", nearest.id);
        }
        line
    }
}

fn verdict(first_line: &str) -> Option<bool> {
    match first_line {
        "safe" => Some(false),
        "unsafe" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_in_llama_guards_form() {
        let cited = Cited::read(" unsafe\nO3,O12");
        assert_eq!((cited.unsafe_, cited.categories), (Some(true), vec![3, 12]));
        assert_eq!(Cited::read("safe").unsafe_, Some(false));
        assert_eq!(Cited::read("\n Unsafe \nO1 [P2] [C1], P2").precedents, [2]);
    }

    #[test]
    fn an_answer_that_is_none_says_neither() {
        for answer in ["", "I think", "safe enough", "O3", "unsafe O3"] {
            assert_eq!(Cited::read(answer).unsafe_, None, "{answer}");
        }
    }
}
