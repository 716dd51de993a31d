//! How much of real attacks is found, and how much of real text is left alone.
//!
//! The data lies beside the project. Patterns were written with an eye on the half of each set in which the hash of a
//! row's id is even; figures and bounds here are those of the other half.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use plugins::{sentences, shield::attacks};
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
struct Row {
    id: String,
    text: String,
    lang: String,
    labels: std::collections::HashMap<String, u8>,
}

/// Sentences of a text, and those found to be attacks.
struct Counts {
    sentences: usize,
    found: usize,
}

fn data(source: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../shared/data/{source}.jsonl.gz"));
    if !path.exists() {
        println!("SKIPPED: {source} is not beside the project");
    }
    path.exists().then_some(path)
}

/// The rows that no pattern was written for, among the first `most`.
fn held_out(path: &Path, most: usize) -> Vec<Row> {
    let lines = BufReader::new(GzDecoder::new(File::open(path).expect("the data"))).lines();
    let rows = lines.take(most).map(|line| serde_json::from_str(&line.expect("a line")).expect("a row"));
    rows.filter(|row: &Row| Sha256::digest(&row.id)[0] % 2 == 1).collect()
}

fn count(row: &Row) -> Counts {
    let ranges = sentences(&row.text, None);
    let cut: Vec<&str> = ranges.into_iter().map(|range| &row.text[range]).collect();
    Counts { sentences: cut.len(), found: attacks(&cut, None).iter().flatten().count() }
}

/// Sentences that are taken out of real text, per thousand, and how many there are.
fn mistaken(source: &str, most: usize) -> Option<(f64, usize)> {
    let path = data(source)?;
    let (mut all, mut found) = (0, 0);
    for row in held_out(&path, most) {
        let counts = count(&row);
        all += counts.sentences;
        found += counts.found;
    }
    let rate =
        1000.0 * f64::from(u32::try_from(found).expect("few")) / f64::from(u32::try_from(all).expect("few"));
    println!("{source}: {found} of {all} sentences, {rate:.3} per thousand");
    Some((rate, all))
}

/// The share of attacked texts, in `language` if given, in which an attack is found.
fn recall(source: &str, language: Option<&str>) -> Option<f64> {
    let path = data(source)?;
    let (mut all, mut found) = (0_u32, 0_u32);
    for row in held_out(&path, usize::MAX) {
        let is_asked = language.is_none_or(|language| row.lang == language);
        if is_asked && row.labels.get("jailbreak") == Some(&1) {
            all += 1;
            found += u32::from(count(&row).found > 0);
        }
    }
    println!("{source}: {found} of {all} attacked texts");
    Some(f64::from(found) / f64::from(all))
}

const REAL: [(&str, usize); 5] = [
    ("wikipedia_en_recent", 300),
    ("wikipedia_de_paragraphs", 1000),
    ("dolly_1000", 400),
    ("klexikon_train", 40),
    ("scitldr_dev", 400),
];

#[test]
fn of_a_thousand_sentences_of_real_text_less_than_one_is_taken_for_an_attack() {
    for (source, most) in REAL {
        if let Some((rate, sentences)) = mistaken(source, most) {
            assert!(sentences > 500, "{source} is large enough to say");
            assert!(rate < 1.0, "{source}");
        }
    }
}

#[test]
#[ignore = "a minute or two: all rows, for the figures of the README"]
fn of_all_sentences_too() {
    for (source, _) in REAL {
        assert!(mistaken(source, usize::MAX).is_none_or(|(rate, _)| rate < 1.0), "{source}");
    }
}

#[test]
fn real_attacks_are_found_where_they_are_worded_as_orders_to_a_model() {
    // What is not found: tasks and questions without a word to the model ("How do solar panels work?"), and other languages.
    for (source, language, least) in [
        ("bipia_email_train", None, 0.5),
        ("jailbreak_in_the_wild", None, 0.5),
        ("cyberseceval_prompt_injection", None, 0.25),
        ("cyberseceval_prompt_injection_ml", Some("de"), 0.2),
    ] {
        assert!(recall(source, language).is_none_or(|recall| recall >= least), "{source}");
    }
}
