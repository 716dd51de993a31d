//! What holds for every text, however hostile.

use policies::{Content, ContentError, Limits, View, ViewKind};
use proptest::prelude::*;

/// Characters that disguises are made of, so that they meet more often than in random text.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "k",
        "i",
        "l",
        " ",
        ".",
        "-",
        "1",
        "$",
        "@",
        "4",
        "%6b",
        "%25",
        "&#107;",
        "&amp;",
        "a2lsbCB5b3Vyc2VsZg==",
        "6b696c6c",
        "\u{200B}",
        "\u{200C}",
        "\u{200D}",
        "\u{FE0F}",
        "\u{20E3}",
        "\u{301}",
        "\u{316}",
        "\u{338}",
        "\u{E47}",
        "\u{344}",
        "\u{1100}",
        "\u{1161}",
        "\u{11A8}",
        "\u{AC00}",
        "к",
        "ѕ",
        "υ",
        "ß",
        "é",
        "ا",
        "ـ",
        "\u{64B}",
        "\u{FE70}",
        "ि",
        "क",
        "्",
        "漢",
        "ﾞ",
        "ｶ",
        "❤",
        "🔥",
        "👩",
        "🇩",
        "🅰",
        "ﬁ",
        "\u{FDFA}",
        "\u{2194}",
        "\u{E0061}",
        "\u{E0101}",
        "\u{202E}",
        "\u{202C}",
        "⭕",
        "🏽",
        "-\n",
        "\nll",
        "guvf vf n grkg ",
        "\n",
        "\u{85}",
        "\u{3000}",
        "\0",
    ]);
    let piece = prop_oneof![4 => pieces.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)];
    prop::collection::vec(piece, 1..40).prop_map(|pieces| pieces.concat())
}

fn is_hidden(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}' | '\u{200E}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}')
        || c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn normalizing_twice_is_once(text in texts()) {
        if let Ok(once) = Content::new(text) {
            let twice = Content::new(once.plain().text()).unwrap();
            prop_assert_eq!(twice.plain().text(), once.plain().text());
        }
    }

    #[test]
    fn every_span_is_text_of_the_original_and_spans_keep_their_order(text in texts()) {
        if let Ok(content) = Content::new(text) {
            for view in content.views() {
                let bounds: Vec<usize> = view.text().char_indices().map(|(at, _)| at).chain([view.text().len()]).collect();
                let spans: Vec<_> = bounds.windows(2).map(|ends| view.span(ends[0]..ends[1])).collect();
                for span in &spans {
                    prop_assert!(content.original().get(span.range()).is_some_and(|source| !source.is_empty()));
                }
                for pair in spans.windows(2) {
                    prop_assert!(pair[0].start <= pair[1].start && pair[0].end <= pair[1].end);
                }
                let all = view.span(0..view.text().len());
                prop_assert_eq!((all.start, all.end), (spans[0].start, spans[spans.len() - 1].end));
            }
        }
    }

    #[test]
    fn any_range_gives_a_span_of_the_original(text in texts(), start in 0_usize..200, end in 0_usize..200) {
        if let Ok(content) = Content::new(text) {
            for view in content.views() {
                prop_assert!(content.original().get(view.span(start..end).range()).is_some());
            }
        }
    }

    #[test]
    fn no_view_hides_a_character(text in texts()) {
        if let Ok(content) = Content::new(text) {
            for view in content.views() {
                prop_assert!(!view.text().contains(is_hidden));
            }
        }
    }

    #[test]
    fn no_view_is_empty_and_no_two_are_the_same(text in texts()) {
        if let Ok(content) = Content::new(text) {
            let texts: Vec<&str> = content.views().map(View::text).collect();
            for (index, text) in texts.iter().enumerate() {
                prop_assert!(!text.trim().is_empty());
                prop_assert!(!texts[..index].contains(text));
            }
        }
    }
}

#[test]
fn every_character_normalizes_to_something_that_stays() {
    // Of Han and Hangul, which are inert, and of the planes without characters, a sample.
    let all = ('\u{1}'..='\u{33FF}')
        .chain('\u{A000}'..='\u{ABFF}')
        .chain('\u{D7B0}'..='\u{1FFFF}')
        .chain('\u{E0000}'..='\u{E0FFF}');
    for c in all.chain(('\u{3400}'..=char::MAX).step_by(97)) {
        if let Ok(once) = Content::new(format!("a{c}k{c}{c}")) {
            assert!(!once.views().any(|view| view.text().contains(is_hidden)), "{c:?}");
            let twice = Content::new(once.plain().text()).unwrap();
            assert_eq!(twice.plain().text(), once.plain().text(), "{c:?}");
        }
    }
}

/// Takes a text made of `piece` over and over, and looks at what came of it.
fn check_flood(piece: &str, chars: usize) {
    let content = Content::new(format!("a{}", piece.repeat((chars - 1) / piece.chars().count()))).unwrap();
    let decoded = content.views().filter(|view| matches!(view.kind(), ViewKind::Decoded(_)));
    assert!(decoded.map(|view| view.text().len()).sum::<usize>() <= Limits::default().max_decoded_bytes);
    for view in content.views() {
        let span = view.span(0..view.text().len());
        assert!(content.original().get(span.range()).is_some());
    }
}

/// At this size anything quadratic would not end.
#[test]
fn floods_are_taken() {
    for piece in [
        "\u{301}\u{316}",
        "\u{E47}",
        "&",
        "&#",
        "&#97;",
        "%25",
        "\u{200D}",
        "ا\u{200D}",
        "\u{1161}",
        "\u{FDFA}",
        "a1",
        "6b ",
        "0x",
        "QUFB",
        "a2lsbCB5b3Vyc2VsZg== ",
        "👨\u{200D}",
        "🇩",
        "\u{E0061}",
        "漢",
        "@",
        "!",
        "aaab",
        "k.",
        "é",
        "éé ",
        "к ",
        "aа ",
        "\u{202E}ab",
        "\u{202E}\u{202C}",
        "a⭕",
        "a\n",
        "guvf vf n grkg ",
    ] {
        check_flood(piece, 100_000);
    }
}

#[test]
fn hostile_texts_of_full_size_are_taken() {
    for piece in ["\u{301}", "aа", "a ", "%25"] {
        check_flood(piece, Limits::default().max_chars);
    }
    let nested = format!("%{}41", "25".repeat(400_000));
    assert!(!Content::new(nested).unwrap().decoded_fully());
    let limit = Limits::default().max_chars;
    let refusal = Content::new("a".repeat(limit + 1)).unwrap_err();
    assert_eq!(refusal, ContentError::TooLong { chars: limit + 1, limit });
}
