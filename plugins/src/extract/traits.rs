//! What is known of each sentence.

use unicode_segmentation::UnicodeSegmentation;

use super::words::Words;
use super::{Focus, Item, TRAITS, dot};

/// Documents of fewer sentences are short, by degrees: an abstract opens with what is known, an article with what matters.
const LONG: f32 = 30.0;
/// Words beyond which a sentence does not count as longer.
const LONG_SENTENCE: usize = 60;
/// Words below which it is a fragment.
const FRAGMENT: usize = 5;
/// Sentences on either side whose nearness to the question counts: an answer often stands beside the words asked for.
const BESIDE: usize = 8;

/// Phrases that announce what matters. *Source*: the cue method, Edmundson 1969, section 3.
const CUES: &[&str] = &[
    "we propose",
    "we present",
    "we introduce",
    "we show",
    "we demonstrate",
    "we develop",
    "we study",
    "we describe",
    "we find",
    "we provide",
    "we investigate",
    "we prove",
    "we explore",
    "we design",
    "we argue",
    "we derive",
    "we analyze",
    "we use",
    "we apply",
    "we learn",
    "we address",
    "this paper",
    "this work",
    "this article",
    "our method",
    "our approach",
    "our model",
    "our results",
    "our experiments",
    "our work",
    "our main",
    "our proposed",
    "our framework",
    "in summary",
    "in conclusion",
    "to conclude",
    "overall",
    "in short",
    "zusammenfassend",
    "insgesamt",
    "im ergebnis",
    "fazit",
    "wir zeigen",
    "wir stellen",
    "wir schlagen",
    "wir untersuchen",
    "diese arbeit",
    "dieser arbeit",
];

/// A row for each sentence.
pub(super) struct Traits {
    rows: Vec<[f32; TRAITS]>,
}

impl Traits {
    /// In this order, *z* for what has mean 0 and variance 1 over the items:
    /// nearness to the centroid (z) · commonness of the words, mean (z), sum (z) · length (z) · place in a long document, in a
    /// short one · share of the document before it · first · fragment · question · cue · no end mark, or a heading ·
    /// nearness to the question by meaning (z), by words (z) · the same of those beside it, both (z).
    pub(super) fn of(items: &[Item<'_>], focus: Option<&Focus<'_>>, language: Option<&str>) -> Self {
        let words = Words::of(items, language);
        let (mean, sum) = words.common();
        let lengths = items.iter().map(|item| length(item.text)).collect();
        let (meaning, by_words) = focus.map_or_else(
            || (vec![0.0; items.len()], vec![0.0; items.len()]),
            |focus| {
                let meaning = items.iter().map(|item| dot(&item.vector, &focus.vector)).collect();
                (meaning, words.answering(focus, language))
            },
        );
        let beside = standard(beside(items, &meaning)).into_iter().zip(standard(beside(items, &by_words)));
        let columns = [central(items), mean, sum, lengths, meaning, by_words].map(standard);
        let [central, mean, sum, lengths, meaning, by_words] = &columns;
        let at = |column: &Vec<f32>, row: usize| column.get(row).copied().unwrap_or_default();
        let sizes = sizes(items);
        let rows = items.iter().zip(sizes).zip(beside).enumerate();
        let rows = rows.map(|(row, ((item, size), (meaning_beside, words_beside)))| {
            let [in_long, in_short, before, first] = place(item.position, size);
            let [fragment, question, cue, open] = form(item);
            [
                at(central, row),
                at(mean, row),
                at(sum, row),
                at(lengths, row),
                in_long,
                in_short,
                before,
                first,
                fragment,
                question,
                cue,
                open,
                at(meaning, row),
                at(by_words, row),
                meaning_beside + words_beside,
            ]
        });
        Self { rows: rows.collect() }
    }

    pub(super) fn rows(&self) -> &[[f32; TRAITS]] {
        &self.rows
    }
}

/// Nearness to the mean of all.
fn central(items: &[Item<'_>]) -> Vec<f32> {
    let mut centroid = vec![0.0; items.first().map_or(0, |item| item.vector.len())];
    for item in items {
        centroid.iter_mut().zip(item.vector.iter()).for_each(|(sum, part)| *sum += part);
    }
    items.iter().map(|item| dot(&item.vector, &centroid)).collect()
}

/// The logarithm of the number of words.
fn length(text: &str) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "at most 60")]
    let words = text.unicode_words().take(LONG_SENTENCE).count() as f32;
    words.ln_1p()
}

/// For each item, the sentences of its document.
fn sizes(items: &[Item<'_>]) -> Vec<usize> {
    let same = |one: &Item<'_>, other: &Item<'_>| one.document == other.document;
    let documents = items.chunk_by(same);
    let sized = documents.flat_map(|document| {
        let size = document.iter().map(|item| item.position).max().map_or(0, |last| last + 1);
        std::iter::repeat_n(size, document.len())
    });
    sized.collect()
}

/// How far in front it stands, in a long and in a short document; the share before it; whether it is the first.
#[expect(clippy::cast_precision_loss, reason = "places are below 2^24")]
fn place(position: usize, size: usize) -> [f32; 4] {
    let long = (size as f32 / LONG).min(1.0);
    let front = 1.0 / (1.0 + position as f32).sqrt();
    let before = position as f32 / size.saturating_sub(1).max(1) as f32;
    [front * long, front * (1.0 - long), before, f32::from(u8::from(position == 0))]
}

/// Whether it is a fragment, a question, announces what matters, and has no end.
fn form(item: &Item<'_>) -> [f32; 4] {
    let fragment = item.text.unicode_words().take(FRAGMENT).count() < FRAGMENT;
    let end = item.text.trim_end_matches(['"', '”', '“', '’', '\'', ')', '»', '«']);
    let lower = item.text.to_lowercase();
    let cue = CUES.iter().any(|cue| lower.contains(cue));
    let open = item.heading || !end.ends_with(['.', '!', '?', '…', ':']);
    [fragment, end.ends_with('?'), cue, open].map(|is| f32::from(u8::from(is)))
}

/// The mean over an item and those of its document within [`BESIDE`].
#[expect(clippy::cast_precision_loss, reason = "at most 17")]
fn beside(items: &[Item<'_>], values: &[f32]) -> Vec<f32> {
    let mut means = Vec::with_capacity(values.len());
    let mut start = 0;
    for document in items.chunk_by(|one, other| one.document == other.document) {
        let of = values.get(start..start + document.len()).unwrap_or_default();
        for place in 0..of.len() {
            let near =
                of.get(place.saturating_sub(BESIDE)..(place + BESIDE + 1).min(of.len())).unwrap_or_default();
            means.push(near.iter().sum::<f32>() / near.len().max(1) as f32);
        }
        start += document.len();
    }
    means
}

/// With mean 0 and variance 1; all 0 where all are the same.
#[expect(clippy::cast_precision_loss, reason = "counts below 2^24")]
fn standard(mut values: Vec<f32>) -> Vec<f32> {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt();
    for value in &mut values {
        *value = if deviation > 1e-6 { (*value - mean) / deviation } else { 0.0 };
    }
    values
}
