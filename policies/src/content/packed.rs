//! Text packed into letters and digits: Base64 and hexadecimal. The view holds what was unpacked, one stretch a line.

use std::ops::Range;

use data_encoding::{BASE64_NOPAD, DecodePartial, HEXLOWER_PERMISSIVE};

use super::decode::{Found, is_written, text_of};
use super::plainer::{Rest, is_alone, is_prose};
use super::span::Mapped;

/// Shorter runs are words. Twelve characters hold nine bytes.
const SHORTEST_BASE64: usize = 12;
/// Bytes of a stretch of text between others; chance makes shorter ones.
const SHORTEST_STRETCH: usize = 16;
/// Encoders that break lines do so after at least this many characters.
const SHORTEST_LINE: usize = 60;
/// Bytes of a whole text that nobody finds words for, which mean something else packed than unpacked.
const SHORTEST_WHOLE: usize = 24;
/// Bytes a run of hexadecimal digits must hold.
const SHORTEST_HEX: usize = 6;

/// What `base` holds in Base64, in either alphabet, or `None`.
pub(super) fn base64(base: &Mapped) -> Option<Found> {
    let bytes = base.text.as_bytes();
    let mut found = Unpacked::of(base);
    let mut position = 0;
    while let Some(skipped) = bytes.get(position..).and_then(|rest| rest.iter().position(|b| is_base64(*b))) {
        let start = position + skipped;
        let rest = bytes.get(start..).unwrap_or_default();
        let line = rest.iter().position(|byte| !is_base64(*byte)).unwrap_or(rest.len());
        if is_word(rest.get(..line).unwrap_or_default()) {
            position = start + line;
            continue;
        }
        let (end, packed) = base64_run(bytes, start);
        position = end;
        // What stands before the packed text may belong to the alphabet too, so every alignment is tried.
        let unpacked = (0..4).filter_map(|offset| unpack_base64(packed.get(offset..)?));
        if let Some(text) = unpacked.max_by_key(String::len).filter(|text| !text.is_empty()) {
            found.push(start..end, &text, is_whole_base64(&packed, &text));
        }
    }
    found.finish()
}

/// Whether `packed` holds `text` and no words beside it: the alphabet has signs that could part some.
fn is_whole_base64(packed: &[u8], text: &str) -> bool {
    text.len() >= SHORTEST_WHOLE
        && BASE64_NOPAD.decode(packed).is_ok_and(|bytes| bytes == text.as_bytes())
        && packed
            .split(|byte| matches!(byte, b'+' | b'/'))
            .all(|part| part.is_empty() || part.len() >= SHORTEST_BASE64)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// The run that begins at `start`, over line breaks between full lines: where it ends, and its characters in
/// the standard alphabet.
fn base64_run(bytes: &[u8], start: usize) -> (usize, Vec<u8>) {
    let mut packed = Vec::new();
    let mut end = start;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        let line = rest.iter().take_while(|byte| is_base64(**byte)).count();
        packed.extend(rest.iter().take(line).map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        }));
        end += line;
        let rest = rest.get(line..).unwrap_or_default();
        let broken = match rest {
            [b'\r', b'\n', next, ..] if is_base64(*next) => 2,
            [b'\n', next, ..] if is_base64(*next) => 1,
            _ => 0,
        };
        if broken == 0 || line < SHORTEST_LINE {
            let padding = rest.iter().take(2).take_while(|byte| **byte == b'=').count();
            return (end + padding, packed);
        }
        end += broken;
    }
}

/// Too short a run, or one written as words are: Base64 of twelve characters has digits or capitals inside.
fn is_word(packed: &[u8]) -> bool {
    packed.len() < SHORTEST_BASE64
        || packed.iter().skip(1).all(|byte| !byte.is_ascii_digit() && !byte.is_ascii_uppercase())
}

/// The text in `packed`: all of it, or its long stretches where something else surrounds them.
fn unpack_base64(packed: &[u8]) -> Option<String> {
    let whole = packed.get(..packed.len() - usize::from(packed.len() % 4 == 1))?;
    if whole.len() < SHORTEST_BASE64 {
        return None;
    }
    let mut room = vec![0; BASE64_NOPAD.decode_len(whole.len()).ok()?];
    let written = match BASE64_NOPAD.decode_mut(whole, &mut room) {
        // Only the bits that pad the last group can be at fault; the groups before it are good.
        Ok(written) | Err(DecodePartial { written, .. }) => written,
    };
    let bytes = room.get(..written)?;
    if let Some(text) = text_of(bytes) {
        return Some(text.to_owned());
    }
    let written = bytes.utf8_chunks().flat_map(|chunk| chunk.valid().split(|c| !is_written(c)));
    let stretches =
        written.filter(|text| text.len() >= SHORTEST_STRETCH && text_of(text.as_bytes()).is_some());
    Some(stretches.collect::<Vec<_>>().join("\n"))
}

/// What `base` holds in pairs of hexadecimal digits, or `None`.
pub(super) fn hex(base: &Mapped) -> Option<Found> {
    let bytes = base.text.as_bytes();
    let mut found = Unpacked::of(base);
    let mut position = 0;
    while let Some(skipped) =
        bytes.get(position..).and_then(|rest| rest.iter().position(u8::is_ascii_hexdigit))
    {
        let mut start = position + skipped;
        let run = hex_digits(bytes, start);
        if run != 2 && run < 2 * SHORTEST_HEX {
            position = start + run;
            continue;
        }
        let (end, digits) = hex_run(bytes, start);
        position = end;
        // Digits alone are numbers.
        if digits.len() < 2 * SHORTEST_HEX || !digits.iter().any(u8::is_ascii_alphabetic) {
            continue;
        }
        let Ok(unpacked) = HEXLOWER_PERMISSIVE.decode(&digits) else { continue };
        if let Some(text) = text_of(&unpacked) {
            let prefix = bytes.get(..start).unwrap_or_default();
            start -= if prefix.ends_with(b"\\x") || prefix.ends_with(b"0x") { 2 } else { 0 };
            found.push(start..end, text, true);
        }
    }
    found.finish()
}

/// The digits of the run that begins at `start`, and where it ends. Between pairs there may be one sign or
/// space, and before them `0x` or `\x`.
fn hex_run(bytes: &[u8], start: usize) -> (usize, Vec<u8>) {
    let mut digits = Vec::new();
    let mut position = start;
    loop {
        let run = hex_digits(bytes, position);
        let pair = bytes.get(position..position + run).unwrap_or_default();
        position += run;
        let rest = bytes.get(position..).unwrap_or_default();
        let separator = match rest {
            [b' ' | b',' | b':' | b'-', b' ', ..] => 2,
            [b' ' | b',' | b':' | b'-', ..] => 1,
            _ => 0,
        };
        let prefix = match rest.get(separator..).unwrap_or_default() {
            [b'0' | b'\\', b'x', ..] => 2,
            _ => 0,
        };
        let next = position + separator + prefix;
        let goes_on = run == 2 && separator + prefix > 0 && hex_digits(bytes, next) == 2;
        if goes_on || !digits.is_empty() || run > 2 {
            digits.extend_from_slice(pair);
        }
        if !goes_on {
            return (position, digits);
        }
        position = next;
    }
}

/// How many hexadecimal digits stand at `position`.
fn hex_digits(bytes: &[u8], position: usize) -> usize {
    let rest = bytes.get(position..).unwrap_or_default();
    rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count()
}

/// The stretches unpacked so far.
struct Unpacked<'a> {
    base: &'a Mapped,
    made: Mapped,
    packed: Vec<Range<usize>>,
    /// Whether each of them is a text from end to end.
    whole: bool,
}

impl<'a> Unpacked<'a> {
    fn of(base: &'a Mapped) -> Self {
        Self { base, made: Mapped::empty(), packed: Vec::new(), whole: true }
    }

    /// Takes in what `range` was unpacked to; `whole`, if that is all the range holds.
    fn push(&mut self, range: Range<usize>, text: &str, whole: bool) {
        self.made.push_line(text, self.base.span(range.clone()));
        self.packed.push(range);
        self.whole &= whole && is_prose(text);
    }

    fn finish(self) -> Option<Found> {
        let Self { base, made, packed, whole } = self;
        let rest = if whole && is_alone(&base.text, &packed) { Rest::Nothing } else { Rest::Words };
        (!made.text.is_empty()).then_some(Found { text: made, rest })
    }
}
