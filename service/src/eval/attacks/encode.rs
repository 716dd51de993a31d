//! Encodings that software undoes.

use data_encoding::{BASE64, HEXLOWER};
use fastrand::Rng;

pub(super) fn base64(text: &str, _: &mut Rng) -> String {
    BASE64.encode(text.as_bytes())
}

pub(super) fn hexadecimal(text: &str, _: &mut Rng) -> String {
    HEXLOWER.encode(text.as_bytes())
}

pub(super) fn rot13(text: &str, _: &mut Rng) -> String {
    let moved = |c: char| match c {
        'a'..='m' | 'A'..='M' => char::from_u32(u32::from(c) + 13).unwrap_or(c),
        'n'..='z' | 'N'..='Z' => char::from_u32(u32::from(c) - 13).unwrap_or(c),
        other => other,
    };
    text.chars().map(moved).collect()
}

/// Half of the letters as character references, decimal and hexadecimal.
pub(super) fn html_entities(text: &str, dice: &mut Rng) -> String {
    let reference = |c: char| {
        let number = u32::from(c);
        if !c.is_alphanumeric() || dice.bool() {
            c.to_string()
        } else if dice.bool() {
            format!("&#{number};")
        } else {
            format!("&#x{number:x};")
        }
    };
    text.chars().map(reference).collect()
}

/// Half of the letters, and all spaces, percent-encoded.
pub(super) fn percent(text: &str, dice: &mut Rng) -> String {
    let escaped = |c: char| {
        if c != ' ' && dice.bool() {
            return c.to_string();
        }
        c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
    };
    text.chars().map(escaped).collect()
}
