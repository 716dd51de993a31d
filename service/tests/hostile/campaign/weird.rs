//! JSON that no honest client writes.

use fastrand::Rng;
use serde_json::{Value, json};

use super::MARK;

/// Stands where something is to be written that is no JSON value.
const HOLE: &str = "\u{2}hole";

/// Replaces one value somewhere in `body`.
fn replace(dice: &mut Rng, body: &mut Value, by: Value) {
    let places = places(body, String::new());
    if let Some(place) = places.get(dice.usize(..places.len().max(1)))
        && let Some(value) = body.pointer_mut(place)
    {
        *value = by;
    }
}

/// Pointers to all values.
fn places(value: &Value, here: String) -> Vec<String> {
    let mut all = match value {
        Value::Array(values) => {
            let inner = values.iter().enumerate();
            inner.flat_map(|(at, value)| places(value, format!("{here}/{at}"))).collect()
        }
        Value::Object(values) => {
            values.iter().flat_map(|(name, value)| places(value, format!("{here}/{name}"))).collect()
        }
        _ => Vec::new(),
    };
    all.push(here);
    all
}

/// The body with `text` written raw in the place of one value.
fn with_raw(dice: &mut Rng, mut body: Value, text: &str) -> Vec<u8> {
    replace(dice, &mut body, json!(HOLE));
    body.to_string().replace(&json!(HOLE).to_string(), text).into_bytes()
}

pub(super) fn malformed(dice: &mut Rng, body: &Value) -> Vec<u8> {
    let mut bytes = body.to_string().into_bytes();
    for _ in 0..dice.usize(1..4) {
        let at = dice.usize(..bytes.len().max(1));
        match dice.u8(..6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), dice.u8(..)),
            2 if !bytes.is_empty() => bytes[at] = *b"\"{}[],:\\\0\x7f'".get(dice.usize(..11)).unwrap_or(&0),
            3 => bytes.extend_from_slice(format!("{MARK}\"}}]").as_bytes()),
            4 => bytes.splice(..0, *b"\xef\xbb\xbf").for_each(drop),
            _ => bytes.extend_from_slice(&bytes.clone()),
        }
    }
    bytes
}

pub(super) fn wrong_types(dice: &mut Rng, mut body: Value) -> Vec<u8> {
    for _ in 0..dice.usize(1..3) {
        let by = match dice.u8(..9) {
            0 => Value::Null,
            1 => json!(true),
            2 => json!(-1),
            3 => json!(0.1),
            4 => json!([]),
            5 => json!({}),
            6 => json!({MARK: {MARK: MARK}}),
            7 => json!([MARK, [MARK, 1], null]),
            _ => json!(""),
        };
        replace(dice, &mut body, by);
    }
    body.to_string().into_bytes()
}

pub(super) fn nested(dice: &mut Rng, body: Value) -> Vec<u8> {
    let deep = dice.usize(50..30_000);
    let (open, inner, close) = match dice.u8(..3) {
        0 => ("[", MARK, "]"),
        1 => ("{\"zqxjvk\":", "1", "}"),
        _ => ("[{\"text\":", "\"zqxjvk\"", "}]"),
    };
    // Some of them have no end.
    let close = if dice.u8(..4) == 0 { String::new() } else { close.repeat(deep) };
    with_raw(dice, body, &format!("{}{inner}{close}", open.repeat(deep)))
}

pub(super) fn numbers(dice: &mut Rng, body: Value) -> Vec<u8> {
    let number = match dice.u8(..8) {
        0 => "1e999999".to_owned(),
        1 => "-1E400".to_owned(),
        2 => "9".repeat(dice.usize(20..5_000)),
        3 => format!("0.{}1", "0".repeat(dice.usize(20..5_000))),
        4 => "18446744073709551616".to_owned(),
        5 => "-9223372036854775809".to_owned(),
        6 => "1e-999999999999".to_owned(),
        _ => "NaN".to_owned(),
    };
    with_raw(dice, body, &number)
}

/// Halves of pairs, bytes that are no UTF-8, and characters that JSON lets nobody write.
pub(super) fn surrogates(dice: &mut Rng, body: &Value) -> Vec<u8> {
    let odd: &[u8] = match dice.u8(..7) {
        0 => b"\\ud800",
        1 => b"\\udc00\\ud800",
        2 => b"\\uD83D",
        3 => b"\xed\xa0\x80",
        4 => b"\xff\xfe",
        5 => b"\xc0\xaf",
        _ => b"\\u0000\x01",
    };
    let mark = MARK.as_bytes();
    let text = body.to_string().into_bytes();
    let at = text.windows(mark.len()).position(|window| window == mark).unwrap_or(text.len() / 2);
    [&text[..at], odd, &text[at..]].concat()
}

pub(super) fn unknown_members(dice: &mut Rng, mut body: Value) -> Vec<u8> {
    let twice = dice.bool();
    if let Value::Object(members) = &mut body {
        for number in 0..dice.usize(1..200) {
            members.insert(format!("{MARK}{number}"), json!(MARK));
        }
    }
    let text = body.to_string();
    // A member that is there twice is nobody's and everybody's.
    let text = if twice { text.replacen('{', "{\"text\":\"zqxjvk\",\"text\":\"zqxjvk\",", 1) } else { text };
    text.into_bytes()
}
