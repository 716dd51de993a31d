//! What is refused, and what is told of it.

use policies::{Content, ContentError, Limits};

#[test]
fn empty_text_is_refused() {
    assert_eq!(Content::new("").unwrap_err(), ContentError::Empty);
}

#[test]
fn text_without_a_visible_character_is_refused() {
    for text in [
        " \n\t",
        "\u{200B}\u{2060}\u{FEFF}",
        "\u{A0}\u{3000}\u{2800}\u{3164}",
        "\0\u{7}",
        "\u{E0041}\u{202E}",
    ] {
        assert_eq!(Content::new(text).unwrap_err(), ContentError::Blank, "{text:?}");
    }
}

#[test]
fn text_is_limited_by_characters_and_not_by_bytes() {
    let limits = Limits { max_chars: 3, ..Limits::default() };
    assert!(Content::with_limits("äöü", &limits).is_ok());
    let refusal = Content::with_limits("äöüß", &limits).unwrap_err();
    assert_eq!(refusal, ContentError::TooLong { chars: 4, limit: 3 });
}

#[test]
fn neither_errors_nor_debug_output_quote_the_text() {
    let content = Content::new("a sеcret &#107;ept").unwrap();
    assert!(!format!("{content:?}").contains("ecret"));
    let limits = Limits { max_chars: 3, ..Limits::default() };
    assert!(!Content::with_limits("secret", &limits).unwrap_err().to_string().contains("secret"));
}
