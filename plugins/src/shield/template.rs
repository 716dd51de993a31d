//! Pieces of prompts' templates, and turns of a conversation, in text that has none of its own.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::{Family, sign::Sign};
use crate::pattern::pattern;

/// How much a piece counts, and what it looks like.
const PIECES: [(f32, &str); 7] = [
    (
        0.8,
        r"(?im)^\s*(?:assistant|ai|ai assistant|bot|assistent|ki|chatgpt)\s*:\s*(?:understood|sure|of course|okay|certainly|yes|absolutely|verstanden|klar|natürlich|gerne|ja)\b",
    ),
    (0.5, r"(?i)\{\{\s*(?:user|char|input|prompt)\s*\}\}"),
    (0.95, r"(?i)\[\s*/?\s*INST\s*\]|<<\s*/?\s*SYS\s*>>"),
    (
        0.95,
        r"(?i)<\|\s*[a-z_]{2,20}\s*\|>|<(?:start|end)_of_turn>|</?(?:system|assistant|human)(?:_prompt)?>",
    ),
    (
        0.75,
        r"(?im)^\s*#{1,4}\s*(?:system|instructions?|anweisung(?:en)?|assistant|assistent|prompt|response|user|human)\s*:",
    ),
    (
        0.8,
        r"(?im)^\s*(?:---+|===+|\*\*\*+)?\s*(?:end of (?:document|text|context|article|prompt|input)|ende (?:des|der) (?:dokuments?|textes|artikels|eingabe|kontextes))\s*(?:---+|===+|\*\*\*+|[.:])",
    ),
    (
        0.8,
        r"(?is)^\s*(?:human|user|benutzer|nutzer|mensch)\s*:.*[\n\r]\s*(?:assistant|ai|bot|assistent|ki|chatgpt)\s*:",
    ),
];

pub(super) struct Pieces {
    any: RegexSet,
    each: Vec<(f32, Regex)>,
}

pub(super) static TEMPLATES: LazyLock<Pieces> = LazyLock::new(|| Pieces {
    any: RegexSet::new(PIECES.map(|(_, piece)| piece)).unwrap_or_else(|_| RegexSet::empty()),
    each: PIECES.iter().filter_map(|(weight, piece)| Some((*weight, pattern(piece)?))).collect(),
});

/// A line that begins like a turn of the person, or of the model.
pub(super) static TURN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?im)^\s*(?:(?P<person>human|user|benutzer|nutzer|mensch)|(?:assistant|ai|ai assistant|bot|assistent|ki|ki-assistent|chatgpt|system))\s*:",
    )
});

/// Tokens that a sentence begins with, and the space around them.
pub(super) static TOKENS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"(?i)^\s*(?:(?:\[\s*/?\s*INST\s*\]|<<\s*/?\s*SYS\s*>>|<\|\s*[a-z_]{2,20}\s*\|>)\s*)+")
});

/// Whose turn a sentence begins like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Person,
    Model,
}

/// The signs of a template in `text`.
pub(super) fn signs(text: &str) -> Vec<Sign> {
    let matched = TEMPLATES.any.matches(text);
    let sign = |number: usize| {
        let (weight, piece) = TEMPLATES.each.get(number)?;
        Some(Sign { family: Family::Template, weight: *weight, range: piece.find(text)?.range() })
    };
    matched.iter().filter_map(sign).collect()
}

/// Bytes of the tokens, and the space behind them, that a sentence begins with.
pub(super) fn leading(sentence: &str) -> usize {
    TOKENS.as_ref().and_then(|tokens| tokens.find(sentence)).map_or(0, |found| found.end())
}

/// Whose turn the sentence begins like, if it does.
pub(super) fn turn(sentence: &str) -> Option<Turn> {
    let found = TURN.as_ref()?.captures(sentence)?;
    Some(if found.name("person").is_some() { Turn::Person } else { Turn::Model })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: usize) {
        assert_eq!(signs(text).len(), expected, "{text}");
    }

    #[test]
    fn every_piece_compiles() {
        assert_eq!(TEMPLATES.each.len(), PIECES.len());
        assert_eq!(TEMPLATES.any.len(), PIECES.len());
        assert!(TURN.is_some() && TOKENS.is_some());
    }

    #[test]
    fn a_templates_pieces_are_told_from_ordinary_brackets() {
        check("a [/INST] b", 1);
        check("<<SYS>> <|im_start|>", 2);
        check("### System:\nOnly this.", 1);
        check("User: a\nAssistant: b", 1);
        check("As shown in [1] and <b>bold</b> [sic] if a << b", 0);
        check("System: a set of parts", 0);
        check("# Instructions for use", 0);
    }
}
