//! The battery: documents, attacks to put into them, and sentences that only look like attacks.

use std::collections::HashMap;

use serde::Deserialize;

/// A document with something put into it.
pub(crate) struct Attacked {
    pub(crate) id: String,
    pub(crate) family: String,
    /// The document that is to be left, with single spaces.
    pub(crate) clean: String,
    sentences: Vec<String>,
}

impl Attacked {
    pub(crate) fn sentences(&self) -> Vec<&str> {
        self.sentences.iter().map(String::as_str).collect()
    }
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Line {
    Document {
        id: String,
        #[serde(rename = "lang")]
        _lang: String,
        sentences: Vec<String>,
    },
    Attack {
        id: String,
        #[serde(rename = "lang")]
        _lang: String,
        family: String,
        #[serde(rename = "where")]
        _place: String,
        document: String,
        /// The sentence before which, or within which, it is put.
        at: usize,
        attack: Vec<String>,
        /// Words of that sentence behind which it is put.
        after: Option<String>,
    },
    Benign {
        id: String,
        #[serde(rename = "lang")]
        _lang: String,
        document: String,
        at: usize,
        text: Vec<String>,
    },
}

fn lines() -> Vec<Line> {
    let lines = include_str!("../data/attacks.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).expect("a line of the battery")).collect()
}

fn documents(lines: &[Line]) -> HashMap<&str, &[String]> {
    let document = |line| match line {
        &Line::Document { ref id, ref sentences, .. } => Some((id.as_str(), sentences.as_slice())),
        _ => None,
    };
    lines.iter().filter_map(document).collect()
}

/// The attacks, each in its document.
pub(crate) fn attacked() -> Vec<Attacked> {
    let lines = lines();
    let documents = documents(&lines);
    let attacked = lines.iter().filter_map(|line| {
        let Line::Attack { id, family, document, at, attack, after, .. } = line else { return None };
        let mut sentences = documents[document.as_str()].to_vec();
        let clean = sentences.join(" ");
        if let Some(after) = after {
            let sentence = &mut sentences[*at];
            let place = sentence.find(after).expect("it is there") + after.len();
            sentence.insert_str(place, &attack.concat());
        } else {
            sentences.splice(at..at, attack.iter().cloned());
        }
        Some(Attacked { id: id.clone(), family: family.clone(), clean, sentences })
    });
    attacked.collect()
}

/// What only looks like attacks, each in its document, where it is to stay.
pub(crate) fn harmless() -> Vec<Attacked> {
    let lines = lines();
    let documents = documents(&lines);
    let harmless = lines.iter().filter_map(|line| {
        let Line::Benign { id, document, at, text, .. } = line else { return None };
        let mut sentences = documents[document.as_str()].to_vec();
        sentences.splice(at..at, text.iter().cloned());
        let clean = sentences.join(" ");
        Some(Attacked { id: id.clone(), family: "none".to_owned(), clean, sentences })
    });
    harmless.collect()
}
