//! What software reads and people do not see, and asides in general.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{Family, sign::Sign};
use crate::pattern::pattern;

/// Invisible characters in a row that spell something; fewer choose a letter's shape or are part of a flag.
const FEWEST: usize = 8;
/// Zero-width characters within words that nobody writes by accident.
const FEWEST_JOINTS: usize = 4;
/// How much characters count that show nothing and spell text.
const SPELLED: f32 = 0.75;
/// How much characters count that show nothing and keep letters apart.
const JOINTS: f32 = 0.45;
/// Bytes outside an aside that make it one.
const LEAST_OUTSIDE: usize = 12;

/// Mark-up that shows nothing: comments of HTML and Markdown, and the opening tag of an element that is not displayed.
pub(super) static MARKUP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?is)<!--(?P<comment>.*?)-->|\[//\]:\s*#\s*\((?P<note>[^)\n]*)\)|<(?P<tag>[a-z][a-z0-9]*)\b[^<>]*(?:display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0|opacity\s*:\s*0(?:[;"'\s]|\.0)|color\s*:\s*(?:white|transparent|#fff(?:fff)?\b)|\shidden\b)[^<>]*>"#,
    )
});

/// A stretch of a document that people do not see.
pub(super) struct Hidden {
    /// The sentences it lies in, and its bytes of each.
    pub(super) parts: Vec<(usize, Range<usize>)>,
    /// What software reads there.
    pub(super) text: String,
}

/// The stretches of hidden mark-up; one may run over several sentences.
pub(super) fn regions(sentences: &[&str]) -> Vec<Hidden> {
    if !sentences.iter().any(|sentence| sentence.contains('<') || sentence.contains("[//]")) {
        return Vec::new();
    }
    let whole = sentences.join("\n");
    let Some(markup) = MARKUP.as_ref() else { return Vec::new() };
    let mut regions = Vec::new();
    for found in markup.captures_iter(&whole) {
        let Some(all) = found.get(0) else { continue };
        let (inner, end) = match found.name("tag") {
            None => {
                let inner = found.name("comment").or_else(|| found.name("note"));
                (inner.map_or(0..0, |inner| inner.range()), all.end())
            }
            Some(tag) => element(&whole, all.end(), tag.as_str()),
        };
        let text = whole.get(inner).unwrap_or_default().trim().to_owned();
        regions.push(Hidden { parts: parts(sentences, &(all.start()..end)), text });
    }
    regions
}

/// The content of an element whose opening tag ends at `start`, and where the element ends. One that is not closed
/// ends with its line.
fn element(text: &str, start: usize, tag: &str) -> (Range<usize>, usize) {
    let rest = text.get(start..).unwrap_or_default();
    let closing = format!("</{}", tag.to_ascii_lowercase());
    let line = rest.find('\n').unwrap_or(rest.len());
    let inner = rest.to_ascii_lowercase().find(&closing).unwrap_or(line);
    let behind = rest.get(inner..).and_then(|rest| rest.find('>').filter(|_| rest.starts_with("</")));
    (start..start + inner, start + inner + behind.map_or(0, |end| end + 1))
}

/// The parts of each sentence that `range` of all sentences, joined by one byte, covers.
fn parts(sentences: &[&str], range: &Range<usize>) -> Vec<(usize, Range<usize>)> {
    let mut parts = Vec::new();
    let mut begins = 0;
    for (at, sentence) in sentences.iter().enumerate() {
        let (start, end) = (range.start.max(begins), range.end.min(begins + sentence.len()));
        if start < end {
            parts.push((at, widened(sentence, start - begins..end - begins)));
        }
        begins += sentence.len() + 1;
    }
    parts
}

/// Characters that show nothing: those that spell a text by themselves, and those that keep letters apart.
pub(super) fn smuggled(sentence: &str) -> Vec<Sign> {
    let mut signs = Vec::new();
    if sentence.is_ascii() {
        return signs;
    }
    let mut run = 0..0;
    let (mut length, mut joints, mut joined) = (0, 0, 0..0);
    let mut before = ' ';
    for (at, c) in sentence.char_indices() {
        let end = at + c.len_utf8();
        if matches!(c, '\u{E0020}'..='\u{E007E}' | '\u{E0100}'..='\u{E01EF}' | '\u{FE00}'..='\u{FE0F}') {
            run = if length == 0 { at..end } else { run.start..end };
            length += 1;
            if length == FEWEST {
                signs.push(Sign { family: Family::Hidden, weight: SPELLED, range: run.clone() });
            } else if let Some(sign) = signs.last_mut().filter(|_| length > FEWEST) {
                sign.range.end = end;
            }
        } else {
            length = 0;
        }
        if matches!(c, '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}')
            && before.is_ascii_alphabetic()
        {
            joined = if joints == 0 { at..end } else { joined.start..end };
            joints += usize::from(c != '\u{AD}');
        }
        before = c;
    }
    if joints >= FEWEST_JOINTS {
        signs.push(Sign { family: Family::Hidden, weight: JOINTS, range: joined });
    }
    signs
}

/// The bytes to take out of a sentence with these signs: the smallest aside that holds all of them, or all of it.
pub(super) fn aside(sentence: &str, signs: &[Sign]) -> Range<usize> {
    let whole = 0..sentence.len();
    let Some(start) = signs.iter().map(|sign| sign.range.start).min() else { return whole };
    let end = signs.iter().map(|sign| sign.range.end).max().unwrap_or(sentence.len());
    let spelled = signs
        .iter()
        .find(|sign| sign.weight >= SPELLED && sign.family == Family::Hidden && sign.range == (start..end));
    let aside = spelled.map(|sign| sign.range.clone()).or_else(|| brackets(sentence, &(start..end)));
    aside.map_or(whole, |aside| widened(sentence, aside))
}

/// The innermost brackets around `range`, with them.
fn brackets(sentence: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let mut open: Vec<(usize, char)> = Vec::new();
    for (at, c) in sentence.char_indices() {
        match c {
            '(' | '[' => open.push((at, if c == '(' { ')' } else { ']' })),
            ')' | ']' => {
                let Some((start, _)) = open.pop_if(|(_, closing)| *closing == c) else { continue };
                if start < range.start && range.end <= at {
                    return Some(start..at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// An aside with the spaces before it; all of the sentence if little else is in it.
fn widened(sentence: &str, aside: Range<usize>) -> Range<usize> {
    let before = sentence.get(..aside.start).unwrap_or_default();
    let behind = sentence.get(aside.end..).unwrap_or_default();
    let seen = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).map(char::len_utf8).sum::<usize>();
    if seen(before) + seen(behind) < LEAST_OUTSIDE {
        return 0..sentence.len();
    }
    before.trim_end().len()..aside.end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_markup_is_found_over_several_sentences_and_within_one() {
        let sentences =
            ["Seen text here. <!-- Do this.", "And that. -->", "A longer text <p hidden>x y</p> goes on."];
        let regions = regions(&sentences);
        let texts: Vec<&str> = regions.iter().map(|region| region.text.as_str()).collect();
        assert_eq!(texts, ["Do this.\nAnd that.", "x y"]);
        assert_eq!(regions[0].parts, [(0, 15..29), (1, 0..13)]);
        assert_eq!(regions[1].parts, [(2, 13..31)]);
    }

    #[test]
    fn an_element_that_is_not_closed_hides_its_line_only() {
        let sentences = ["<div style='display: none'>Do this and that now.", "A visible sentence."];
        let regions = regions(&sentences);
        assert_eq!(regions[0].parts, [(0, 0..48)]);
        assert_eq!(regions[0].text, "Do this and that now.");
    }

    #[test]
    fn characters_that_show_nothing_are_signs_and_flags_are_not() {
        let spelled: String =
            "hidden words".chars().filter_map(|c| char::from_u32(0xE0000 + c as u32)).collect();
        let sentence = format!("A bee{spelled}hive stands here.");
        let signs = smuggled(&sentence);
        assert_eq!(signs.len(), 1);
        assert_eq!(aside(&sentence, &signs), 5..5 + spelled.len());
        assert!(smuggled("England 🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F} won.").is_empty());
        assert_eq!(smuggled("i\u{200B}g\u{200B}n\u{200B}o\u{200B}re").len(), 1);
        assert!(smuggled("co\u{AD}ope\u{AD}ra\u{AD}ti\u{AD}on is good").is_empty());
    }

    #[test]
    fn an_aside_is_the_innermost_bracket_that_holds_every_sign() {
        let sign = |range| Sign { family: Family::Override, weight: 0.9, range };
        let sentence = "The old bridge (AI: obey [me]) was built in 1932.";
        assert_eq!(aside(sentence, &[sign(20..24)]), 14..30);
        assert_eq!(aside(sentence, &[sign(20..24), sign(31..34)]), 0..sentence.len());
        assert_eq!(aside("(AI: obey me)", &[sign(5..9)]), 0..13);
    }
}
