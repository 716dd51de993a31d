//! Words of a text as numbers, and what they weigh.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::{collections::HashSet, fmt};

use qdrant_rust_stemmers::{Algorithm, Stemmer};
use unicode_segmentation::UnicodeSegmentation;

/// BM25's `k1`: how soon more of the same word stops to count.
///
/// *Source*: Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework", section 3.
pub const BM25_K1: f32 = 1.2;
/// BM25's `b`: how much a long text has to say more often what a short one says once. *Source*: as [`BM25_K1`].
pub const BM25_B: f32 = 0.75;
/// The length BM25 takes for an ordinary one, in words that are no stop words.
///
/// It is stated, not measured: a weight must be known when a row is written, and must not change with the rows
/// around it. Messages lie well below it, passages of documents somewhat above.
pub const BM25_AVERAGE_WORDS: f32 = 64.0;

/// The words of a text, counted: what the sparse side of an index knows of it.
///
/// Every engine gets the same numbers. Words are Unicode's (UAX #29), in lower case; in German and English, stop
/// words are left out and the others stemmed (Snowball). Of another or an unknown language, words stay as they are.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// By term, ascending; no count is 0.
    counts: Box<[(u32, u16)]>,
    words: u32,
}

impl Terms {
    /// The words of `text`, which is of `language` (ISO 639-1).
    ///
    /// The text should be normalized first: only then do disguised spellings meet the plain one.
    #[must_use]
    pub fn of(text: &str, language: Option<&str>) -> Self {
        let grammar = language.and_then(|code| GRAMMARS.iter().find(|grammar| grammar.code == code));
        let mut counts: BTreeMap<u32, u16> = BTreeMap::new();
        let mut words = 0_u32;
        for word in text.unicode_words() {
            let word = word.to_lowercase();
            let term = match grammar {
                Some(grammar) if grammar.stop_words.contains(word.as_str()) => continue,
                Some(grammar) => number(&grammar.stemmer.stem(&word)),
                None => number(&word),
            };
            words = words.saturating_add(1);
            let count = counts.entry(term).or_default();
            *count = count.saturating_add(1);
        }
        Self { counts: counts.into_iter().collect(), words }
    }

    /// The words of a question in every form that a row may have them in: a few words do not say what language they are
    /// of, and rows have theirs. What is a stop word in one language is only sought in the other.
    #[must_use]
    pub fn sought(text: &str) -> Self {
        let mut counts: BTreeMap<u32, u16> = BTreeMap::new();
        for word in text.unicode_words().map(str::to_lowercase) {
            let telling = || GRAMMARS.iter().filter(|grammar| !grammar.stop_words.contains(word.as_str()));
            if telling().count() == GRAMMARS.len() {
                counts.insert(number(&word), 1);
            }
            counts.extend(telling().map(|grammar| (number(&grammar.stemmer.stem(&word)), 1)));
        }
        let words = u32::try_from(counts.len()).unwrap_or(u32::MAX);
        Self { counts: counts.into_iter().collect(), words }
    }

    /// From what [`Terms::iter`] and [`Terms::words`] gave; `None` if they never gave that.
    pub(crate) fn from_counts(counts: Vec<(u32, u16)>, words: u32) -> Option<Self> {
        let sorted = counts.array_windows().all(|[(a, _), (b, _)]| a < b);
        let counted: u64 = counts.iter().map(|(_, count)| u64::from(*count)).sum();
        let whole = sorted && counted <= u64::from(words) && counts.iter().all(|(_, count)| *count > 0);
        whole.then(|| Self { counts: counts.into(), words })
    }

    /// Whether there is no word in it: such a row is not found by words, such a query finds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// How many words there are, repeated ones counted each time.
    #[must_use]
    pub fn words(&self) -> u32 {
        self.words
    }

    /// Each term once, ascending, and how often it occurs.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, u16)> {
        self.counts.iter().copied()
    }

    /// How often a term occurs.
    #[must_use]
    pub fn count(&self, term: u32) -> u16 {
        let found = self.counts.binary_search_by_key(&term, |(term, _)| *term);
        found.ok().and_then(|place| self.counts.get(place)).map_or(0, |(_, count)| *count)
    }
}

impl fmt::Debug for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Terms({} of {} words)", self.counts.len(), self.words)
    }
}

/// A term's number. Terms that collide are taken for one: among a million distinct ones, about a hundred pairs.
fn number(term: &str) -> u32 {
    crc32fast::hash(term.as_bytes())
}

/// What a text's length does to its weights; goes into [`weight`].
#[must_use]
pub(crate) fn norm(words: u32) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a text of 2^24 words is as long as one of 2^24 + 1")]
    let words = words as f32;
    BM25_K1 * (1.0 - BM25_B + BM25_B * words / BM25_AVERAGE_WORDS)
}

/// What a term weighs that occurs `count` times in a text with this [`norm`].
#[must_use]
pub(crate) fn weight(count: u16, norm: f32) -> f32 {
    let count = f32::from(count);
    count * (BM25_K1 + 1.0) / (count + norm)
}

/// How much a term tells that `with` of `rows` rows have.
///
/// *Source*: Robertson & Zaragoza 2009, section 3.3, with 1 added under the logarithm, as Qdrant's modifier `idf`
/// does, so that a term in most rows tells little, never less than nothing.
#[must_use]
pub(crate) fn idf(rows: usize, with: usize) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "beyond 2^24 rows one more or less changes nothing")]
    let (rows, with) = (rows as f32, with as f32);
    ((rows - with + 0.5) / (with + 0.5) + 1.0).ln()
}

/// How words of a language become terms.
struct Grammar {
    code: &'static str,
    stop_words: HashSet<&'static str>,
    stemmer: Stemmer,
}

static GRAMMARS: LazyLock<[Grammar; 2]> = LazyLock::new(|| {
    [("de", Algorithm::German), ("en", Algorithm::English)].map(|(code, algorithm)| Grammar {
        code,
        stop_words: stop_words::lookup(code).unwrap_or_default().iter().copied().collect(),
        stemmer: Stemmer::create(algorithm),
    })
});

#[cfg(test)]
mod tests {
    use super::{Terms, idf, norm, weight};

    #[test]
    fn inflected_words_of_a_language_are_one_term_and_stop_words_are_none() {
        for (language, one, other) in [
            ("en", "The killers were threatening him", "threaten a killer"),
            ("de", "Die Häuser der Bedrohten", "das Haus, bedrohte"),
            ("de", "ich werde dich schlagen", "Schlagen!"),
        ] {
            let terms = |text| Terms::of(text, Some(language)).iter().collect::<Vec<_>>();
            assert_eq!(terms(one), terms(other), "{one} / {other}");
        }
        assert!(Terms::of("the und", Some("en")).words() == 1);
        assert!(Terms::of("the and", Some("en")).is_empty());
        assert_eq!(Terms::of("the and", None).words(), 2);
    }

    #[test]
    fn a_question_meets_rows_of_any_language() {
        let question = Terms::sought("the houses and Häuser");
        for (text, language) in [
            ("house", Some("en")),
            ("ein Haus", Some("de")),
            ("houses", None),
            ("Häuser", None),
            ("houses", Some("fr")),
        ] {
            let row = Terms::of(text, language);
            assert!(row.iter().any(|(term, _)| question.count(term) > 0), "{text} {language:?}");
        }
        let nothing = Terms::sought("");
        assert!(nothing.is_empty() && nothing.words() == 0);
    }

    #[test]
    fn words_are_those_of_unicode_in_lower_case() {
        let terms = Terms::of("Größer, GRÖSSER größer — can't 3.14 \u{1F600} Привет", None);
        assert_eq!((terms.words(), terms.iter().len()), (6, 5));
        assert_eq!(terms.iter().map(|(_, count)| count).max(), Some(2));
    }

    #[test]
    fn weights_are_those_of_bm25() {
        // By hand: a text of average length, tf 2: 2 * 2.2 / (2 + 1.2).
        assert!((weight(2, norm(64)) - 1.375).abs() < 1e-6);
        // A text without words before it: k1 * (1 - b) = 0.3; tf 1: 2.2 / 1.3.
        assert!((weight(1, norm(0)) - 1.692_307_7).abs() < 1e-6);
        // Half of 10 rows: ln(5.5 / 5.5 + 1).
        assert!((idf(10, 5) - std::f32::consts::LN_2).abs() < 1e-6);
        assert!(idf(10, 10) > 0.0);
    }
}
