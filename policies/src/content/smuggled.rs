//! Text written in characters that show nothing: software reads it, people do not.

use super::decode::text_of;
use super::span::{Mapped, Span};

/// Fewer are part of a flag or choose the shape of a letter.
const FEWEST: usize = 4;
/// The flag of a region is a black flag and the region's code in tags: `gbeng`.
const BLACK_FLAG: char = '🏴';
const LONGEST_REGION: usize = 6;

/// What `source` spells in tag characters or variation selectors, one stretch a line, or `None`.
pub(super) fn decode(source: &Mapped) -> Option<Mapped> {
    if source.text.is_ascii() {
        return None;
    }
    let mut made = Mapped::empty();
    let mut run = Vec::new();
    let mut flag = false;
    let mut range = 0..0;
    let mut before = ' ';
    // One more turn than there are characters, to close the last run.
    for (position, c) in
        source.text.char_indices().map(|(at, c)| (at, Some(c))).chain([(source.text.len(), None)])
    {
        if let Some((c, byte)) = c.and_then(|c| Some((c, spelled(c)?))) {
            if run.is_empty() {
                range.start = position;
                flag = before == BLACK_FLAG;
            }
            run.push(byte);
            range.end = position + c.len_utf8();
        } else if !run.is_empty() {
            if !(flag && run.len() <= LONGEST_REGION) {
                write(&run, source.span(range.clone()), &mut made);
            }
            run.clear();
        }
        before = c.unwrap_or(' ');
    }
    (!made.text.is_empty()).then_some(made)
}

fn write(run: &[u8], span: Span, made: &mut Mapped) {
    if let Some(text) = text_of(run).filter(|_| run.len() >= FEWEST) {
        made.push_line(text, span);
    }
}

/// The byte an invisible character stands for: a tag its ASCII character, a variation selector its number.
fn spelled(c: char) -> Option<u8> {
    let number = match c {
        '\u{E0020}'..='\u{E007E}' => u32::from(c) - 0xE_0000,
        '\u{FE00}'..='\u{FE0F}' => u32::from(c) - 0xFE00,
        '\u{E0100}'..='\u{E01EF}' => u32::from(c) - 0xE_0100 + 16,
        _ => return None,
    };
    u8::try_from(number).ok()
}
