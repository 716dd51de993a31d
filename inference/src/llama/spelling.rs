//! From tokens as they come to text: whole characters only, and nothing of a stop string.

use std::sync::Arc;

use super::LlamaTokenizer;

/// The bytes that each token of a vocabulary stands for; none for control tokens.
#[derive(Debug)]
pub(super) struct Spelling {
    bytes: Vec<Vec<u8>>,
    /// Whether the space that the tokenizer puts before every text is taken away again.
    strips_space: bool,
}

impl Spelling {
    pub(super) fn of(tokenizer: &LlamaTokenizer) -> Self {
        let ids = 0..u32::try_from(tokenizer.vocabulary()).unwrap_or(u32::MAX);
        let bytes = |id| if tokenizer.is_control(id) { Vec::new() } else { bytes_of(tokenizer.piece(id)) };
        let mut spelling = Self { bytes: ids.map(bytes).collect(), strips_space: false };
        let a = tokenizer.tokenize("a").unwrap_or_default();
        let spelt: Vec<u8> = a.iter().flat_map(|id| spelling.bytes(*id)).copied().collect();
        spelling.strips_space =
            spelt.starts_with(b" ") && tokenizer.detokenize(&a).is_ok_and(|text| !text.starts_with(' '));
        spelling
    }

    pub(super) fn bytes(&self, id: u32) -> &[u8] {
        usize::try_from(id).ok().and_then(|id| self.bytes.get(id)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn all(&self) -> &[Vec<u8>] {
        &self.bytes
    }

    pub(super) fn strips_space(&self) -> bool {
        self.strips_space
    }
}

/// The bytes of a piece: `<0x0A>` is one byte, and `▁` a space.
fn bytes_of(piece: Option<String>) -> Vec<u8> {
    let piece = piece.unwrap_or_default();
    let hexadecimal = piece.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    match hexadecimal.filter(|digits| digits.len() == 2).map(|digits| u8::from_str_radix(digits, 16)) {
        Some(Ok(byte)) => vec![byte],
        _ => piece.replace('▁', " ").into_bytes(),
    }
}

/// Spells out one text.
#[derive(Debug)]
pub(super) struct Speller {
    spelling: Arc<Spelling>,
    /// No empty one.
    stops: Vec<Vec<u8>>,
    /// Bytes that may yet become a part of a character or of a stop string.
    held: Vec<u8>,
    begins: bool,
}

impl Speller {
    /// One that ends the text before the first of `stops`.
    pub(super) fn new(spelling: Arc<Spelling>, stops: &[String]) -> Self {
        let stops = stops.iter().filter(|stop| !stop.is_empty()).map(|stop| stop.as_bytes().to_vec());
        Self { spelling, stops: stops.collect(), held: Vec::new(), begins: true }
    }

    /// The text that a token makes certain, and whether a stop string ends it.
    pub(super) fn push(&mut self, id: u32) -> (String, bool) {
        let mut bytes = self.spelling.bytes(id);
        if self.begins && !bytes.is_empty() {
            self.begins = false;
            if self.spelling.strips_space() {
                bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
            }
        }
        self.held.extend_from_slice(bytes);
        let found = self.stops.iter().filter_map(|stop| find(&self.held, stop)).min();
        if let Some(at) = found {
            self.held.truncate(at);
            return (self.end(), true);
        }
        let may_stop = self.stops.iter().map(|stop| overlap(&self.held, stop)).max().unwrap_or_default();
        let mut certain = self.held.split_off(self.held.len() - may_stop);
        std::mem::swap(&mut certain, &mut self.held);
        let (text, incomplete) = decode(&certain);
        self.held.splice(0..0, incomplete.iter().copied());
        (text, false)
    }

    /// What was held back, when nothing more comes.
    pub(super) fn end(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }
}

/// Where `part` first begins in `bytes`.
fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// How many of the last of `bytes` are the first of `stop`.
fn overlap(bytes: &[u8], stop: &[u8]) -> usize {
    let longest = bytes.len().min(stop.len().saturating_sub(1));
    (1..=longest).rev().find(|length| bytes.ends_with(stop.get(..*length).unwrap_or_default())).unwrap_or(0)
}

/// The text of bytes, and those at the end that are the beginning of a character.
fn decode(bytes: &[u8]) -> (String, &[u8]) {
    let mut text = String::new();
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                return (text, &[]);
            }
            Err(error) => {
                let (valid, broken) = rest.split_at(error.valid_up_to());
                text.push_str(&String::from_utf8_lossy(valid));
                let Some(length) = error.error_len() else { return (text, broken) };
                text.push(char::REPLACEMENT_CHARACTER);
                rest = broken.get(length..).unwrap_or_default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vocabulary in which token `n` is `pieces[n]`.
    fn speller(pieces: &[&[u8]], stops: &[&str]) -> Speller {
        let bytes = pieces.iter().map(|piece| piece.to_vec()).collect();
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        Speller::new(Arc::new(Spelling { bytes, strips_space: true }), &stops)
    }

    fn spell(pieces: &[&[u8]], stops: &[&str]) -> (Vec<String>, bool) {
        let mut speller = speller(pieces, stops);
        let mut texts = Vec::new();
        for id in 0..pieces.len() {
            let (text, stopped) = speller.push(u32::try_from(id).expect("few"));
            texts.push(text);
            if stopped {
                return (texts, true);
            }
        }
        texts.push(speller.end());
        (texts, false)
    }

    #[test]
    fn bytes_of_a_character_are_held_back_until_it_is_whole() {
        let (texts, _) = spell(&[b" a", b"\xf0\x9f", b"\x99", b"\x82!", b" b"], &[]);
        assert_eq!(texts, ["a", "", "", "🙂!", " b", ""]);
    }

    #[test]
    fn bytes_that_are_no_character_are_replaced_and_do_not_hold_up_the_rest() {
        assert_eq!(spell(&[b"a\xff", b"b\xf0\x9f", b"c"], &[]).0.concat(), "a\u{fffd}b\u{fffd}c");
        assert_eq!(spell(&[b"a\xf0\x9f"], &[]).0.concat(), "a\u{fffd}");
    }

    #[test]
    fn a_stop_string_across_tokens_ends_the_text_and_nothing_of_it_is_shown() {
        let (texts, stopped) = spell(&[b" one", b" EN", b"D", b"ING now", b" never"], &["x", " ENDING"]);
        assert_eq!((texts, stopped), (["one", "", "", ""].map(str::to_owned).to_vec(), true));
        let (texts, stopped) = spell(&[b" one", b" EN", b"D", b" is near"], &[" ENDING"]);
        assert_eq!((texts.concat().as_str(), stopped), ("one END is near", false));
        let (texts, stopped) = spell(&[b"aab", b"aac"], &["aaac", "abaac", ""]);
        assert_eq!((texts.concat().as_str(), stopped), ("a", true));
    }

    #[test]
    fn the_earliest_stop_string_counts_and_one_may_be_within_a_character() {
        assert_eq!(spell(&["xy🙂z".as_bytes()], &["z", "🙂"]), (vec!["xy".to_owned()], true));
        assert_eq!(spell(&[b"\xf0\x9f\x99", b"\x82"], &["🙂"]), (vec![String::new(); 2], true));
    }

    #[test]
    fn only_the_first_space_is_taken_away() {
        assert_eq!(spell(&[b"", b"  a", b" b"], &[]).0.concat(), " a b");
    }
}
