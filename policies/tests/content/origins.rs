//! Where each piece came from, and which language it is in.

use policies::{Content, Encoding, ViewKind};

use super::check_source;

#[test]
fn spans_cover_what_a_piece_was_made_from_and_no_more() {
    check_source("I k\u{200B}ill", ViewKind::Plain, "kill", "k\u{200B}ill");
    check_source("\u{200B}kill\u{200B} it", ViewKind::Plain, "kill", "kill");
    check_source("a ﬁne day", ViewKind::Plain, "fi", "ﬁ");
    check_source("a ﬁne day", ViewKind::Plain, "ine", "ﬁne");
    check_source("Mu\u{308}ller", ViewKind::Plain, "ü", "u\u{308}");
    check_source("go кill me", ViewKind::Confusables, "kill", "кill");
    check_source("so k 1 l l it", ViewKind::Joined, "kill", "k 1 l l");
    check_source("go kiiiillll it", ViewKind::Joined, "kill", "kiiiill");
    check_source(
        "see a2lsbCB5b3Vyc2VsZg== ok",
        ViewKind::Decoded(Encoding::Base64),
        "your",
        "a2lsbCB5b3Vyc2VsZg==",
    );
    check_source("go k%69ll it", ViewKind::Decoded(Encoding::Percent), "kill", "k%69ll");
}

#[test]
fn a_range_outside_the_view_is_fitted_to_it() {
    let content = Content::new("ä\u{200B}b").unwrap();
    let span = |range| content.plain().span(range).range();
    assert_eq!(span(0..1), 0..2);
    assert_eq!(span(1..2), 0..2);
    assert_eq!(span(0..99), 0..6);
    assert_eq!(span(99..100), 6..6);
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is tried")]
    let reversed = span(3..1);
    assert_eq!(reversed, 6..6);
}

#[test]
fn the_language_is_said_when_it_can_be_told() {
    let language = |text: &str| Content::new(text).unwrap().language().code();
    assert_eq!(language("how many onions do i have on hand right now"), "en");
    assert_eq!(language("Ich habe heute leider keine Zeit für dich"), "de");
    assert_eq!(language("Привет, как дела? Сегодня хорошая погода."), "ru");
    assert_eq!(language("Καλημέρα κόσμε"), "el");
    assert_eq!(language("Dzień dobry, jak się dzisiaj masz"), "pl");
    assert_eq!(language("ok 42"), "und");
    // Of a text that is read only undone, that of what is read.
    assert_eq!(language("I c h   h a b e   h e u t e   l e i d e r   k e i n e   Z e i t"), "de");
    assert_eq!(language("SWNoIGhhYmUgaGV1dGUgbGVpZGVyIGtlaW5lIFplaXQgZsO8ciBkaWNo"), "de");
}
