//! Decodes what a text carries in encodings, and what that carries, within limits.

use std::ops::Range;

use unicode_script::{Script, UnicodeScript};

use super::plainer::Rest;
use super::span::Mapped;
use super::view::{Encoding, View, ViewKind, unmask};
use super::{Limits, escapes, normalize, packed, reversed, rotated, smuggled};

/// More decoded views than this are an attack on the stages that read them.
const MOST_VIEWS: usize = 16;
/// Shorter stretches say nothing that decoding could bring to light.
const SHORTEST_TEXT: usize = 4;
/// Chance does not make a text of this many characters.
const LONG_TEXT: usize = 24;

type Decode = fn(&Mapped) -> Option<Found>;

/// Every encoding there is a decoder for. Each gives `None` when the text holds nothing in its encoding.
const DECODERS: [(Encoding, Decode); 5] = [
    (Encoding::Html, escapes::html),
    (Encoding::Percent, escapes::percent),
    (Encoding::Base64, packed::base64),
    (Encoding::Hex, packed::hex),
    (Encoding::Rot13, rotated::rot13),
];

/// What a decoder made of a text.
pub(super) struct Found {
    pub(super) text: Mapped,
    /// What the text it was found in says besides.
    pub(super) rest: Rest,
}

/// What came of decoding a text.
pub(super) struct Decoded {
    /// False when a limit left something undecoded.
    pub(super) fully: bool,
    /// Whether a decoded view says all that the plain one says, and more plainly.
    pub(super) plainer: bool,
}

/// Adds the decoded views of a text to `views`, which undo the disguises of its plain one.
pub(super) fn decode(source: &Mapped, plain: &Mapped, limits: &Limits, views: &mut Vec<View>) -> Decoded {
    let undone = 0..views.len();
    let mut decoder = Decoder {
        seen: &plain.text,
        bytes_left: limits.max_decoded_bytes,
        views_left: MOST_VIEWS,
        so_far: Decoded { fully: true, plainer: false },
        views,
    };
    decoder.scan(&Text { source, plain, view: None, undone, depth: limits.max_decode_depth });
    decoder.so_far
}

/// A text to look for encodings in.
struct Text<'a> {
    /// As it came.
    source: &'a Mapped,
    plain: &'a Mapped,
    /// Which of the views holds it; none does the one that is not decoded.
    view: Option<usize>,
    /// The views that undo its disguises.
    undone: Range<usize>,
    /// How many encodings in one another are still undone in it.
    depth: u8,
}

struct Decoder<'a> {
    /// The plain view.
    seen: &'a str,
    bytes_left: usize,
    views_left: usize,
    so_far: Decoded,
    views: &'a mut Vec<View>,
}

impl Decoder<'_> {
    /// Scans a text, as it came and in its plain form.
    fn scan(&mut self, text: &Text<'_>) {
        let beside = |text| Found { text, rest: Rest::Words };
        if let Some(found) = smuggled::decode(text.source) {
            self.take(Encoding::Invisible, &beside(found), text);
        }
        if let Some(found) = reversed::decode(text.source) {
            self.take(Encoding::Override, &beside(found), text);
        }
        for (encoding, decode) in DECODERS {
            if let Some(found) = decode(text.plain) {
                self.take(encoding, &found, text);
            }
        }
    }

    /// Takes in what was decoded from `base`: its plain form as a view, that form without disguises, and what it carries.
    fn take(&mut self, encoding: Encoding, found: &Found, base: &Text<'_>) {
        let kind = ViewKind::Decoded(encoding);
        let Some(depth) = base.depth.checked_sub(1) else {
            self.so_far.fully = false;
            return;
        };
        let normalized = normalize::normalize(&found.text);
        let plain = normalized.as_ref().unwrap_or(&found.text);
        let view = self.views.len();
        if plain.text.trim().is_empty() || !self.add(kind, plain) {
            return;
        }
        self.leave_out(base, &found.rest);
        if let Some(bare) = unmask(plain).views.pop() {
            self.add(kind, bare.mapped());
        }
        let undone = view + 1..self.views.len();
        self.scan(&Text { source: &found.text, plain, view: Some(view), undone, depth });
    }

    /// Leaves out the views of `base` that say nothing but what was decoded, if `rest` is said there, too.
    fn leave_out(&mut self, base: &Text<'_>, rest: &Rest) {
        if !rest.is_said() {
            return;
        }
        match base.view {
            None => self.so_far.plainer = true,
            Some(view) => self.views.get_mut(view).into_iter().for_each(View::leave_out),
        }
        for view in self.views.get_mut(base.undone.clone()).into_iter().flatten() {
            if rest.covers(&base.plain.text, view.text()) {
                view.leave_out();
            }
        }
    }

    /// Adds a view if it is new and within the limits.
    fn add(&mut self, kind: ViewKind, mapped: &Mapped) -> bool {
        if mapped.text == self.seen || self.views.iter().any(|view| view.text() == mapped.text) {
            return false;
        }
        let Some(bytes) = self.bytes_left.checked_sub(mapped.text.len()).filter(|_| self.views_left > 0)
        else {
            self.so_far.fully = false;
            return false;
        };
        self.bytes_left = bytes;
        self.views_left -= 1;
        self.views.push(View::new(kind, mapped.clone()));
        true
    }
}

/// The text `bytes` hold, if they hold text: what chance makes of a word or a number hardly ever passes.
pub(super) fn text_of(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (mut all, mut words) = (0_usize, 0_usize);
    let (mut script, mut mixed) = (None, false);
    for c in text.chars() {
        if !is_written(c) {
            return None;
        }
        all += 1;
        words += usize::from(c.is_alphanumeric() || c == ' ');
        if c.is_alphabetic() {
            let found = if c.is_ascii() { Script::Latin } else { c.script() };
            mixed |= script.is_some_and(|script| script != found) || matches!(c, '\u{180}'..='\u{2AF}');
            script = Some(found);
        }
    }
    // A short text is nearly all words, and a very short one is in one script and its everyday letters.
    let enough = if all < LONG_TEXT { words * 10 >= all * 8 } else { words * 2 >= all };
    (all >= SHORTEST_TEXT && enough && !(mixed && all < LONG_TEXT / 2)).then_some(text)
}

/// Whether people write `c`: it is assigned, and no control other than a line break or a tab.
pub(super) fn is_written(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r') || !c.is_control() && unicode_normalization::char::is_public_assigned(c)
}
