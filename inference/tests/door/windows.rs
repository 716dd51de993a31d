//! Long text and its windows.

use inference::{EmbedderOptions, InferenceError};

use crate::support::{embedder, forgetful, load};

/// Checks what must hold for every text and returns the windows.
fn check(text: &str) -> Vec<&str> {
    let ranges = embedder().windows(text).expect("windows");
    assert_eq!(ranges.first().map(|range| range.start), Some(0));
    assert_eq!(ranges.last().map(|range| range.end), Some(text.len()));
    for pair in ranges.windows(2) {
        assert!(pair[1].start <= pair[0].end, "a gap: {pair:?}");
        assert!(pair[1].start > pair[0].start && pair[1].end > pair[0].end, "a standstill: {pair:?}");
    }
    ranges.into_iter().map(|range| &text[range]).collect()
}

#[test]
fn a_short_text_is_one_window() {
    assert_eq!(check("A short text."), ["A short text."]);
    assert_eq!(check(""), [""]);
    assert_eq!(check(" \n "), [" \n "]);
}

#[tokio::test]
async fn every_window_of_a_long_text_can_be_embedded() {
    let text = "Die Fülle des Wohllauts war größer, als man dachte; und sie wuchs. 🙂 ".repeat(120);
    let windows = check(&text);
    assert!(windows.len() > 10, "{}", windows.len());
    embedder().embed(&windows).await.expect("every window fits");
}

#[test]
fn windows_begin_between_words_and_overlap() {
    let text = (0..2000).map(|number| format!("w{number} ")).collect::<Vec<_>>().concat();
    let windows = check(&text);
    for pair in windows.windows(2) {
        assert!(pair[1].starts_with('w'), "{}", &pair[1][..10]);
        let shared = pair[1].split(' ').take_while(|word| pair[0].contains(&format!(" {word} "))).count();
        // Each of these words is three or four tokens; 32 tokens are shared at most.
        assert!((7..=11).contains(&shared), "{shared}");
    }
}

#[tokio::test]
async fn a_text_without_spaces_is_cut_by_bytes() {
    for text in ["x".repeat(100_000), "Ж".repeat(50_000), "e\u{301}".repeat(30_000), " ".repeat(100_000)] {
        let windows = check(&text);
        assert!(windows.iter().all(|window| window.len() <= 254 * 32), "a window of too many bytes");
        let sample: Vec<&str> = windows.into_iter().take(3).collect();
        embedder().embed(&sample).await.expect("every window fits");
    }
}

#[tokio::test]
async fn words_cover_a_text_and_as_many_as_a_window_has_tokens_for_can_be_embedded() {
    for text in [
        "Die Fülle des Wohllauts war größer, als man dachte; und sie wuchs. 🙂 ".repeat(40),
        "x".repeat(100_000),
        "漢字".repeat(2_000),
    ] {
        let words = embedder().words(&text).expect("words");
        assert_eq!(words.first().map(|word| word.bytes.start), Some(0));
        assert_eq!(words.last().map(|word| word.bytes.end), Some(text.len()));
        assert!(words.windows(2).all(|pair| pair[0].bytes.end == pair[1].bytes.start), "no gap");
        let mut tokens = 0;
        let fits = words.iter().take_while(|word| {
            tokens += word.tokens;
            tokens <= 254
        });
        let end = fits.last().expect("one fits").bytes.end;
        assert!(end < text.len());
        embedder().embed(&[&text[..end]]).await.expect("it fits");
    }
}

#[tokio::test]
async fn smaller_windows_are_kept_to_as_well() {
    let embedder =
        load(&EmbedderOptions { window_tokens: 118, overlap: 16, ..forgetful() }).expect("an encoder");
    let text = "short words and Donaudampfschifffahrtsgesellschaftskapitänswitwe ".repeat(100);
    let windows = embedder.windows(&text).expect("windows");
    let texts: Vec<&str> = windows.into_iter().map(|range| &text[range]).collect();
    embedder.embed(&texts).await.expect("every window fits");
    let error = embedder.embed(&[&text]).await.expect_err("too long");
    assert!(matches!(error, InferenceError::TooLong { limit: 118, .. }));
}
