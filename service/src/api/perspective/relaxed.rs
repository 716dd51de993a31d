//! JSON as this API's callers write it: the vendor's own quickstart leaves member names without quotes.

use std::borrow::Cow;

use serde::de::DeserializeOwned;

use super::error::GoogleError;
use crate::json::place_of;

/// The body as JSON, or as JSON with names that lack their quotes.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, GoogleError> {
    let strict = serde_json::from_slice(body);
    let error = match strict {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    let unreadable = || GoogleError::unreadable(&format!("The body cannot be read: {}.", place_of(&error)));
    if !error.is_syntax() {
        return Err(unreadable());
    }
    let text = std::str::from_utf8(body).map_err(|_| unreadable())?;
    match quoted(text) {
        Cow::Owned(text) => serde_json::from_str(&text).map_err(|_| unreadable()),
        Cow::Borrowed(_) => Err(unreadable()),
    }
}

/// `text` with quotes around bare names: letters, digits, `_` and `$` after `{` or `,` and before `:`. Strings stay as
/// they are. Time is linear in the text.
fn quoted(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut from, mut at) = (0, 0);
    let bytes = text.as_bytes();
    let mut before = b' ';
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        if byte == b'"' {
            at = end_of_string(bytes, at);
        } else if is_name(byte) {
            at += bytes.iter().skip(at).take_while(|byte| is_name(**byte)).count();
            let after = bytes.iter().skip(at).find(|byte| !byte.is_ascii_whitespace());
            if matches!(before, b'{' | b',') && after == Some(&b':') {
                out.push_str(text.get(from..start).unwrap_or_default());
                out.extend(["\"", text.get(start..at).unwrap_or_default(), "\""]);
                from = at;
            }
        } else {
            at += 1;
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}

/// Where the string ends that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{quoted, read};

    #[test]
    fn bare_names_are_read_and_what_looks_like_one_in_a_string_is_left_alone() {
        let body = r#"{comment: {text: "a, b: \"{c: 1\" é"}, languages: ["en"], requestedAttributes: {TOXICITY:{}} }"#;
        let expected = json!({
            "comment": {"text": "a, b: \"{c: 1\" é"}, "languages": ["en"], "requestedAttributes": {"TOXICITY": {}},
        });
        assert_eq!(read::<Value>(body.as_bytes()).unwrap(), expected);
        for strict in [r#"{"a":true,"b":[1,null]}"#, r#""{a:1}""#, "[true, false]", ""] {
            assert_eq!(quoted(strict), strict);
        }
    }

    #[test]
    fn what_is_no_json_either_way_is_refused_without_its_words() {
        for body in ["{zanzibar", "{zanzibar: zanzibar}", "{a:\"zanzibar", "{\"zanzibar\\", "zanzibar:{"] {
            let error = read::<Value>(body.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("Invalid JSON payload received. "), "{error}");
            assert!(!error.contains("zanzibar"), "{error}");
        }
        assert!(read::<Value>(b"{\"a\":\"\xff\"}").is_err());
    }
}
