//! A sentence as words that can be compared.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

use qdrant_rust_stemmers::{Algorithm, Stemmer};
use unicode_segmentation::UnicodeSegmentation;

use super::wordlists::{is_negation, number_word};

/// Words of one sentence that are looked at; what follows is not read. A sentence has far fewer.
pub(super) const MOST_WORDS: usize = 400;

/// What a word is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It carries meaning.
    Content,
    /// It binds the others together.
    Function,
    /// It counts or dates.
    Number,
    /// It denies.
    Negation,
}

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Where it stands, bytes of the sentence.
    pub range: Range<usize>,
    /// Lower case, without a possessive.
    pub folded: String,
    /// What is compared: the stem, or `#` and the number.
    pub term: String,
    pub role: Role,
    /// Looks like a name: a capital letter where the language asks for none, or a digit among letters.
    pub name: bool,
}

impl Word {
    /// Whether it carries meaning by itself.
    pub(super) fn tells(&self) -> bool {
        matches!(self.role, Role::Content | Role::Number)
    }
}

/// How the words of a language are compared.
pub(super) struct Grammar {
    code: &'static str,
    stop_words: HashSet<&'static str>,
    stemmer: Stemmer,
}

static GRAMMARS: LazyLock<[Grammar; 2]> = LazyLock::new(|| {
    [("en", Algorithm::English), ("de", Algorithm::German)].map(|(code, algorithm)| Grammar {
        code,
        stop_words: stop_words::lookup(code).unwrap_or_default().iter().copied().collect(),
        stemmer: Stemmer::create(algorithm),
    })
});

impl Grammar {
    /// The grammar whose stop words the texts hold more of; English where there is none of either.
    ///
    /// Only the first few thousand words are counted: they tell.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a str>) -> &'static Self {
        let [english, german] = &*GRAMMARS;
        let mut balance = 0_i32;
        for word in texts.flat_map(str::unicode_words).take(4_000).map(str::to_lowercase) {
            let word = word.as_str();
            balance += i32::from(german.stop_words.contains(word));
            balance -= i32::from(english.stop_words.contains(word));
        }
        if balance > 0 { german } else { english }
    }

    /// The words of a sentence, at most [`MOST_WORDS`].
    pub(super) fn read(&self, text: &str, stems: &mut Stems) -> Vec<Word> {
        let words = text.unicode_word_indices().take(MOST_WORDS).enumerate();
        words
            .map(|(place, (at, word))| Word { range: at..at + word.len(), ..self.word(place, word, stems) })
            .collect()
    }

    fn word(&self, place: usize, word: &str, stems: &mut Stems) -> Word {
        let range = 0..word.len();
        let bare = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word);
        let folded = bare.to_lowercase();
        let number = number_of(&folded).or_else(|| number_word(&folded).map(str::to_owned));
        if let Some(number) = number {
            return Word { range, folded, term: format!("#{number}"), role: Role::Number, name: false };
        }
        let name = self.looks_like_a_name(place, bare);
        let role = if is_negation(&folded) {
            Role::Negation
        } else if self.stop_words.contains(folded.as_str()) || folded.chars().count() < 2 {
            Role::Function
        } else {
            Role::Content
        };
        let term = if role == Role::Content { stems.of(&self.stemmer, &folded) } else { folded.clone() };
        Word { range, folded, term, role, name }
    }

    fn looks_like_a_name(&self, place: usize, word: &str) -> bool {
        let mut letters = word.chars();
        let first = letters.next().is_some_and(char::is_uppercase);
        let inner = letters.any(|letter| letter.is_uppercase() || letter.is_numeric());
        // German writes every noun with a capital letter.
        inner || (first && place > 0 && self.code != "de" && word.chars().count() > 1)
    }
}

/// Stems that were worked out before.
#[derive(Default)]
pub(super) struct Stems(HashMap<String, String>);

impl Stems {
    fn of(&mut self, stemmer: &Stemmer, word: &str) -> String {
        if let Some(stem) = self.0.get(word) {
            return stem.clone();
        }
        let stem = stemmer.stem(word).into_owned();
        self.0.insert(word.to_owned(), stem.clone());
        stem
    }
}

/// The number a word in digits stands for: `1,000`, `1.000` and `1000` are one, as are `18th` and `18`.
fn number_of(word: &str) -> Option<String> {
    if !word.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let is_part = |letter: char| letter.is_ascii_digit() || matches!(letter, '.' | ',' | '\'' | '’');
    let end = word.find(|letter| !is_part(letter)).unwrap_or(word.len());
    let (digits, rest) = word.split_at(end);
    if !matches!(rest, "" | "st" | "nd" | "rd" | "th" | "s" | "er" | "ern" | "k" | "m" | "bn") {
        return None;
    }
    let parts: Vec<&str> = digits.split(['.', ',', '\'', '’']).filter(|part| !part.is_empty()).collect();
    let (first, others) = parts.split_first()?;
    let grouped = others.iter().all(|part| part.len() == 3) && first.len() <= 3 && *first != "0";
    let plain = if grouped { parts.concat() } else { parts.join(".") };
    let trimmed = plain.trim_start_matches('0');
    Some(if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<String> {
        let words = Grammar::of(std::iter::once(text)).read(text, &mut Stems::default());
        words.into_iter().filter(Word::tells).map(|word| word.term).collect()
    }

    #[test]
    fn a_number_is_one_however_it_is_written() {
        for (one, other) in
            [("1,000", "1000"), ("1.000", "1000"), ("18th", "18"), ("1980s", "1980"), ("007", "7")]
        {
            assert_eq!(number_of(one), number_of(other), "{one}");
        }
        assert_eq!(terms("It has two towers"), terms("It has 2 tower"));
        assert_eq!(terms("Sie hat zwei Türme und das ist gut"), terms("Sie hat 2 Türme und das ist gut"));
        assert_ne!(number_of("3.14"), number_of("314"));
        assert_eq!(number_of("3rdparty"), None);
    }

    #[test]
    fn words_of_german_and_english_meet_in_their_stems() {
        assert_eq!(terms("The killers were threatening him"), terms("the killer was to threaten"));
        assert_eq!(terms("Die Häuser der Bedrohten"), terms("das Haus, bedrohte"));
    }

    #[test]
    fn a_capital_letter_makes_a_name_only_where_the_language_asks_for_none() {
        let names = |text: &str| {
            let words = Grammar::of(std::iter::once(text)).read(text, &mut Stems::default());
            words.into_iter().filter(|word| word.name).map(|word| word.folded).collect::<Vec<_>>()
        };
        assert_eq!(
            names("Yesterday the agent of BestCover met Mr. Miller's son"),
            ["bestcover", "mr", "miller"]
        );
        assert!(names("Gestern hat der Mann das Haus gesehen").is_empty());
    }
}
