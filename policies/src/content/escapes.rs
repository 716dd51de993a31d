//! Escapes that stand in running text: HTML character references and percent-encoding. They are undone in place.

use std::borrow::Cow;

use super::decode::{Found, is_written};
use super::plainer::Escapes;
use super::span::{Mapped, Rewriter};

/// The longest named reference, `&CounterClockwiseContourIntegral;`, with its two signs.
const LONGEST_REFERENCE: usize = 33;
const ESCAPE: usize = 3;

/// `base` with its character references undone, or `None` when it has none.
pub(super) fn html(base: &Mapped) -> Option<Found> {
    let text = base.text.as_str();
    let mut rewriter = Rewriter::new(base);
    let mut escapes = Escapes::default();
    let mut position = 0;
    let mut telling = false;
    while let Some(found) = text.get(position..).and_then(|rest| rest.find('&')) {
        let start = position + found;
        let length = reference(text.get(start..).unwrap_or_default());
        position = start + length.max(1);
        let written = text.get(start..start + length).unwrap_or_default();
        // Browsers read a numeric reference without its semicolon; the library does not.
        let closed =
            if written.ends_with(';') { Cow::Borrowed(written) } else { Cow::Owned(format!("{written};")) };
        let meant = html_escape::decode_html_entities(&closed);
        if length > 0 && meant != closed && meant.chars().all(is_written) {
            rewriter.edit(start..start + length, &meant);
            escapes.undo(text, start..start + length, &meant);
            // Signs that HTML cannot do without hide nothing, unless one makes a reference of what follows.
            telling |= !matches!(&*meant, "&" | "<" | ">" | "\"" | "'" | "\u{A0}")
                || reference(text.get(position - 1..).unwrap_or_default()) > 0;
        }
    }
    let made = rewriter.finish().filter(|_| telling)?;
    let rest = escapes.rest(text, &made.text);
    Some(Found { text: made, rest })
}

/// Bytes of the reference that `text` begins with, 0 when it begins with none. The `&` is taken as read.
fn reference(text: &str) -> usize {
    let body = text.bytes().skip(1).take(LONGEST_REFERENCE);
    let length = 1 + body.take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'#').count();
    match text.as_bytes().get(length) {
        Some(b';') if length > 1 => length + 1,
        _ => {
            // Without a semicolon the digits end the reference.
            let digits = text.get(1..).and_then(|body| body.strip_prefix('#')).unwrap_or_default();
            let digits = digits.bytes().take(LONGEST_REFERENCE).take_while(u8::is_ascii_digit).count();
            if digits > 0 { "&#".len() + digits } else { 0 }
        }
    }
}

/// `base` with its percent-encoded characters undone, or `None` when it has none.
pub(super) fn percent(base: &Mapped) -> Option<Found> {
    let text = base.text.as_str();
    let mut rewriter = Rewriter::new(base);
    let mut undone = Escapes::default();
    let mut position = 0;
    while let Some(found) = text.get(position..).and_then(|rest| rest.find('%')) {
        let start = position + found;
        let run = text.as_bytes().get(start..).unwrap_or_default();
        let escapes = run.chunks_exact(ESCAPE).take_while(|chunk| is_escape(chunk)).count();
        position = start + (escapes * ESCAPE).max(1);
        let written = text.get(start..start + escapes * ESCAPE).unwrap_or_default();
        let Ok(meant) = percent_encoding::percent_decode_str(written).decode_utf8() else { continue };
        let mut at = start;
        for c in meant.chars() {
            let end = at + ESCAPE * c.len_utf8();
            if is_written(c) {
                let mut room = [0; 4];
                let c = c.encode_utf8(&mut room);
                rewriter.edit(at..end, c);
                undone.undo(text, at..end, c);
            }
            at = end;
        }
    }
    let made = rewriter.finish()?;
    let rest = undone.rest(text, &made.text);
    Some(Found { text: made, rest })
}

fn is_escape(chunk: &[u8]) -> bool {
    matches!(chunk, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}
