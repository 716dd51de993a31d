//! Words parted by line breaks: a text set in lines of a word or two, most of which end inside one.

use super::span::{Mapped, Rewriter};

/// Fewer line breaks are those of a chat message.
const FEWEST_BREAKS: usize = 2;
/// Words of a line of ordinary text, at least; shorter lines are those of a list or of broken words.
const WORDS_IN_A_LINE: usize = 4;

/// `base` with the lines written on where one breaks off at a letter and the next goes on with one in the same case, or
/// `None` when the text is not set like that.
pub(super) fn unmask(base: &Mapped) -> Option<Mapped> {
    let text = base.text.as_str();
    let breaks = text.bytes().filter(|byte| *byte == b'\n').count();
    if breaks < FEWEST_BREAKS || text.split_whitespace().count() >= WORDS_IN_A_LINE * (breaks + 1) {
        return None;
    }
    let mut rewriter = Rewriter::new(base);
    let mut joined = 0;
    for (position, _) in text.match_indices('\n') {
        let line = text.get(..position).unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let whole = line.strip_suffix(['-', '‐']).unwrap_or(line);
        let next = text.get(position + 1..).and_then(|rest| rest.chars().next());
        let goes_on = next.is_some_and(|next| whole.ends_with(|last: char| is_same_word(last, next)));
        if goes_on {
            rewriter.edit(whole.len()..position + 1, "");
            joined += 1;
        }
    }
    // A list of single words is one where most lines end with a word as well, but it is as often written in capitals.
    rewriter.finish().filter(|_| joined * 2 >= breaks)
}

fn is_same_word(last: char, next: char) -> bool {
    last.is_alphabetic() && next.is_alphabetic() && (next.is_lowercase() || last.is_uppercase())
}
