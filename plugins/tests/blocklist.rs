//! `blocklist`: what its terms and patterns match, and what they do not.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

use expect_test::{Expect, expect};
use plugins::Blocklist;
use policies::{Content, Evidence, ListSpec};

fn list(terms: &[&str], patterns: &[&str]) -> ListSpec {
    let text =
        format!("name = 'l'\ncategory = 'hate'\nseverity = 4\nterms = {terms:?}\npatterns = {patterns:?}");
    toml::from_str(&text).expect("a list")
}

/// What of `text` matches, in order of discovery.
fn check(list: &ListSpec, text: &str, expected: &Expect) {
    let blocklist = Blocklist::new(&[list]).expect("it compiles");
    let content = Content::new(text).expect("content");
    let found: Vec<String> = blocklist
        .search(&content)
        .iter()
        .flat_map(|finding| &finding.evidence)
        .map(|evidence| match evidence {
            Evidence::Listed { item, span, .. } => format!("{item}: {}", &text[span.start..span.end]),
            other => panic!("{other:?}"),
        })
        .collect();
    expected.assert_eq(&found.join("\n"));
}

#[test]
fn words_match_whole_in_any_case() {
    let list = list(&["frob"], &[]);
    check(&list, "You FROB!", &expect!["frob: FROB"]);
    check(&list, "frobnicate, unfrob, frobs", &expect![""]);
    check(
        &list,
        "(frob) frob-er _frob_",
        &expect![[r"
        frob: frob
        frob: frob
        frob: frob"]],
    );
}

#[test]
fn phrases_match_across_any_white_space() {
    let list = list(&["go away"], &[]);
    check(&list, "please go\n\t away now", &expect!["go away: go\n\t away"]);
    check(&list, "go far away", &expect![""]);
}

#[test]
fn german_words_match_in_either_composition_and_case() {
    let list = list(&["blödmann", "STRASSE"], &[]);
    check(&list, "Du BLÖDMANN", &expect!["blödmann: BLÖDMANN"]);
    check(&list, "Du Blo\u{308}dmann", &expect!["blödmann: Blo\u{308}dmann"]);
    check(&list, "Blödmannsgehilfe", &expect![""]);
}

#[test]
fn a_disguised_word_is_found_where_it_stands() {
    let list = list(&["frobnicator"], &[]);
    check(&list, "you fr0bn1cat0r you", &expect!["frobnicator: fr0bn1cat0r"]);
    check(&list, "you frob\u{200b}nicator you", &expect!["frobnicator: frob\u{200b}nicator"]);
    check(&list, "you fr\u{43e}bnic\u{430}tor you", &expect!["frobnicator: frоbnicаtor"]);
    check(&list, "you f r o b n i c a t o r you", &expect!["frobnicator: f r o b n i c a t o r"]);
}

#[test]
fn scripts_without_spaces_need_no_boundaries() {
    check(&list(&["笨蛋"], &[]), "你是笨蛋吗", &expect!["笨蛋: 笨蛋"]);
}

#[test]
fn patterns_match_in_any_case_and_bad_ones_are_refused_by_name() {
    check(&list(&[], &[r"\bbuy\s+\d+"]), "BUY  100 now", &expect![r"\bbuy\s+\d+: BUY  100"]);
    let refusal = Blocklist::new(&[&list(&[], &["(unclosed"])]).err().expect("it is refused");
    assert!(refusal.starts_with("blocklist `l`, pattern `(unclosed`:"), "{refusal}");
    let refusal = Blocklist::new(&[&list(&[], &["(a{1000}){1000}"])]).err().expect("it is refused");
    assert!(refusal.contains("size limit"), "{refusal}");
}

#[test]
fn a_list_without_items_in_the_text_finds_nothing() {
    let blocklist = Blocklist::new(&[&list(&["frob"], &[])]).expect("it compiles");
    assert!(blocklist.search(&Content::new("all is well").expect("content")).is_empty());
}

#[test]
fn a_hundred_thousand_terms_are_one_automaton() {
    let terms: Vec<String> = (0..100_000).map(|n| format!("term{n}x")).collect();
    let terms: Vec<&str> = terms.iter().map(String::as_str).collect();
    let list = list(&terms, &[]);
    check(&list, "nothing but Term99999X here", &expect!["term99999x: Term99999X"]);
    check(&list, "term99999", &expect![""]);
}
