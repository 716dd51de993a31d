//! The battery: documents, attacks to put into them, and sentences that only look like attacks.

use std::collections::HashMap;

use serde::Deserialize;

/// A document with something put into it.
pub(crate) struct Attacked {
    pub(crate) id: String,
    pub(crate) family: String,
    /// The document that is to be left, with single spaces.
    pub(crate) clean: String,
    /// The document with what was put into it.
    pub(crate) text: String,
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
        /// `paragraph` stands between blank lines.
        r#where: String,
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
    let mut documents = HashMap::new();
    for line in lines {
        if let Line::Document { id, sentences, .. } = line {
            documents.insert(id.as_str(), sentences.as_slice());
        }
    }
    documents
}

/// A document's sentences with others before the one at `at`, between `apart`.
fn put_in(document: &[String], at: usize, others: &[String], apart: &str) -> String {
    let (before, behind) = (document[..at].join(" "), document[at..].join(" "));
    let parts = [before, others.join(" "), behind];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(apart)
}

/// The attacks, each in its document.
pub(crate) fn attacked() -> Vec<Attacked> {
    let lines = lines();
    let documents = documents(&lines);
    let attacked = lines.iter().filter_map(|line| {
        let Line::Attack { id, family, r#where, document, at, attack, after, .. } = line else { return None };
        let document = documents[document.as_str()];
        let clean = document.join(" ");
        let text = if let Some(after) = after {
            let place = clean.find(after).expect("it is there") + after.len();
            format!("{}{}{}", &clean[..place], attack.concat(), &clean[place..])
        } else {
            put_in(document, *at, attack, if r#where == "paragraph" { "\n\n" } else { " " })
        };
        Some(Attacked { id: id.clone(), family: family.clone(), clean, text })
    });
    attacked.collect()
}

/// What only looks like attacks, each in its document, where it is to stay.
pub(crate) fn harmless() -> Vec<Attacked> {
    let lines = lines();
    let documents = documents(&lines);
    let harmless = lines.iter().filter_map(|line| {
        let Line::Benign { id, document, at, text, .. } = line else { return None };
        let text = put_in(documents[document.as_str()], *at, text, " ");
        Some(Attacked { id: id.clone(), family: "none".to_owned(), clean: text.clone(), text })
    });
    harmless.collect()
}
