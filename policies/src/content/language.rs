//! Which language a text is in.
//!
//! Two detectors are asked. One knows seventy languages and how sure it is, and is seldom sure of a short text;
//! the other knows sixteen and not how sure it is, and is good at short texts. Where the first is unsure, what
//! both say is taken.

use whatlang::{Lang, detect};
use whichlang::detect_language;

/// How much of a text is read: more does not change the answer, and the detector's time grows with it.
const SAMPLE_BYTES: usize = 2048;
/// Below this confidence the first detector needs the second one's consent.
const LEAST_CONFIDENCE: f32 = 0.5;
/// How often what both say is right, at least (40 characters of Portuguese; of English and German, 0.98).
const AGREED_CONFIDENCE: f32 = 0.95;

/// The language of a text, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Language {
    code: &'static str,
    confidence: f32,
}

impl Language {
    /// Finds the language `text` begins in.
    pub(super) fn of(text: &str) -> Self {
        let sample = sample(text);
        let unknown = Self { code: "und", confidence: 0.0 };
        let Some(info) = detect(sample) else { return unknown };
        #[expect(clippy::cast_possible_truncation, reason = "a confidence needs no more digits")]
        let confidence = info.confidence() as f32;
        let code = iso_639_1(info.lang());
        if code == second_opinion(sample) {
            Self { code, confidence: confidence.max(AGREED_CONFIDENCE) }
        } else if confidence >= LEAST_CONFIDENCE {
            Self { code, confidence }
        } else {
            Self { confidence, ..unknown }
        }
    }

    /// The code of the language `text` is probably in; quick, and never unsure.
    pub(super) fn guess(text: &str) -> &'static str {
        second_opinion(sample(text))
    }

    /// ISO 639-1 code in lower case, `und` when the language could not be told.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// How sure that is, 0 to 1; for `und`, how sure the best guess was.
    #[must_use]
    pub fn confidence(&self) -> f32 {
        self.confidence
    }
}

fn sample(text: &str) -> &str {
    text.get(..text.floor_char_boundary(SAMPLE_BYTES)).unwrap_or(text)
}

fn second_opinion(sample: &str) -> &'static str {
    match detect_language(sample) {
        whichlang::Lang::Ara => "ar",
        whichlang::Lang::Cmn => "zh",
        whichlang::Lang::Deu => "de",
        whichlang::Lang::Eng => "en",
        whichlang::Lang::Fra => "fr",
        whichlang::Lang::Hin => "hi",
        whichlang::Lang::Ita => "it",
        whichlang::Lang::Jpn => "ja",
        whichlang::Lang::Kor => "ko",
        whichlang::Lang::Nld => "nl",
        whichlang::Lang::Por => "pt",
        whichlang::Lang::Rus => "ru",
        whichlang::Lang::Spa => "es",
        whichlang::Lang::Swe => "sv",
        whichlang::Lang::Tur => "tr",
        whichlang::Lang::Vie => "vi",
    }
}

/// The detector's own codes are ISO 639-3.
fn iso_639_1(lang: Lang) -> &'static str {
    match lang {
        Lang::Afr => "af",
        Lang::Aka => "ak",
        Lang::Amh => "am",
        Lang::Ara => "ar",
        Lang::Aze => "az",
        Lang::Bel => "be",
        Lang::Ben => "bn",
        Lang::Bul => "bg",
        Lang::Cat => "ca",
        Lang::Ces => "cs",
        Lang::Cmn => "zh",
        Lang::Cym => "cy",
        Lang::Dan => "da",
        Lang::Deu => "de",
        Lang::Ell => "el",
        Lang::Eng => "en",
        Lang::Epo => "eo",
        Lang::Est => "et",
        Lang::Fin => "fi",
        Lang::Fra => "fr",
        Lang::Guj => "gu",
        Lang::Heb => "he",
        Lang::Hin => "hi",
        Lang::Hrv => "hr",
        Lang::Hun => "hu",
        Lang::Hye => "hy",
        Lang::Ind => "id",
        Lang::Ita => "it",
        Lang::Jav => "jv",
        Lang::Jpn => "ja",
        Lang::Kan => "kn",
        Lang::Kat => "ka",
        Lang::Khm => "km",
        Lang::Kor => "ko",
        Lang::Lat => "la",
        Lang::Lav => "lv",
        Lang::Lit => "lt",
        Lang::Mal => "ml",
        Lang::Mar => "mr",
        Lang::Mkd => "mk",
        Lang::Mya => "my",
        Lang::Nep => "ne",
        Lang::Nld => "nl",
        Lang::Nob => "nb",
        Lang::Ori => "or",
        Lang::Pan => "pa",
        Lang::Pes => "fa",
        Lang::Pol => "pl",
        Lang::Por => "pt",
        Lang::Ron => "ro",
        Lang::Rus => "ru",
        Lang::Sin => "si",
        Lang::Slk => "sk",
        Lang::Slv => "sl",
        Lang::Sna => "sn",
        Lang::Spa => "es",
        Lang::Srp => "sr",
        Lang::Swe => "sv",
        Lang::Tam => "ta",
        Lang::Tel => "te",
        Lang::Tgl => "tl",
        Lang::Tha => "th",
        Lang::Tuk => "tk",
        Lang::Tur => "tr",
        Lang::Ukr => "uk",
        Lang::Urd => "ur",
        Lang::Uzb => "uz",
        Lang::Vie => "vi",
        Lang::Yid => "yi",
        Lang::Zul => "zu",
    }
}
