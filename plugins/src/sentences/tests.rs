use std::ops::Range;

use proptest::prelude::*;

use super::{LONGEST, sentences};

/// A `‖` stands where a sentence ends, `\n` for a line break.
const ENGLISH: &str = include_str!("gold_en.txt");
const GERMAN: &str = include_str!("gold_de.txt");

fn texts<'a>(text: &'a str, language: Option<&str>) -> Vec<&'a str> {
    sentences(text, language).into_iter().map(|range| &text[range]).collect()
}

/// Every case of `gold` that is cut otherwise.
fn misses(gold: &str, language: Option<&str>) -> Vec<String> {
    let cases = gold.lines().map(|line| line.replace("\\n", "\n"));
    let missed = |case: String| {
        let wanted: Vec<&str> = case.split('‖').map(str::trim).collect();
        let text = case.replace('‖', "");
        let found = texts(&text, language);
        (found != wanted).then(|| format!("{found:#?}"))
    };
    cases.filter_map(missed).collect()
}

fn check_laws(text: &str, ranges: &[Range<usize>]) {
    let mut at = 0;
    for range in ranges {
        assert!(range.start >= at && range.start < range.end, "{ranges:?}");
        assert!(text[at..range.start].trim().is_empty(), "nothing but white space is left out");
        assert_eq!(text[range.clone()].trim(), &text[range.clone()]);
        assert!(range.len() <= LONGEST);
        at = range.end;
    }
    assert!(text[at..].trim().is_empty(), "nothing but white space is left out");
}

#[test]
fn hard_english_cases_are_cut_as_a_reader_would() {
    assert!(ENGLISH.lines().count() >= 60);
    assert_eq!(misses(ENGLISH, Some("en")), Vec::<String>::new());
}

#[test]
fn hard_german_cases_are_cut_as_a_reader_would() {
    assert!(GERMAN.lines().count() >= 60);
    assert_eq!(misses(GERMAN, Some("de")), Vec::<String>::new());
}

#[test]
fn without_a_language_the_text_tells() {
    let text = "Das geschah im 19. Jahrhundert in Deutschland. Danach war alles anders als zuvor.";
    assert_eq!(texts(text, None).len(), 2);
    assert_eq!(texts(text, Some("en")).len(), 3);
}

#[test]
fn a_sentence_without_an_end_is_cut_between_words() {
    let text = "word ".repeat(5_000);
    let found = texts(&text, Some("en"));
    check_laws(&text, &sentences(&text, Some("en")));
    assert!(found.iter().all(|part| part.split(' ').all(|word| word == "word")));
    assert!(found.len() <= 2 * text.len() / LONGEST);
    let text = "中".repeat(5_000);
    check_laws(&text, &sentences(&text, None));
}

#[test]
fn cuts_do_not_depend_on_where_a_piece_ends() {
    let text = "Dr. Smith came at 5 p.m. on Monday. ".repeat(1_000);
    let found = texts(&text, Some("en"));
    assert_eq!(found.len(), 1_000);
    assert!(found.iter().all(|sentence| *sentence == "Dr. Smith came at 5 p.m. on Monday."));
}

#[test]
fn a_megabyte_of_what_is_never_closed_is_cut_like_any_other() {
    for unit in ["“a. ", "(a. ", "a. ", "„", "- a\n", "1. ", "…A ", "usw. Die ", "Fig. 1 "] {
        let text = unit.repeat(1_000_000 / unit.len());
        check_laws(&text, &sentences(&text, Some("de")));
    }
}

proptest! {
    #[test]
    fn any_text_is_covered_by_ranges_that_are_apart(text in any::<String>(), language in "(en|de|fr|ja|ru|xx)?") {
        let language = (!language.is_empty()).then_some(language.as_str());
        check_laws(&text, &sentences(&text, language));
    }

    #[test]
    fn marks_and_breaks_in_any_order_are_covered(
        text in "[.!?…“”„»«()1-3aA usIi\n\r\t‚':;*•#é中。！\u{a0}\u{2028}\u{2029}\u{3000}\u{200b}😀-]{0,300}",
        language in "(en|de|fr|ja)",
    ) {
        check_laws(&text, &sentences(&text, Some(&language)));
    }
}
