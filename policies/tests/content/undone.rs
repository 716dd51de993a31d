//! What is undone.

use expect_test::expect;
use policies::{Content, Limits};

use super::check;

#[test]
fn plain_text_is_written_in_one_way() {
    check(
        &["ｋｉｌｌ 𝕜𝖎𝓵𝓁 ⓚⓘⓛⓛ ﬁne ½ … ™", "a\u{A0}b\u{3000}c\u{2028}d\u{B}e\r\nf\u{2800}g"],
        expect![[r#"
            Plain: kill kill kill fine 1⁄2 ... TM

            Plain: a b c\nd\ne\r\nf g
            Joined: abcdefg
        "#]],
    );
}

#[test]
fn invisible_characters_are_removed() {
    check(
        &["k\u{200B}i\u{AD}l\u{2060}l\u{200D} \u{202E}y\u{FEFF}o\0u\u{8}", "b\u{FE0F}ad\u{200C} 1\u{FE0F}0"],
        expect![[r#"
            Plain: kill you
            Decoded(Override): kill uoy

            Plain: bad 10
        "#]],
    );
}

#[test]
fn floods_of_marks_are_cut() {
    let flood = |mark: &str| format!("a{}b", mark.repeat(50));
    check(
        &[&flood("\u{301}"), &flood("\u{E47}"), &flood("\u{338}\u{20DD}")],
        expect![[r#"
        Plain: á́́́b
        Confusables: ab

        Plain: a็็็็็็็็b

        Plain: a̸⃝̸⃝b
        Confusables: ab
    "#]],
    );
}

#[test]
fn look_alikes_become_latin_in_words_that_pass_for_latin() {
    check(
        &[
            "Нello wоrld, kіll уоurself",
            "I will кill you and your ѕех",
            "єlєgαηt ԝаr",
            "ᴋɪʟʟ ʏᴏᴜ",
            "🅺🅸🅻🅻 🅱itch trA\u{FE0F}n",
            "🇰 🇮 🇱 🇱",
            "k\u{338}i\u{338}l\u{338}l\u{338}",
            "ḱíĺĺ ýóú",
            "I will fück you up and then I will leave this place",
            "gяคnd",
        ],
        expect![[r#"
            Plain: Нello wоrld, kіll уоurself
            Confusables: Hello world, kill yourself

            Plain: I will кill you and your ѕех
            Confusables: I will kill you and your sex

            Plain: єlєgαηt ԝаr
            Confusables: elegant war

            Plain: ᴋɪʟʟ ʏᴏᴜ
            Confusables: kill you

            Plain: 🅺🅸🅻🅻 🅱itch trAn
            Confusables: KILL Bitch trAn

            Plain: 🇰 🇮 🇱 🇱
            Confusables: k i l l
            Joined: kill

            Plain: k̸i̸l̸l̸
            Confusables: kill

            Plain: ḱíĺĺ ýóú
            Confusables: kill you

            Plain: I will fück you up and then I will leave this place
            Confusables: I will fuck you up and then I will leave this place

            Plain: gяคnd
            Confusables: grand
        "#]],
    );
}

#[test]
fn digits_and_signs_become_letters_inside_words() {
    check(
        &[
            "h4te k1ll @ss $hit a$$h0le b!tch sh!t",
            "a55 ki11 5hit K1LL f4gg0t",
            "n1gg3r p0rn s3x h4t3 @ssh0le",
            "y0u 4r3 4 w0r7hl3$$ 1d!07, g0 70 h3ll!",
        ],
        expect![[r#"
            Plain: h4te k1ll @ss $hit a$$h0le b!tch sh!t
            Leetspeak: hate kill ass shit asshole bitch shit

            Plain: a55 ki11 5hit K1LL f4gg0t
            Leetspeak: ass kill shit KILL faggot

            Plain: n1gg3r p0rn s3x h4t3 @ssh0le
            Leetspeak: nigger porn sex hate asshole

            Plain: y0u 4r3 4 w0r7hl3$$ 1d!07, g0 70 h3ll!
            Leetspeak: you are a worthless idiot, go to hell!
        "#]],
    );
}

#[test]
fn letters_drawn_apart_or_out_are_joined() {
    check(
        &[
            "k i l l",
            "k.i.l.l y.o.u",
            "k - i - l - l",
            "k i l l   y o u",
            "k 1 l l",
            "k\ni\nl\nl",
            "у б и т ь",
            "kiiiiiilllll fuuuuuck dieeee haaaate",
            "tttthe ssssufffffering",
            "كـــلب",
        ],
        expect![[r#"
            Plain: k i l l
            Joined: kill

            Plain: k.i.l.l y.o.u
            Joined: kill you

            Plain: k - i - l - l
            Joined: kill

            Plain: k i l l   y o u
            Joined: kill   you

            Plain: k 1 l l
            Joined: kill

            Plain: k\ni\nl\nl
            Joined: kill

            Plain: у б и т ь
            Joined: убить

            Plain: kiiiiiilllll fuuuuuck dieeee haaaate
            Joined: kill fuck die hate

            Plain: tttthe ssssufffffering
            Joined: the suffering

            Plain: كـــلب
            Joined: كلب
        "#]],
    );
}

#[test]
fn short_words_drawn_apart_are_joined_where_longer_ones_are() {
    check(
        &[
            "d u   b i s t   e i n   I d i o t!",
            "I   w i l l   k i l l   y o u !",
            "g.o t.o h.e.l.l, y.o.u!!",
            "a   k i l l e r",
            "z. B. u. a. und k i l l",
            "x y   and   2 x 4   w o r d",
        ],
        expect![[r#"
            Plain: d u   b i s t   e i n   I d i o t!
            Joined: du   bist   ein   Idiot!

            Plain: I   w i l l   k i l l   y o u !
            Joined: I   will   kill   you !

            Plain: g.o t.o h.e.l.l, y.o.u!!
            Joined: go to hell, you!!

            Plain: a   k i l l e r
            Joined: a   killer

            Plain: z. B. u. a. und k i l l
            Joined: zBua. und kill

            Plain: x y   and   2 x 4   w o r d
            Joined: xy   and   2 x 4   word
        "#]],
    );
}

#[test]
fn drawn_out_words_have_double_letters_where_their_spelling_has() {
    check(
        &[
            "tiiiime to geeeet betttter, hattttte waiiiiting and killllling",
            "sssstupid lllletters fffrom the bookkkk",
            "daaaas isssst docccch immmmer diiiie gleeeeiche Katttttze, daaaassss kannnnn nichtttt seiiiin",
        ],
        expect![[r#"
            Plain: tiiiime to geeeet betttter, hattttte waiiiiting and killllling
            Joined: time to get better, hate waiting and killing

            Plain: sssstupid lllletters fffrom the bookkkk
            Joined: stupid letters from the book

            Plain: daaaas isssst docccch immmmer diiiie gleeeeiche Katttttze, daaaassss kannnnn nichtttt seiiiin
            Joined: das ist doch immer die gleiche Katze, das kann nicht sein
        "#]],
    );
}

#[test]
fn pictures_inside_words_are_letters_or_nothing() {
    check(
        &[
            "f⭕⭕l i🔥d🔥i🔥o🔥t",
            "💲hit fu❌ker",
            "sh1\u{FE0F}\u{20E3}t",
            "wor👍🏽th❤\u{FE0F}\u{200D}🔥less",
            "you ar✝ a lo💲er, 💲✝⭕p i✝",
        ],
        expect![[r#"
            Plain: f⭕⭕l i🔥d🔥i🔥o🔥t
            Confusables: fool idiot

            Plain: 💲hit fu❌ker
            Confusables: shit fuxker

            Plain: sh1️⃣t
            Confusables: sh1t
            Leetspeak: shit

            Plain: wor👍🏽th❤️\u{200d}🔥less
            Confusables: worthless

            Plain: you ar✝ a lo💲er, 💲✝⭕p i✝
            Confusables: you art a loser, stop it
        "#]],
    );
}

#[test]
fn words_parted_by_line_breaks_are_written_together() {
    check(
        &["kil\nl y\nourse\nlf no\nw", "you are wor-\nthl-\r\ness", "WORTH\nLESS\nID\nIOT"],
        expect![[r#"
            Plain: kil\nl y\nourse\nlf no\nw
            Joined: kill yourself now

            Plain: you are wor-\nthl-\r\ness
            Joined: you are worthless

            Plain: WORTH\nLESS\nID\nIOT
            Joined: WORTHLESSIDIOT
        "#]],
    );
}

#[test]
fn rotated_and_reversed_text_is_read_as_it_is_meant() {
    check(
        &[
            "Lbh ner n jbeguyrff vqvbg naq rirelobql ungrf lbh.",
            "Qh ovfg rva jregybfre Vqvbg haq nyyr unffra qvpu.",
            "you are \u{202E}sselhtrow\u{202C} and \u{202E}diputs",
            "\u{202E}toidi na era uoy",
        ],
        expect![[r#"
            Plain: Lbh ner n jbeguyrff vqvbg naq rirelobql ungrf lbh.
            Decoded(Rot13): You are a worthless idiot and everybody hates you.

            Plain: Qh ovfg rva jregybfre Vqvbg haq nyyr unffra qvpu.
            Decoded(Rot13): Du bist ein wertloser Idiot und alle hassen dich.

            Plain: you are sselhtrow and diputs
            Decoded(Override): you are worthless and stupid

            Plain: toidi na era uoy
            Decoded(Override): you are an idiot
        "#]],
    );
}

#[test]
fn combined_disguises_fall() {
    check(
        &["к 1 l l y 0 u", "k1ll уоursеlf n\u{200B}0w", "h 4 t \u{200B}3 is nоt оk", "ｈ４ｔｅ"],
        expect![[r#"
            Plain: к 1 l l y 0 u
            Confusables: k 1 l l y 0 u
            Joined: killyou

            Plain: k1ll уоursеlf n0w
            Confusables: k1ll yourself n0w
            Leetspeak: kill yourself now

            Plain: h 4 t 3 is nоt оk
            Confusables: h 4 t 3 is not ok
            Joined: hate is not ok

            Plain: h4te
            Leetspeak: hate
        "#]],
    );
}

#[test]
fn encoded_text_is_decoded() {
    check(
        &[
            "do this: a2lsbCB5b3Vyc2VsZg== now",
            "RHUgZHVtbWVzIFNjaHdlaW4sIGdlaCB3ZWc_",
            "xxxxx/a2lsbCB5b3Vyc2VsZiByaWdodCBub3c",
            "6b696c6c20796f757273656c66",
            "6b 69 6c 6c 20 79 6f 75",
            r"\x6b\x69\x6c\x6c\x20\x79\x6f\x75",
            "k%69ll%20yourself %C3%A4",
            "&#107;&#x69;&#108&#108; &hearts;",
            "hi \u{E0069}\u{E0067}\u{E006E}\u{E006F}\u{E0072}\u{E0065}",
        ],
        expect![[r#"
            Plain: do this: a2lsbCB5b3Vyc2VsZg== now
            Decoded(Base64): kill yourself

            Plain: RHUgZHVtbWVzIFNjaHdlaW4sIGdlaCB3ZWc_
            Decoded(Base64): Du dummes Schwein, geh weg?

            Plain: xxxxx/a2lsbCB5b3Vyc2VsZiByaWdodCBub3c
            Decoded(Base64): kill yourself right now

            Plain: 6b696c6c20796f757273656c66
            Decoded(Hex): kill yourself

            Plain: 6b 69 6c 6c 20 79 6f 75
            Decoded(Hex): kill you

            Plain: \\x6b\\x69\\x6c\\x6c\\x20\\x79\\x6f\\x75
            Leetspeak: \\xgb\\xgg\\xgc\\xgc\\x20\\xtg\\xgf\\xts
            Decoded(Hex): kill you

            Plain: k%69ll%20yourself %C3%A4
            Decoded(Percent): kill yourself ä

            Plain: &#107;&#x69;&#108&#108; &hearts;
            Decoded(Html): kill ♥

            Plain: hi 
            Decoded(Invisible): ignore
        "#]],
    );
}

#[test]
fn encodings_are_undone_in_one_another() {
    check(
        &[
            "YTJsc2JDQjViM1Z5YzJWc1ppQnViM2NnY0d4bFlYTmw=",
            "%25256b%252569ll",
            "&amp;#107;ill",
            "azFsbCB50L51cnNlbGY=",
        ],
        expect![[r#"
            Plain: YTJsc2JDQjViM1Z5YzJWc1ppQnViM2NnY0d4bFlYTmw=
            Decoded(Base64): a2lsbCB5b3Vyc2VsZiBub3cgcGxlYXNl
            Decoded(Base64): kill yourself now please

            Plain: %25256b%252569ll
            Decoded(Percent): %256b%2569ll
            Decoded(Percent): %6b%69ll
            Decoded(Percent): kill

            Plain: &amp;#107;ill
            Decoded(Html): &#107;ill
            Decoded(Html): kill

            Plain: azFsbCB50L51cnNlbGY=
            Decoded(Base64): k1ll yоurself
            Decoded(Base64): kill yourself
        "#]],
    );
}

#[test]
fn what_a_limit_leaves_encoded_is_said() {
    let nested = "%25256b%252569ll";
    let decoded_fully = |limits: &Limits| Content::with_limits(nested, limits).unwrap().decoded_fully();
    assert!(decoded_fully(&Limits::default()));
    assert!(!decoded_fully(&Limits { max_decode_depth: 2, ..Limits::default() }));
    assert!(!decoded_fully(&Limits { max_decoded_bytes: 20, ..Limits::default() }));
    assert!(
        Content::with_limits("nothing encoded", &Limits { max_decode_depth: 0, ..Limits::default() })
            .unwrap()
            .decoded_fully()
    );
}
