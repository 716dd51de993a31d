//! Cutting long text into windows that overlap and leave nothing out.

use std::ops::Range;

use crate::tokens::Word;

/// Bytes of text that count as one token at least. It bounds a window's bytes where tokens do not: thousands of
/// characters without a space are one unknown token to the encoder, but not to whatever else reads the window.
const BYTES_PER_TOKEN: usize = 32;

/// Sizes of windows, in tokens without the frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Tokens of one window.
    pub(crate) window: usize,
    /// Tokens that a window shares with the one before it, rounded down to whole words.
    pub(crate) overlap: usize,
    /// Most tokens of one word. Invariant: `overlap + word <= window`, so that every window gets further than the one
    /// before.
    pub(crate) word: usize,
}

/// Byte ranges of `text`, in order, each starting inside or at the end of the one before and together covering all.
/// They begin and end between words, or between characters inside a word too long to be kept whole.
pub(crate) fn cut(text: &str, words: &[Word], sizes: Sizes) -> Vec<Range<usize>> {
    let pieces = pieces(text, words, sizes);
    let mut windows = Vec::new();
    let mut first = 0;
    while let Some(piece) = pieces.get(first) {
        let fits = reach(pieces.iter().skip(first), sizes.window).max(1);
        let after = first + fits;
        let end = pieces.get(after).map_or(text.len(), |next| next.bytes.start);
        windows.push(piece.bytes.start..end);
        if after >= pieces.len() {
            break;
        }
        let shared = reach(pieces.iter().take(after).skip(first + 1).rev(), sizes.overlap);
        // A window that shares words with the one before must hold at least one more.
        let gets_further = reach(pieces.iter().skip(after - shared), sizes.window) > shared;
        first = if gets_further { after - shared } else { after };
    }
    windows
}

/// The words, those too long to be kept whole in pieces.
pub(crate) fn pieces(text: &str, words: &[Word], sizes: Sizes) -> Vec<Word> {
    words.iter().flat_map(|word| split(text, word, sizes.word)).collect()
}

/// How many of `pieces` fit into `tokens`.
fn reach<'a>(pieces: impl Iterator<Item = &'a Word>, tokens: usize) -> usize {
    pieces
        .scan(0, |taken, piece| {
            *taken += piece.tokens;
            Some(*taken)
        })
        .take_while(|taken| *taken <= tokens)
        .count()
}

/// A word as it is, counted by its bytes if they are many, or cut into pieces when it has more bytes than `limit`
/// tokens stand for.
fn split(text: &str, word: &Word, limit: usize) -> Vec<Word> {
    let most = limit * BYTES_PER_TOKEN;
    let Range { mut start, end } = word.bytes.clone();
    if end - start <= most {
        let tokens = word.tokens.max((end - start).div_ceil(BYTES_PER_TOKEN));
        return vec![Word { bytes: start..end, tokens }];
    }
    let mut pieces = Vec::new();
    while start < end {
        let cut = text.floor_char_boundary((start + most).min(end));
        // A piece of a word may have more tokens than the word had, but never more than the limit.
        pieces.push(Word { bytes: start..cut, tokens: limit });
        start = cut;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        SetUp,
        tokens::{FRAME, Tokens},
    };

    const SIZES: Sizes = Sizes { window: 254, overlap: 32, word: 100 };

    fn tokens() -> &'static Tokens {
        static TOKENS: std::sync::OnceLock<Tokens> = std::sync::OnceLock::new();
        TOKENS.get_or_init(|| {
            let weights = SetUp::for_this_user().expect("a cache folder").encoder().expect("the encoder");
            Tokens::load(&weights.join("tokenizer.json")).expect("a tokenizer")
        })
    }

    /// Any text at all, made of parts that are hard to cut.
    fn text() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            4 => "\\PC{0,60}",
            4 => "([a-zA-Zäöüß]{1,12}[ .,]){1,60}",
            1 => "[a-z0-9]{80,1200}",
            1 => "[\u{300}-\u{36f}]{1,300}",
            1 => "[가-힣]{20,120}",
            1 => "[\u{ac00}\u{1100}\u{1161}]{1,150}",
            1 => "[ \n\t]{0,3000}",
            1 => "[漢字かな。🙂👍🏽]{0,300}",
            1 => any::<String>(),
        ];
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn windows_of_any_text_cover_it_and_fit(text in text()) {
            let windows = cut(&text, &tokens().words(&text).expect("words"), SIZES);
            prop_assert_eq!(windows.first().map(|window| window.start), Some(0));
            prop_assert_eq!(windows.last().map(|window| window.end), Some(text.len()));
            for pair in windows.windows(2) {
                prop_assert!(pair[1].start <= pair[0].end && pair[1].end > pair[0].end);
            }
            for window in windows {
                prop_assert!(window.len() <= SIZES.window * BYTES_PER_TOKEN);
                let slice = text.get(window).expect("character boundaries");
                prop_assert!(tokens().ids(slice).expect("ids").len() <= SIZES.window + FRAME);
            }
        }

        #[test]
        fn words_of_any_size_are_cut_without_standstill(sizes in prop::collection::vec(0_usize..300, 1..50)) {
            let text = "x".repeat(sizes.len());
            let words: Vec<Word> =
                sizes.iter().enumerate().map(|(at, tokens)| Word { bytes: at..at + 1, tokens: *tokens }).collect();
            let windows = cut(&text, &words, SIZES);
            prop_assert_eq!(windows.last().map(|window| window.end), Some(text.len()));
        }
    }
}
