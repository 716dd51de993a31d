//! ROUGE: how much of a reference a summary says.

use std::collections::HashMap;

/// F1 of one summary, each `0.0..=1.0`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rouge {
    /// Words in common.
    pub one: f64,
    /// Pairs of neighbouring words in common.
    pub two: f64,
    /// The longest common subsequence of words, the whole summary taken for one sequence.
    pub l: f64,
}

impl Rouge {
    /// The three, in this order.
    #[must_use]
    pub fn figures(self) -> [f64; 3] {
        [self.one, self.two, self.l]
    }
}

/// The words of a text as ROUGE counts them: what is between characters that are neither letters nor digits, in lower
/// case, stop words included, not stemmed.
///
/// Google's package `rouge-score` (without stemming) does the same, except that it takes a letter outside a to z for a gap,
/// which would break German words.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    lower
        .split(|char: char| !char.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A text whose words are counted, to be compared many times.
pub struct Counted {
    words: Vec<u32>,
    one: HashMap<u32, usize>,
    two: HashMap<(u32, u32), usize>,
}

/// Numbers for words: the same word has the same number.
#[derive(Default)]
pub struct Lexicon(HashMap<String, u32>);

impl Lexicon {
    /// Counts the words of `text`.
    #[must_use]
    pub fn count(&mut self, text: &str) -> Counted {
        let number = |word: String| {
            let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
            *self.0.entry(word).or_insert(next)
        };
        Counted::of(words(text).into_iter().map(number).collect())
    }
}

impl Counted {
    fn of(words: Vec<u32>) -> Self {
        let (mut one, mut two) = (HashMap::new(), HashMap::new());
        for &word in &words {
            *one.entry(word).or_default() += 1;
        }
        for &[word, next] in words.array_windows() {
            *two.entry((word, next)).or_default() += 1;
        }
        Self { words, one, two }
    }

    /// Several texts, one after the other.
    #[must_use]
    pub fn joined<'a>(parts: impl Iterator<Item = &'a Self>) -> Self {
        Self::of(parts.flat_map(|part| part.words.iter().copied()).collect())
    }

    /// How many words there are.
    #[must_use]
    pub fn words(&self) -> usize {
        self.words.len()
    }
}

/// ROUGE-1, -2 and -L of `summary`: for each, the best over the references; 0 without any.
///
/// - *Source*: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", sections 2 and 3.1, F1 (β = 1).
#[must_use]
pub fn rouge(summary: &Counted, references: &[Counted]) -> Rouge {
    let mut best = Rouge::default();
    for reference in references {
        let (ours, theirs) = (summary.words(), reference.words());
        let one = f1(shared(&summary.one, &reference.one), ours, theirs);
        let pairs = |words: usize| words.saturating_sub(1);
        let two = f1(shared(&summary.two, &reference.two), pairs(ours), pairs(theirs));
        let l = f1(common_subsequence(&summary.words, &reference.words), ours, theirs);
        best = Rouge { one: best.one.max(one), two: best.two.max(two), l: best.l.max(l) };
    }
    best
}

/// How many are in both, each as often as in the one that has it less often.
fn shared<K: std::hash::Hash + Eq>(one: &HashMap<K, usize>, other: &HashMap<K, usize>) -> usize {
    one.iter().map(|(key, &count)| count.min(other.get(key).copied().unwrap_or_default())).sum()
}

/// The length of the longest common subsequence.
fn common_subsequence(one: &[u32], other: &[u32]) -> usize {
    let mut row = vec![0_usize; other.len() + 1];
    for word in one {
        let mut diagonal = 0;
        let mut left = 0;
        for (cell, candidate) in row.iter_mut().skip(1).zip(other) {
            let above = *cell;
            *cell = if word == candidate { diagonal + 1 } else { above.max(left) };
            diagonal = above;
            left = *cell;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are below 2^52")]
fn f1(shared: usize, ours: usize, theirs: usize) -> f64 {
    if shared == 0 { 0.0 } else { 2.0 * shared as f64 / (ours + theirs) as f64 }
}

#[cfg(test)]
mod tests {
    use super::{Lexicon, rouge, words};

    fn check(summary: &str, references: &[&str], golden: [f64; 3]) {
        let mut lexicon = Lexicon::default();
        let references: Vec<_> = references.iter().map(|text| lexicon.count(text)).collect();
        let figures = rouge(&lexicon.count(summary), &references).figures();
        for (figure, golden) in figures.into_iter().zip(golden) {
            assert!((figure - golden).abs() < 1e-6, "{figures:?}, not {golden}");
        }
    }

    #[test]
    fn figures_are_those_of_the_package_rouge_score() {
        // `rouge-score` 0.1.2, `use_stemmer=False`, `score_multi`.
        check(
            "The cat sat on the mat.",
            &["The cat was on the mat."],
            [0.833_333_33, 0.600_000_00, 0.833_333_33],
        );
        check(
            "We propose a new method for training networks; it is 3.5 times faster than others.",
            &[
                "A faster method to train networks is proposed.",
                "We propose a method for training networks that is 3.5 times faster.",
            ],
            [0.827_586_21, 0.666_666_67, 0.827_586_21],
        );
        check(
            "the the the cat cat",
            &["the cat the dog", "a cat and the the mouse"],
            [0.666_666_67, 0.285_714_29, 0.444_444_44],
        );
        check(
            "Police killed the gunman. The gunman was killed by police, they said in state-of-the-art reports (2004).",
            &["The gunman police killed was, in reports of 2004, killed by police. State of the art!"],
            [0.857_142_86, 0.424_242_42, 0.571_428_57],
        );
    }

    #[test]
    fn german_words_stay_whole() {
        assert_eq!(words("Süße Äpfel, 3,5 kg – GRÖSSER!"), ["süße", "äpfel", "3", "5", "kg", "grösser"]);
    }

    #[test]
    fn nothing_in_common_is_nothing_and_no_words_are_no_fault() {
        check("one two", &["three four"], [0.0; 3]);
        check("", &["three four"], [0.0; 3]);
        check("one", &[], [0.0; 3]);
    }
}
