//! Text that knows where each part of it was written.

use std::ops::Range;

/// Characters of the source that are looked through for one that is meant.
const NEAR: usize = 64;

/// What a reader sees of a source, with the way back to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mapped {
    text: String,
    /// In the order of both texts; together they are all of `text`.
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    /// Bytes of the text.
    text: Range<usize>,
    /// Bytes of the source.
    source: Range<usize>,
    /// The text is the source, byte for byte; otherwise the one stands for the other as a whole.
    same: bool,
}

impl Mapped {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Adds `written`, which the source has at `start`.
    pub(crate) fn say(&mut self, written: &str, start: usize) {
        if written.is_empty() {
            return;
        }
        let at = self.text.len();
        self.text.push_str(written);
        match self.parts.last_mut() {
            Some(last) if last.same && last.source.end == start => {
                last.source.end += written.len();
                last.text.end = self.text.len();
            }
            _ => self.parts.push(Part {
                text: at..self.text.len(),
                source: start..start + written.len(),
                same: true,
            }),
        }
    }

    /// Adds `meant`, which the source writes as `source`, an escape for example.
    pub(crate) fn mean(&mut self, meant: &str, source: Range<usize>) {
        if meant.is_empty() {
            return;
        }
        let at = self.text.len();
        self.text.push_str(meant);
        self.parts.push(Part { text: at..self.text.len(), source, same: false });
    }

    /// Adds `meant`, which `written` at `start` of the source says nearly alike: other ends of lines, marks between.
    pub(crate) fn trace(&mut self, meant: &str, written: &str, start: usize) {
        if meant == written {
            return self.say(meant, start);
        }
        let mut at = 0;
        for character in meant.chars() {
            let rest = written.get(at..).unwrap_or_default();
            let is_meant = |c: char| c == character || (character.is_whitespace() && c.is_whitespace());
            let mut near = rest.char_indices().take(NEAR);
            let before = near.find(|(_, c)| is_meant(*c)).map_or(0, |(before, _)| before);
            let found = rest.get(before..).and_then(|rest| rest.chars().next());
            let end = at + before + found.map_or(0, char::len_utf8);
            let mut buffer = [0; 4];
            let one = character.encode_utf8(&mut buffer);
            if found == Some(character) {
                self.say(one, start + at + before);
            } else {
                self.mean(one, start + at + before..start + end);
            }
            at = end;
        }
    }

    /// Whether the text may be cut before byte `at`: what stands for something else stays whole.
    pub(crate) fn may_end(&self, at: usize) -> bool {
        self.part(at).is_none_or(|part| part.same || part.text.start == at)
    }

    /// Adds one space for the white space `source`, unless there is one or nothing yet.
    pub(crate) fn space(&mut self, source: Range<usize>) {
        if !self.text.is_empty() && !self.text.ends_with(char::is_whitespace) {
            self.mean(" ", source);
        }
    }

    /// Adds `written` with every run of white space as one space.
    pub(crate) fn flow(&mut self, written: &str, start: usize) {
        let mut at = 0;
        while let Some(rest) = written.get(at..).filter(|rest| !rest.is_empty()) {
            let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let white = rest.get(word..).unwrap_or_default();
            let gap = white.find(|c: char| !c.is_whitespace()).unwrap_or(white.len());
            self.say(rest.get(..word).unwrap_or_default(), start + at);
            let between = start + at + word..start + at + word + gap;
            match white.get(..gap) {
                Some(" ") if !self.text.is_empty() && !self.text.ends_with(char::is_whitespace) => {
                    self.say(" ", between.start);
                }
                Some("") | None => {}
                Some(_) => self.space(between),
            }
            at += word + gap;
        }
    }

    /// The bytes of the source that stand for `range` of the text.
    pub(crate) fn source(&self, range: Range<usize>) -> Range<usize> {
        let Some(last) = range.end.checked_sub(1).and_then(|last| self.part(last)) else { return 0..0 };
        let Some(first) = self.part(range.start) else { return 0..0 };
        let start = if first.same {
            first.source.start + (range.start - first.text.start)
        } else {
            first.source.start
        };
        let end = if last.same { last.source.start + (range.end - last.text.start) } else { last.source.end };
        start..end.max(start)
    }

    /// The part that holds byte `at` of the text.
    fn part(&self, at: usize) -> Option<&Part> {
        let after = self.parts.partition_point(|part| part.text.start <= at);
        self.parts.get(after.checked_sub(1)?)
    }

    /// The same text, whose source is the text of `outer`, mapped to the source of that.
    pub(crate) fn within(&self, outer: &Self) -> Self {
        let mut through = Self::default();
        for part in &self.parts {
            let text = self.text.get(part.text.clone()).unwrap_or_default();
            if !part.same {
                through.mean(text, outer.source(part.source.clone()));
                continue;
            }
            let mut at = part.source.start;
            while at < part.source.end {
                let Some(held) = outer.part(at) else { break };
                let end = held.text.end.min(part.source.end);
                let piece = text.get(at - part.source.start..end - part.source.start).unwrap_or_default();
                if held.same {
                    through.say(piece, held.source.start + (at - held.text.start));
                } else {
                    through.mean(piece, held.source.clone());
                }
                at = end;
            }
        }
        through
    }
}
