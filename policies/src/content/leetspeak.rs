//! Digits and signs that stand for letters inside words.
//!
//! Numbers, prices, units, ordinals, names that end in a number, addresses and mentions stay as they are, unless so much of the
//! text is disguised that what looks like them is so as well: `y0u 4r3 4 w0r7hl3$$ 1d!07`.

use std::ops::Range;

use super::span::{Mapped, Rewriter};

/// Longer stretches are keys and checksums.
const LONGEST_WORD: usize = 32;
/// A digit opens a word only before this many letters: `5hit`, but `3rd`, `5km`.
const LETTERS_AFTER_DIGIT: usize = 3;

/// So many disguised words, and one in so many words, make a disguised text.
const FEWEST_DISGUISED: usize = 2;
const DISGUISED_SHARE: usize = 8;
/// Letters of a word that is all digits and signs, at most, in such a text: `4`, `70`.
const LONGEST_OF_SIGNS: usize = 2;

/// `base` with the letters its digits and signs stand for, or `None` when none stands for one.
pub(super) fn unmask(base: &Mapped) -> Option<Mapped> {
    if !base.text.bytes().any(may_stand_in) {
        return None;
    }
    let (undone, changed) = rewrite(base, false);
    let words = base.text.split_whitespace().count();
    if changed >= FEWEST_DISGUISED && changed * DISGUISED_SHARE >= words {
        rewrite(base, true).0
    } else {
        undone
    }
}

/// The text with stand-ins undone, and how many words that changed; `boldly`, in every word they may stand in.
fn rewrite(base: &Mapped, boldly: bool) -> (Option<Mapped>, usize) {
    let mut rewriter = Rewriter::new(base);
    let mut word = Vec::new();
    let mut disguised = 0;
    for (start, piece) in pieces(&base.text) {
        if !piece.bytes().any(may_stand_in) || is_address(piece) {
            continue;
        }
        for (position, c) in piece.char_indices() {
            if c == '@' && word.is_empty() && is_name(piece.get(position + 1..).unwrap_or_default()) {
                continue;
            }
            if c.is_alphanumeric() || is_stand_in(c) {
                word.push((start + position, c));
            } else {
                disguised += usize::from(unmask_word(&mut word, boldly, &mut rewriter));
            }
        }
        disguised += usize::from(unmask_word(&mut word, boldly, &mut rewriter));
    }
    (rewriter.finish(), disguised)
}

/// What stands between white space, and where.
fn pieces(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut position = 0;
    text.split_inclusive(char::is_whitespace).map(move |piece| {
        let start = position;
        position += piece.len();
        (start, piece)
    })
}

/// Links and e-mail addresses.
fn is_address(piece: &str) -> bool {
    let domain =
        |text: &str| text.split_once('.').is_some_and(|(_, top)| top.starts_with(char::is_alphanumeric));
    piece.contains("://")
        || piece.starts_with("www.")
        || piece.split_once('@').is_some_and(|(name, rest)| !name.is_empty() && domain(rest))
}

/// Whether what follows an `@` is the name of somebody: it has capitals or underscores.
fn is_name(text: &str) -> bool {
    let mut name = text.chars().take_while(|&c| c.is_alphanumeric() || c == '_').take(LONGEST_WORD);
    name.any(|c| c == '_' || c.is_uppercase())
}

/// Edits one word, given as its characters and where they are, leaves `word` empty, and says whether it has stand-ins inside.
fn unmask_word(word: &mut Vec<(usize, char)>, boldly: bool, rewriter: &mut Rewriter<'_>) -> bool {
    let mut disguised = false;
    if word.len() <= LONGEST_WORD {
        let upper = word.iter().any(|(_, c)| c.is_uppercase());
        let shouted = upper && !word.iter().any(|(_, c)| c.is_lowercase());
        let all = all_stand_ins(word);
        disguised = is_disguised(word, &all);
        for run in if boldly { all } else { stand_ins(word) } {
            let doubled =
                run.len() > 1 && run.windows(2).all(|pair| matches!(pair, [(_, a), (_, b)] if a == b));
            for &(position, c) in run {
                if let Some(letter) = letter(c, doubled) {
                    let letter = if shouted { letter.to_ascii_uppercase() } else { letter };
                    edit(rewriter, position..position + c.len_utf8(), letter);
                }
            }
        }
    }
    word.clear();
    disguised
}

/// Whether a word has stand-ins between its letters. Of two letters there is one between: `i18n` is short for a long word.
fn is_disguised(word: &[(usize, char)], stand_ins: &[&[(usize, char)]]) -> bool {
    let letters = word.iter().filter(|(_, c)| c.is_alphabetic());
    let ends = letters.clone().next().zip(letters.clone().next_back());
    let Some(((first, _), (last, _))) = ends else { return false };
    let inside = |run: &&[(usize, char)]| run.first().is_some_and(|(at, _)| (first..last).contains(&at));
    let count = letters.count();
    count * 3 >= word.len() && (count > 2 || word.len() == 3) && stand_ins.iter().any(inside)
}

pub(super) fn edit(rewriter: &mut Rewriter<'_>, range: Range<usize>, letter: char) {
    rewriter.edit(range, letter.encode_utf8(&mut [0; 4]));
}

/// The runs of digits and signs in `word` that stand for letters.
fn stand_ins(word: &[(usize, char)]) -> Vec<&[(usize, char)]> {
    let runs: Vec<_> = word.chunk_by(|(_, a), (_, b)| a.is_alphabetic() == b.is_alphabetic()).collect();
    if runs.len() < 2 || word.iter().any(|(_, c)| c.is_alphabetic() && !is_latin(*c)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut ends = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| runs.get(index));
        let after = runs.get(index + 1);
        if run.iter().any(|(_, c)| c.is_alphabetic()) {
            continue;
        }
        match (before, after) {
            // A number inside the word: it is a code or a key.
            (Some(_), Some(_)) if !reads_as_letters(run) => return Vec::new(),
            (Some(before), Some(after)) if ends_sentence(before, run, after) => {}
            (Some(_), Some(_)) => found.push(*run),
            (None, Some(after)) if opens_word(run, after, runs.len() == 2) => found.push(*run),
            (Some(before), None) if closes_word(run, before) => found.push(*run),
            (None, Some(_)) if run.len() == 1 => ends.push(*run),
            (Some(_), None) if reads_as_letters(run) && !run.iter().any(|(_, c)| *c == '!') => {
                ends.push(*run);
            }
            _ => {}
        }
    }
    if !found.is_empty() {
        found.extend(ends);
        found.sort_unstable_by_key(|run| run.first().map(|(position, _)| *position));
    }
    found
}

/// Every run of stand-ins in a word of Latin letters, and a short word of nothing else; what ends the sentence stays.
fn all_stand_ins(word: &[(usize, char)]) -> Vec<&[(usize, char)]> {
    let ends = word.iter().rev().take_while(|(_, c)| *c == '!').count();
    let word = word.get(..word.len() - ends).unwrap_or_default();
    let letters = word.iter().filter(|(_, c)| c.is_alphabetic()).count();
    let readable = word.iter().all(|(_, c)| if c.is_alphabetic() { is_latin(*c) } else { is_stand_in(*c) });
    if !readable || letters == 0 && word.len() > LONGEST_OF_SIGNS {
        return Vec::new();
    }
    let runs = word.chunk_by(|(_, a), (_, b)| a.is_alphabetic() == b.is_alphabetic());
    runs.filter(|run| run.iter().all(|(_, c)| !c.is_alphabetic())).collect()
}

/// `Stop!Now`, where a space is missing.
fn ends_sentence(before: &[(usize, char)], run: &[(usize, char)], after: &[(usize, char)]) -> bool {
    let lower = before.last().is_some_and(|(_, c)| c.is_lowercase());
    let upper = after.first().is_some_and(|(_, c)| c.is_uppercase());
    lower && upper && run.iter().all(|(_, c)| *c == '!')
}

fn is_latin(c: char) -> bool {
    // Up to the end of Latin Extended-B, and Latin Extended Additional.
    c < '\u{250}' || matches!(c, '\u{1E00}'..='\u{1EFF}')
}

fn reads_as_letters(run: &[(usize, char)]) -> bool {
    let mut digits = run.iter().map(|(_, c)| c).filter(|c| c.is_numeric());
    let first = digits.next();
    run.len() <= 3 && digits.all(|digit| Some(digit) == first) && run.iter().all(|(_, c)| is_stand_in(*c))
}

/// `$hit`, `5hit`, `@ss`; not `$USD`, `3rd`, `@somebody`.
fn opens_word(run: &[(usize, char)], after: &[(usize, char)], to_the_end: bool) -> bool {
    let [(_, c)] = run else { return false };
    match c {
        '@' => to_the_end && (2..=3).contains(&after.len()) && after.iter().all(|(_, c)| c.is_lowercase()),
        '0'..='9' => is_stand_in(*c) && after.len() >= LETTERS_AFTER_DIGIT,
        '!' => false,
        _ => after.len() >= 2 && after.first().is_some_and(|(_, c)| c.is_lowercase()),
    }
}

/// `a$$`, `ki11`; not `US$`, `mp3`, `gpt4`.
fn closes_word(run: &[(usize, char)], before: &[(usize, char)]) -> bool {
    let lower = before.last().is_some_and(|(_, c)| c.is_lowercase());
    let sign = run.iter().all(|(_, c)| matches!(c, '$' | '€' | '£' | '¢' | '¥'));
    let doubled = run.len() == 2 && run.iter().all(|(_, c)| c.is_ascii_digit());
    lower && reads_as_letters(run) && (sign || doubled)
}

/// Whether a stand-in may begin with this byte.
fn may_stand_in(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'@' | b'$' | b'!' | 0xC2 | 0xE2)
}

pub(super) fn is_stand_in(c: char) -> bool {
    letter(c, false).is_some()
}

/// The letter a digit or sign stands for; `doubled` when it has others beside it.
pub(super) fn letter(c: char, doubled: bool) -> Option<char> {
    Some(match c {
        '0' => 'o',
        '1' if doubled => 'l',
        '1' | '!' => 'i',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '6' | '9' => 'g',
        '7' => 't',
        '8' => 'b',
        '¢' => 'c',
        '£' => 'l',
        '¥' => 'y',
        _ => return None,
    })
}
