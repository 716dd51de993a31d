//! Words that matter to whether a sentence holds: what denies, counts, doubts, and what is the opposite of what.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use unicode_segmentation::UnicodeSegmentation;

/// Pairs of opposites, one pair a line, German and English: this project's own.
const OPPOSITES: &str = include_str!("opposites.txt");

/// What denies. Beside these, every word that ends in `n't`, and German's `kein…`.
const NEGATIONS: &[&str] = &[
    "not", "no", "never", "none", "nothing", "nobody", "without", "neither", "nor", "cannot", "hardly",
    "barely", "nicht", "nie", "niemals", "nichts", "niemand", "ohne", "weder", "kaum",
];

/// What a speaker says of themselves, of the one spoken to, or only to be polite: no source can bear it out.
const CHAT: &[&str] = &[
    "i", "i'm", "i've", "i'd", "i'll", "me", "my", "mine", "myself", "we", "you", "you're", "your", "yes",
    "yeah", "yep", "oh", "wow", "well", "sure", "haha", "lol", "okay", "ok", "hi", "hello", "thanks",
    "sorry", "ich", "mir", "mich", "mein", "meine", "wir", "du", "dir", "dich", "dein", "ja", "ach", "danke",
    "hallo", "klar",
];

/// What judges, guesses or feels.
const OPINION: &[&str] = &[
    "think",
    "believe",
    "guess",
    "love",
    "loved",
    "like",
    "hate",
    "enjoy",
    "favorite",
    "favourite",
    "amazing",
    "great",
    "awesome",
    "interesting",
    "cool",
    "fun",
    "good",
    "nice",
    "bad",
    "beautiful",
    "crazy",
    "hope",
    "wish",
    "bet",
    "probably",
    "maybe",
    "perhaps",
    "really",
    "definitely",
    "pretty",
    "feel",
    "wonder",
    "heard",
    "glaube",
    "denke",
    "meine",
    "finde",
    "liebe",
    "mag",
    "toll",
    "schön",
    "vielleicht",
    "wohl",
    "wirklich",
    "hoffe",
    "gern",
];

/// How much, how often, how surely: a word changed here changes the claim.
const EXTENT: &[&str] = &[
    "all",
    "every",
    "each",
    "some",
    "most",
    "many",
    "few",
    "only",
    "any",
    "several",
    "both",
    "half",
    "always",
    "often",
    "sometimes",
    "rarely",
    "usually",
    "exclusively",
    "entirely",
    "completely",
    "partially",
    "limited",
    "must",
    "may",
    "might",
    "could",
    "should",
    "will",
    "would",
    "can",
    "shall",
    "alle",
    "jeder",
    "jede",
    "jedes",
    "einige",
    "manche",
    "meisten",
    "viele",
    "wenige",
    "nur",
    "mehrere",
    "beide",
    "halb",
    "immer",
    "oft",
    "manchmal",
    "selten",
    "meist",
    "völlig",
    "teilweise",
    "muss",
    "kann",
    "könnte",
    "soll",
    "sollte",
    "wird",
    "darf",
];

/// Small numbers in words; `one` and `ein` are left out, since they mostly count nothing.
const NUMBERS: &[(&str, &str)] = &[
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("thirteen", "13"),
    ("fifteen", "15"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("forty", "40"),
    ("fifty", "50"),
    ("sixty", "60"),
    ("seventy", "70"),
    ("eighty", "80"),
    ("ninety", "90"),
    ("twice", "2"),
    ("zwei", "2"),
    ("drei", "3"),
    ("vier", "4"),
    ("fünf", "5"),
    ("sechs", "6"),
    ("sieben", "7"),
    ("acht", "8"),
    ("neun", "9"),
    ("zehn", "10"),
    ("elf", "11"),
    ("zwölf", "12"),
    ("zwanzig", "20"),
    ("dreißig", "30"),
    ("fünfzig", "50"),
    ("zweimal", "2"),
];

static NEGATION: LazyLock<HashSet<&str>> = LazyLock::new(|| NEGATIONS.iter().copied().collect());
static CHATTER: LazyLock<HashSet<&str>> = LazyLock::new(|| CHAT.iter().copied().collect());
static OPINIONS: LazyLock<HashSet<&str>> = LazyLock::new(|| OPINION.iter().copied().collect());
static EXTENTS: LazyLock<HashSet<&str>> = LazyLock::new(|| EXTENT.iter().copied().collect());
static NUMBER: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| NUMBERS.iter().copied().collect());
static OPPOSITE: LazyLock<HashMap<&str, Vec<&str>>> = LazyLock::new(|| {
    let mut table: HashMap<&str, Vec<&str>> = HashMap::new();
    for line in OPPOSITES.lines() {
        let mut words = line.unicode_words();
        if let (Some(one), Some(other)) = (words.next(), words.next()) {
            table.entry(one).or_default().push(other);
            table.entry(other).or_default().push(one);
        }
    }
    table
});

/// Whether a word, in lower case, denies.
pub(super) fn is_negation(word: &str) -> bool {
    NEGATION.contains(word)
        || word.ends_with("n't")
        || word.ends_with("n’t")
        || matches!(word.strip_prefix("kein"), Some("" | "e" | "er" | "es" | "en" | "em"))
}

/// Whether a word, in lower case, belongs to talk.
pub(super) fn is_chat(word: &str) -> bool {
    CHATTER.contains(word)
}

/// Whether a word, in lower case, judges or guesses.
pub(super) fn is_opinion(word: &str) -> bool {
    OPINIONS.contains(word)
}

/// Whether a word, in lower case, says how much, how often or how surely.
pub(super) fn is_extent(word: &str) -> bool {
    EXTENTS.contains(word)
}

/// The number a word, in lower case, stands for.
pub(super) fn number_word(word: &str) -> Option<&'static str> {
    NUMBER.get(word).copied()
}

/// What a word, in lower case, is the opposite of.
pub(super) fn opposites(word: &str) -> &'static [&'static str] {
    OPPOSITE.get(word).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposites_are_opposites_of_each_other() {
        assert!(opposites("cheap").contains(&"expensive"));
        assert!(opposites("teuer").contains(&"billig"));
        for line in OPPOSITES.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [one, other] = words.as_slice() else { panic!("`{line}` is no pair") };
            assert!(opposites(one).contains(other) && opposites(other).contains(one), "{line}");
        }
    }

    #[test]
    fn denials_of_both_languages_are_known() {
        for word in ["not", "didn't", "n't", "kein", "keinen", "ohne"] {
            assert!(is_negation(word), "{word}");
        }
        assert!(!is_negation("keinerlei") && !is_negation("notable"));
    }
}
