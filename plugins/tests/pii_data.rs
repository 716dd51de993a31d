//! How much personal data is found, of each kind, and how much of ordinary text is left alone.
//!
//! The data lies beside the project. Its personal data is made up by the vendor whose analyzer we stand in for.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::GzDecoder;
use plugins::pii::{Kind, find};
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    text: String,
    #[serde(default)]
    meta: Meta,
}

#[derive(Default, Deserialize)]
struct Meta {
    /// *Units*: code points.
    #[serde(default)]
    spans: Vec<(String, usize, usize)>,
}

fn rows(source: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../shared/data/{source}.jsonl.gz"));
    let Ok(file) = File::open(path) else {
        println!("SKIPPED: {source} is not beside the project");
        return Vec::new();
    };
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines.map(|line| serde_json::from_str(&line.expect("a line")).expect("a row")).collect()
}

fn kind(label: &str) -> Option<Kind> {
    Some(match label {
        "EMAIL_ADDRESS" => Kind::Email,
        "CREDIT_CARD" => Kind::Card,
        "IBAN_CODE" => Kind::Iban,
        "IP_ADDRESS" => Kind::Ip,
        "PHONE_NUMBER" => Kind::Phone,
        "US_SSN" => Kind::UsSsn,
        _ => return None,
    })
}

/// Data that are there, those of them that are found, and those that are found where none of their kind is.
#[derive(Default)]
struct Counts {
    there: u32,
    found: u32,
    wrong: u32,
}

#[test]
fn what_has_a_form_is_found_and_little_else_is_taken_for_it() {
    let mut counts: BTreeMap<Kind, Counts> = BTreeMap::new();
    let mut missed = Vec::new();
    for Row { text, meta } in rows("presidio_synth_v2") {
        let found = find(&text);
        let place = |at: usize| text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
        let spans = meta
            .spans
            .iter()
            .filter_map(|(label, start, end)| Some((kind(label)?, place(*start)..place(*end))));
        let spans: Vec<_> = spans.collect();
        let overlap = |(kind, range): &(Kind, std::ops::Range<usize>), datum: &plugins::pii::Datum| {
            *kind == datum.kind && range.start < datum.range.end && datum.range.start < range.end
        };
        for span in &spans {
            let counted = counts.entry(span.0).or_default();
            counted.there += 1;
            let hit = found.iter().any(|datum| overlap(span, datum));
            counted.found += u32::from(hit);
            if !hit {
                missed.push((span.0, text[span.1.clone()].to_owned()));
            }
        }
        for datum in &found {
            let right = spans.iter().any(|span| overlap(span, datum));
            counts.entry(datum.kind).or_default().wrong += u32::from(!right);
        }
    }
    for (kind, Counts { there, found, wrong }) in &counts {
        println!("{kind:?}: {found} of {there} found, {wrong} wrong");
        let least = if *kind == Kind::Phone { 0.6 } else { 0.95 };
        assert!(f64::from(*found) >= least * f64::from(*there), "{kind:?} {missed:?}");
        assert!(*wrong <= 2 + there / 10, "{kind:?}");
    }
    println!("missed: {missed:?}");
}

#[test]
fn ordinary_text_is_left_alone() {
    for source in ["clinc150_queries", "banking77_queries", "wikipedia_en_recent", "wikipedia_de_paragraphs"]
    {
        let rows = rows(source);
        let with: Vec<_> = rows.iter().map(|row| find(&row.text)).filter(|found| !found.is_empty()).collect();
        let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
        for datum in with.iter().flatten() {
            *kinds.entry(datum.kind).or_default() += 1;
        }
        println!("{source}: {} of {} texts, {kinds:?}", with.len(), rows.len());
        assert!(with.len() * 200 <= rows.len(), "more than one text in 200 of {source}: {kinds:?}");
    }
}
