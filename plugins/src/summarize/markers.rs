//! Markers of citations in a text as it grows: `[1]`, `[1, 2]`, `[2-4]`.
//!
//! Nothing in square brackets is ever shown. The prompt has none but ours, so whatever a model puts in them is a marker,
//! well-formed or not. Half a marker loses its bracket and the numbers behind it.

use std::collections::VecDeque;

/// Characters in brackets from which on they are no marker.
const LONGEST: usize = 40;

/// Markers taken out of a text: where each stood in the text without them, and the numbers in it.
pub type Markers = Vec<(usize, Vec<usize>)>;

/// Takes the markers out of a whole text, with the space that is too much then. Numbers above `most` are no markers; of
/// one with any such number the others count.
#[must_use]
pub fn strip(text: &str, most: usize) -> (String, Markers) {
    let mut strip = Strip::new(most);
    let mut clean = strip.push(text);
    clean.push_str(&strip.end());
    (clean, strip.into_markers())
}

/// Takes markers out of a text that comes in pieces. Only what may still become a marker, and the space before it, is
/// held back.
#[derive(Debug)]
pub struct Strip {
    most: usize,
    /// Bytes given out so far.
    given: usize,
    /// White space not yet given out.
    space: String,
    /// What came behind an open bracket.
    held: Option<String>,
    /// Whether a marker was taken out behind `space`.
    behind_marker: bool,
    markers: Markers,
}

impl Strip {
    /// One for markers from 1 to `most`.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, given: 0, space: String::new(), held: None, behind_marker: false, markers: Vec::new() }
    }

    /// The text that `piece` makes certain.
    pub fn push(&mut self, piece: &str) -> String {
        let mut clean = String::new();
        let mut rest: VecDeque<char> = piece.chars().collect();
        while let Some(c) = rest.pop_front() {
            match self.held.as_mut() {
                None => self.outside(c, &mut clean),
                Some(held) => match c {
                    ']' | '］' | '】' => self.close(),
                    c if opens(c) || is_break(c) || held.chars().count() >= LONGEST => {
                        let half = self.half();
                        rest.push_front(c);
                        half.chars().rev().for_each(|c| rest.push_front(c));
                    }
                    c => held.push(c),
                },
            }
        }
        clean
    }

    /// What was held back, when nothing more comes. White space at the end is not text.
    pub fn end(&mut self) -> String {
        let mut clean = String::new();
        let half = self.half();
        half.chars().for_each(|c| self.outside(c, &mut clean));
        clean
    }

    /// The markers so far.
    #[must_use]
    pub fn into_markers(self) -> Markers {
        self.markers
    }

    fn outside(&mut self, c: char, clean: &mut String) {
        if opens(c) {
            self.held = Some(String::new());
        } else if matches!(c, ']' | '］' | '】') {
            self.behind_marker = true;
        } else if c.is_whitespace() {
            // Of the space before and behind a marker one is too much; a line break is not.
            if self.behind_marker && is_break(c) {
                self.space.truncate(self.space.trim_end_matches(' ').len());
            }
            if !self.behind_marker || self.space.is_empty() || is_break(c) {
                self.space.push(c);
            }
        } else {
            let joins = self.behind_marker && matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | ')');
            let space = std::mem::take(&mut self.space);
            // Nor does a text begin with space.
            if !joins && self.given > 0 {
                self.give(&space, clean);
            }
            self.give(c.encode_utf8(&mut [0; 4]), clean);
            self.behind_marker = false;
        }
    }

    fn give(&mut self, text: &str, clean: &mut String) {
        self.given += text.len();
        clean.push_str(text);
    }

    fn close(&mut self) {
        let held = self.held.take().unwrap_or_default();
        let numbers = numbers(&held, self.most);
        if !numbers.is_empty() {
            self.markers.push((self.given, numbers));
        }
        self.behind_marker = true;
    }

    /// Gives up on what is held: its text, without what looks like a marker's beginning.
    fn half(&mut self) -> String {
        let Some(held) = self.held.take() else { return String::new() };
        self.behind_marker = true;
        let is_marker =
            |c: char| c.is_ascii_digit() || c.is_whitespace() || matches!(c, ',' | ';' | '-' | '–' | '^');
        let text = held.trim_start_matches(is_marker);
        if text.len() == held.len() { held } else { format!(" {text}") }
    }
}

fn opens(c: char) -> bool {
    matches!(c, '[' | '［' | '【')
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

/// The numbers of a marker, without those out of range; none if it is not one.
fn numbers(inner: &str, most: usize) -> Vec<usize> {
    let mut numbers = Vec::new();
    for piece in inner.split([',', ';']) {
        let mut ends = piece.split(['-', '–']).map(|end| {
            let end = end.trim();
            end.parse::<usize>().ok().filter(|_| end.bytes().all(|byte| byte.is_ascii_digit()))
        });
        let (Some(Some(first)), last, None) = (ends.next(), ends.next(), ends.next()) else {
            return Vec::new();
        };
        let Some(last) = last.unwrap_or(Some(first)) else { return Vec::new() };
        for number in first.max(1)..=last.min(most) {
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, clean: &str, markers: &[(usize, &[usize])]) {
        let markers: Markers = markers.iter().map(|(at, numbers)| (*at, numbers.to_vec())).collect();
        assert_eq!(strip(text, 3), (clean.to_owned(), markers), "{text}");
    }

    #[test]
    fn markers_are_taken_out_with_the_space_that_is_too_much() {
        check("A b [1]. C [2, 3] d.[1]", "A b. C d.", &[(3, &[1]), (6, &[2, 3]), (9, &[1])]);
        check("A. [1] [2] B [1-3]\nC", "A. B\nC", &[(2, &[1]), (2, &[2]), (4, &[1, 2, 3])]);
        check("【1】 A ［ 2 ］ B", "A B", &[(0, &[1]), (1, &[2])]);
        check("Ä [1]", "Ä", &[(2, &[1])]);
    }

    #[test]
    fn what_is_broken_or_out_of_range_is_never_shown() {
        check("A [99] b [0] c [^1] d [citation needed] e [] f [1,] g", "A b c d e f g", &[]);
        check("A [2, 9].", "A.", &[(1, &[2])]);
        check("A [99999999999999999999999] [-1] [1-] [3-1] [+1] b", "A b", &[]);
        check("A [1", "A", &[]);
        check("A [", "A", &[]);
        check("A [1, b", "A b", &[]);
        check("A [1\nB] c", "A\nB c", &[]);
        check("A [[1]] b [x [2] y] c", "A b x y c", &[(1, &[1]), (5, &[2])]);
        check("a] b", "a b", &[]);
    }

    #[test]
    fn brackets_that_hold_a_long_text_lose_only_themselves() {
        let long = "many words that go on and on and never end";
        check(&format!("A [{long}] b"), &format!("A {long} b"), &[]);
    }

    #[test]
    fn only_what_may_become_a_marker_is_held_back() {
        let mut strip = Strip::new(2);
        assert_eq!(strip.push("Two words [1"), "Two words");
        assert_eq!(strip.push("] more"), " more");
        assert_eq!(strip.push(" "), "");
        assert_eq!(strip.push("x"), " x");
        assert_eq!(strip.into_markers(), [(9, vec![1])]);
    }

    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[\\[\\]0-9, ;^a\n.–-]{1,6}",
            "(\\[[0-9]{1,2}\\]|\\[[1-3], [1-3]\\]|\\[\\[1\\]|【2】| )",
            "\\PC{0,6}",
            "[a-z ]{30,60}",
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_text_in_pieces_is_the_same_text(text in texts(), cuts in prop::collection::vec(0..200_usize, 0..8)) {
            let mut places: Vec<usize> = cuts.iter().map(|cut| text.floor_char_boundary(*cut)).collect();
            places.push(text.len());
            places.sort_unstable();
            let mut pieces = Strip::new(3);
            let (mut clean, mut from) = (String::new(), 0);
            for place in places {
                clean.push_str(&pieces.push(&text[from..place]));
                from = place;
            }
            clean.push_str(&pieces.end());
            prop_assert_eq!((clean, pieces.into_markers()), strip(&text, 3));
        }

        #[test]
        fn no_bracket_is_ever_shown_and_every_marker_stands_in_the_text(text in texts()) {
            let (clean, markers) = strip(&text, 3);
            prop_assert!(!clean.contains(['[', ']', '【', '】', '［', '］']));
            for (at, numbers) in markers {
                prop_assert!(clean.is_char_boundary(at));
                prop_assert!(!numbers.is_empty() && numbers.iter().all(|number| (1..=3).contains(number)));
            }
        }

        #[test]
        fn what_has_no_brackets_keeps_every_character_but_space_at_its_ends(text in "[^\\[\\]［］【】]{0,60}") {
            prop_assert_eq!(strip(&text, 3).0, text.trim());
        }
    }
}
