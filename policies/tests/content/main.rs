//! What a text becomes on its way in: what is undone, what is left alone, and where each piece came from.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]
#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes its expectations so")]

mod every_text;
mod origins;
mod read;
mod refused;
mod undone;
mod untouched;

use std::fmt::Write as _;

use expect_test::Expect;
use policies::{Content, ViewKind};

fn views(content: &Content) -> String {
    content.views().fold(String::new(), |mut lines, view| {
        writeln!(lines, "{:?}: {}", view.kind(), view.text().escape_debug()).unwrap();
        lines
    })
}

/// The views of each text, a line each.
#[expect(clippy::needless_pass_by_value, reason = "an expectation is written where it is used")]
fn check(texts: &[&str], expected: Expect) {
    let contents = texts.iter().map(|text| Content::new(*text).unwrap());
    expected.assert_eq(&contents.map(|content| views(&content)).collect::<Vec<_>>().join("\n"));
}

/// Each text has one view, and it is the text itself.
fn check_untouched(texts: &[&str]) {
    for text in texts {
        let content = Content::new(*text).unwrap();
        assert_eq!(views(&content), format!("Plain: {}\n", text.escape_debug()));
    }
}

/// `needle`, in the view of this kind, was made from `source`, a part of `text`.
fn check_source(text: &str, kind: ViewKind, needle: &str, source: &str) {
    let content = Content::new(text).unwrap();
    let view = content.views().find(|view| view.kind() == kind).unwrap();
    let start = view.text().find(needle).unwrap();
    assert_eq!(&content.original()[view.span(start..start + needle.len()).range()], source);
}
