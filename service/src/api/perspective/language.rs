//! The languages that this API's callers may say a comment is in.

/// The languages of the vendor's service, by ISO 639-1. The encoder reads all of them; how well we judge was measured in
/// English and German.
const SUPPORTED: [&str; 17] =
    ["ar", "cs", "de", "en", "es", "fr", "hi", "id", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sv", "zh"];
/// What is said of a text whose language cannot be told: it is judged all the same.
const UNTOLD: &str = "en";

/// Whether comments may be said to be in `language`: ISO 639-1 or BCP 47, in any case.
pub(super) fn is_supported(language: &str) -> bool {
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    SUPPORTED.iter().any(|known| known.eq_ignore_ascii_case(primary))
}

/// The supported language that `text` is probably in.
pub(super) fn detected(text: &str) -> &'static str {
    let told = plugins::language(text).unwrap_or(UNTOLD);
    SUPPORTED.into_iter().find(|known| *known == told).unwrap_or(UNTOLD)
}

#[cfg(test)]
mod tests {
    use super::{detected, is_supported};

    #[test]
    fn languages_go_by_their_first_part_and_a_text_always_has_one() {
        for language in ["EN", "en-US", "hi-Latn", "zh_TW", "sv"] {
            assert!(is_supported(language), "{language}");
        }
        for language in ["tlh", "und", "", "e"] {
            assert!(!is_supported(language), "{language}");
        }
        assert_eq!(detected("Das ist ein ganz gewöhnlicher deutscher Satz über das Wetter."), "de");
        assert_eq!(detected("\u{1F600}"), "en");
    }
}
