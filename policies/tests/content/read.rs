//! Which views models read.

use data_encoding::{BASE64, HEXLOWER};
use policies::{Content, View};
use proptest::prelude::*;

fn readings(text: &str) -> Vec<String> {
    Content::new(text).unwrap().readings().map(|view| view.text().to_owned()).collect()
}

/// Models read `reading` of each text, and nothing else.
fn check_only(cases: &[(&str, &str)]) {
    for (text, reading) in cases {
        assert_eq!(readings(text), [*reading], "{text}");
    }
}

/// Models read each text as it stands, though something was undone in it.
fn check_plain_too(texts: &[&str]) {
    for text in texts {
        let content = Content::new(*text).unwrap();
        assert!(content.views().count() > 1, "nothing is undone in {text}");
        assert!(content.plain().is_read(), "{text}");
        assert!(content.readings().count() >= 1);
    }
}

const LETTER: &str = "thank you for your letter of the first of March";

#[test]
fn a_text_that_is_packed_as_a_whole_is_read_unpacked() {
    let (base64, hex) = (BASE64.encode(LETTER.as_bytes()), HEXLOWER.encode(LETTER.as_bytes()));
    let pairs: Vec<String> = LETTER.bytes().map(|byte| format!("{byte:02x}")).collect();
    check_only(&[
        (&base64, LETTER),
        (&hex, LETTER),
        (&pairs.join(" "), LETTER),
        (&format!("\\x{}", pairs.join("\\x")), LETTER),
        (&format!("\"{base64}\",\n"), LETTER),
    ]);
    // What is packed twice is no sentence once unpacked, so only what lies between is left out.
    let twice = BASE64.encode(base64.as_bytes());
    assert_eq!(readings(&twice), [twice.as_str(), LETTER]);
}

#[test]
fn what_stands_beside_a_packed_text_is_read() {
    let (base64, hex) = (BASE64.encode(LETTER.as_bytes()), HEXLOWER.encode(LETTER.as_bytes()));
    check_plain_too(&[
        &format!("I will kill you {base64}"),
        &format!("{hex} die"),
        &format!("{base64}\n🔪"),
        &format!("{base64} KiLLyOuRseLfNoW"),
        // Signs of the alphabet part words, too.
        &format!("I-will-kill-you-tonight-{base64}"),
        &format!("kill/{base64}"),
        // Nothing that a person writes, so the packed form may be what is meant.
        &BASE64.encode(b"a1b2c3d4 e5f6g7h8 i9j0k1l2 m3n4o5p6"),
    ]);
}

#[test]
fn a_text_of_escapes_is_read_with_them_undone() {
    let percent = LETTER.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    check_only(&[
        (&percent, LETTER),
        ("%79ou%20%61re%20so%20k%69nd", "you are so kind"),
        ("y&#111;u &#97;re s&#x6f; k&#x69;nd", "you are so kind"),
        ("%2579ou%20%2561re", "you are"),
    ]);
}

#[test]
fn plain_words_between_escapes_are_read_and_so_are_words_that_undoing_runs_together() {
    assert!(readings("I will kill %79ou").iter().any(|text| text.starts_with("I will kill ")));
    check_plain_too(&[
        "kill all of them %6Eow",
        "die%7Ayou%7Apig",
        "die&#122;you&#122;&#122;pig",
        "die%E2%80%8Byou%E2%80%8Bpig",
        "die&zwj;you&zwj;pig",
    ]);
    // Digits in plain words mean something, and a disguise of their own is undone beside the escapes.
    assert!(readings("k1ll %79%6Fu %6E%6Fw").contains(&"kill you now".to_owned()));
}

#[test]
fn letters_drawn_apart_or_out_are_read_together() {
    check_only(&[
        ("y o u   a r e   s o   k i n d", "you   are   so   kind"),
        ("y.o.u a.r.e v.e.r.y k.i.n.d", "you are very kind"),
        ("yooooou aaaaare so kiiiind", "you are so kind"),
    ]);
    check_plain_too(&["u r a dumb fag", "w o r d and others", "wow sooo kind of you, dear neighbour"]);
}

#[test]
fn lines_and_single_letters_that_may_be_words_are_read_as_they_stand() {
    check_plain_too(&["kill\nall\nthem", "kil\nl y\nourse\nlf no\nw", "i c u", "1 4 y o g i r l x x x"]);
}

#[test]
fn letters_under_marks_are_read_without_them() {
    check_only(&[(
        "y\u{338}o\u{338}u\u{301} a\u{335}r\u{338}e\u{302} s\u{316}o\u{338} k\u{338}i\u{338}nd",
        "you are so kind",
    )]);
    let with_umlaut =
        "töten y\u{338}o\u{338}u a\u{335}r\u{338}e s\u{316}o k\u{338}i\u{338}nd and the i\u{338}s";
    assert!(readings(with_umlaut).iter().any(|text| text.starts_with("töten")));
    // English loses its accents, but not a German word that stands in it.
    let in_english = "you wіll töten thеm аll tоmоrrоw with thе othеrs аnd lаugh аbоut іt";
    assert!(readings(in_english).iter().any(|text| text.contains("töten")));
}

#[test]
fn words_mixed_of_letters_and_what_passes_for_them_are_read_in_letters() {
    check_only(&[
        (
            "Iсh wаr gеstеrn ungеrecһt zu dіr, іch schämе mіch",
            "Ich war gestern ungerecht zu dir, ich schäme mich",
        ),
        // A word that passes for none stands in both.
        ("сука yоu аre ѕо mеаn", "сука you are ѕо mean"),
        ("у\u{43E}u аre ѕо kіnd аnd brаvе", "you are so kind and brave"),
        ("Y\u{2B55}u 🅰re s\u{2B55} k\u{2139}nd t\u{2B55} 🅰ll", "You Are so kind to All"),
        ("I c h   g r ü ß e   d i c h   s c h ö n", "Ich   grüße   dich   schön"),
    ]);
}

#[test]
fn disguises_that_may_be_none_hide_nothing() {
    check_plain_too(&[
        // Words that were never moved, among some that were.
        "Lbh ner n jbeguyrff vqvbg naq rirelobql rape ungrf lbh.",
        "\u{202E}toidi na era uoy",
        "h0t 14y0 g1rl n4k3d p1cs",
        "I🔥will🔥kill🔥you",
        "u⭕die⭕now",
        // Letters of other scripts may be words of theirs.
        "сора yоu really аre ѕо mеаn nоwadaуs",
        "\u{1F3F4}hi \u{E0069}\u{E0067}\u{E006E}\u{E006F}\u{E0072}\u{E0065}",
    ]);
}

#[test]
fn patterns_see_what_models_do_not_read() {
    let hex = HEXLOWER.encode(LETTER.as_bytes());
    let content = Content::new(hex.clone()).unwrap();
    assert!(content.views().any(|view| view.text() == hex && !view.is_read()));
}

/// Words, and the same words in disguises that are undone.
fn texts() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["die", "hang", "thief", "you", "killing", "u", "now"]);
    let piece = (word, 0_u8..12).prop_map(|(word, disguise)| match disguise {
        0 => word.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat(),
        1 => format!("%{:02X}{}", word.as_bytes()[0], &word[1..]),
        2 => word.chars().map(|c| format!("&#{};", u32::from(c))).collect::<Vec<_>>().concat(),
        3 => format!("{}&#x{:x};", &word[..word.len() - 1], word.as_bytes()[word.len() - 1]),
        4 => BASE64.encode(format!("{word} and {LETTER}").as_bytes()),
        5 => HEXLOWER.encode(format!("{word} and so on").as_bytes()),
        6 => word.chars().map(|c| c.to_string().repeat(4)).collect(),
        7 => word.chars().map(String::from).collect::<Vec<_>>().join(" "),
        8 => word.chars().flat_map(|c| [c, '\u{338}', '\u{301}']).collect(),
        9 => word.replace('i', "1"),
        _ => word.to_owned(),
    });
    let parted = prop::sample::select(vec![" ", " ", " ", "\n", ".", "%7A", "%20", "&zwj;", "-", "🔥", "_"]);
    prop::collection::vec((piece, parted), 1..12).prop_map(|pieces| {
        pieces.into_iter().flat_map(|(piece, parted)| [piece, parted.to_owned()]).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn at_least_one_view_is_read_and_all_are_views(text in texts()) {
        if let Ok(content) = Content::new(text) {
            let all: Vec<*const View> = content.views().map(std::ptr::from_ref).collect();
            let read: Vec<*const View> = content.readings().map(std::ptr::from_ref).collect();
            prop_assert!(!read.is_empty());
            prop_assert!(read.iter().all(|view| all.contains(view)));
        }
    }

    #[test]
    fn a_plain_word_stands_in_some_view_that_is_read(text in texts()) {
        if let Ok(content) = Content::new(text) {
            let words = content.plain().text().split_whitespace();
            for word in words.filter(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic())) {
                // What is undone in the word itself is another word.
                if Content::new(word).is_ok_and(|alone| alone.views().count() == 1) {
                    prop_assert!(content.readings().any(|view| view.text().contains(word)), "{}", word);
                }
            }
        }
    }

    #[test]
    fn a_text_with_one_view_is_read_as_it_stands(text in "[a-zäöüß ,.?]{1,80}") {
        if let Ok(content) = Content::new(text)
            && content.views().count() == 1
        {
            prop_assert!(content.plain().is_read());
        }
    }
}
