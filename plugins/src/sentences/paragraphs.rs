//! What belongs together before sentences are sought: paragraphs, headings, list items, turns of a speaker.

use std::ops::Range;

/// The longest name of a speaker, in characters, and in words.
const LONGEST_NAME: usize = 40;
const NAME_WORDS: usize = 4;
/// A line that could have taken the next word and stayed within this share of the widest line was ended on purpose.
const FILLED: f64 = 0.8;

/// A line without its white space.
#[derive(Clone)]
struct Line<'a> {
    start: usize,
    text: &'a str,
}

/// The paragraphs of `text`, trimmed, ascending; together they cover everything but white space.
pub(super) fn paragraphs(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    let lines: Vec<Line<'_>> = text
        .split_inclusive(['\n', '\u{c}', '\u{2029}'])
        .map(|line| {
            let at = start;
            start += line.len();
            Line { start: at + (line.len() - line.trim_start().len()), text: line.trim() }
        })
        .collect();
    for run in lines.split(|line| line.text.is_empty()) {
        let width = run.iter().map(|line| line.text.chars().count()).max().unwrap_or_default();
        let mut before: Option<&Line<'_>> = None;
        for line in run {
            let end = line.start + line.text.len();
            match (before, found.last_mut()) {
                (Some(before), Some(paragraph)) if !ends_between(before.text, line.text, width) => {
                    paragraph.end = end;
                }
                _ => found.push(line.start..end),
            }
            before = Some(line);
        }
    }
    found
}

/// Whether the break between two lines that follow each other ends a paragraph. `width` is that of the widest line.
fn ends_between(before: &str, line: &str, width: usize) -> bool {
    if is_heading(before) || is_heading(line) || marker(line) > 0 || speaks(line) {
        return true;
    }
    if before.ends_with(['.', '!', '?', ',', ';', '-', '–', '—']) {
        return false;
    }
    let goes_on = line.chars().find(|char| char.is_alphanumeric()).is_some_and(char::is_lowercase);
    let word = line.split_whitespace().next().map_or(0, |word| word.chars().count());
    #[expect(clippy::cast_precision_loss, reason = "widths of lines are small numbers")]
    let fitted = (before.chars().count() + 1 + word) as f64 <= FILLED * width as f64;
    !goes_on && fitted
}

/// A Markdown heading.
pub(super) fn is_heading(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    (1..=6).contains(&(line.len() - rest.len())) && rest.starts_with(' ')
}

/// Bytes of the list marker at the beginning of `item`, with the white space after it; 0 if there is none.
pub(super) fn marker(item: &str) -> usize {
    let bullet = |char: char| matches!(char, '-' | '*' | '+' | '•' | '‣' | '◦' | '▪' | '·' | '–' | '—');
    let rest = if let Some(rest) = item.strip_prefix(bullet) {
        rest
    } else {
        let digits = item.bytes().take_while(u8::is_ascii_digit).count();
        let letter = usize::from(item.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase()));
        let (label, ends): (usize, &[char]) = match (digits, letter) {
            (1..=2, _) => (digits, &['.', ')']),
            (0, 1) => (letter, &[')']),
            _ => return 0,
        };
        match item.get(label..).and_then(|rest| rest.strip_prefix(ends)) {
            Some(rest) => rest,
            None => return 0,
        }
    };
    let text = rest.trim_start();
    if text.len() < rest.len() { item.len() - text.len() } else { 0 }
}

/// Whether a line begins with a speaker's name and a colon, as transcripts have it.
fn speaks(line: &str) -> bool {
    let Some((name, said)) = line.split_once(": ") else { return false };
    let begins = name.chars().next().is_some_and(|char| char.is_uppercase() || char.is_numeric());
    let letters = name.chars().all(|char| char.is_alphanumeric() || " .'’()-_".contains(char));
    begins
        && letters
        && !said.trim().is_empty()
        && name.chars().count() <= LONGEST_NAME
        && name.split_whitespace().count() <= NAME_WORDS
}
