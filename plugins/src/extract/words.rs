//! The words of sentences, counted over all of them.

use std::collections::HashMap;

use indexes::{BM25_B, BM25_K1, Terms};

use super::{Focus, Item};

/// The words of some sentences.
pub(super) struct Words {
    sentences: Vec<Terms>,
    /// By term: how often it occurs, in how many sentences.
    counted: HashMap<u32, (f32, f32)>,
}

impl Words {
    pub(super) fn of(items: &[Item<'_>], language: Option<&str>) -> Self {
        let sentences: Vec<Terms> = items.iter().map(|item| Terms::of(item.text, language)).collect();
        let mut counted: HashMap<u32, (f32, f32)> = HashMap::new();
        for (term, count) in sentences.iter().flat_map(Terms::iter) {
            let (times, with) = counted.entry(term).or_default();
            *times += f32::from(count);
            *with += 1.0;
        }
        Self { sentences, counted }
    }

    /// For each sentence: how common its words are in the mean, and in sum over those that occur elsewhere too. Logarithms.
    ///
    /// *Source*: the mean after `SumBasic`, Nenkova & Vanderwende 2005, section 2.
    pub(super) fn common(&self) -> (Vec<f32>, Vec<f32>) {
        let of = |terms: &Terms| {
            let times = |term| self.counted.get(&term).map_or(1.0, |&(times, _)| times);
            let (mut mean, mut sum) = (0.0, 0.0);
            for (term, _) in terms.iter() {
                mean += times(term).ln_1p();
                sum += times(term).ln();
            }
            #[expect(clippy::cast_precision_loss, reason = "a sentence has a bounded number of words")]
            let distinct = terms.iter().len().max(1) as f32;
            (mean / distinct, sum)
        };
        self.sentences.iter().map(of).unzip()
    }

    /// BM25 of each sentence for the question, the sentences taken for the collection.
    #[expect(clippy::cast_precision_loss, reason = "counts below 2^24")]
    pub(super) fn answering(&self, focus: &Focus<'_>, language: Option<&str>) -> Vec<f32> {
        let asked = Terms::of(focus.text, language);
        let sentences = self.sentences.len() as f32;
        let words: f32 = self.sentences.iter().map(|terms| terms.words() as f32).sum();
        let ordinary = (words / sentences).max(1.0);
        let told = |term| {
            let with = self.counted.get(&term).map_or(0.0, |&(_, with)| with);
            (1.0 + (sentences - with + 0.5) / (with + 0.5)).ln()
        };
        let asked: Vec<(u32, f32)> = asked.iter().map(|(term, _)| (term, told(term))).collect();
        let of = |terms: &Terms| {
            let norm = BM25_K1 * (1.0 - BM25_B + BM25_B * terms.words() as f32 / ordinary);
            let weight = |count: f32| count * (BM25_K1 + 1.0) / (count + norm);
            asked.iter().map(|&(term, told)| told * weight(f32::from(terms.count(term)))).sum()
        };
        self.sentences.iter().map(of).collect()
    }
}
