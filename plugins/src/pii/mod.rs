//! Personal data that has a form: where it stands in a text, and how sure that is.
//!
//! Patterns find candidates in linear time; what has a checksum must pass it (`checks`). Names and places have no form
//! and are not sought.

mod checks;
mod masking;
mod stage;

pub(crate) use stage::Config;
pub use stage::{find_behind, find_in};

use std::ops::Range;
use std::sync::LazyLock;

use policies::Severity;
use regex::Regex;
use serde::Deserialize;

use crate::pattern::pattern;

/// What a datum is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A payment card's number.
    Card,
    /// An international bank account number.
    Iban,
    /// An address of a machine, version 4 or 6.
    Ip,
    /// A telephone number: international, German, British or of the North American plan.
    Phone,
    /// A social security number of the United States.
    UsSsn,
    /// A national insurance number of the United Kingdom.
    UkNino,
    /// A tax identification number of Germany.
    DeTaxId,
}

impl Kind {
    /// All of them, the surer first: where two overlap, the first one counts.
    pub const ALL: [Self; 8] = [
        Self::Email,
        Self::Iban,
        Self::Card,
        Self::Ip,
        Self::UsSsn,
        Self::UkNino,
        Self::DeTaxId,
        Self::Phone,
    ];

    /// The name in policies.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::Ip => "ip",
            Self::Phone => "phone",
            Self::UsSsn => "us-ssn",
            Self::UkNino => "uk-nino",
            Self::DeTaxId => "de-tax-id",
        }
    }

    /// How bad it is that others learn a datum of this kind, unless a policy says otherwise: ways to reach somebody are
    /// given away every day, numbers that open an account or prove who one is are not.
    fn severity(self) -> Severity {
        Severity::new(match self {
            Self::Ip => 1,
            Self::Email | Self::Phone => 2,
            Self::Card | Self::Iban | Self::UsSsn | Self::UkNino | Self::DeTaxId => 4,
        })
        .unwrap_or_default()
    }

    /// How sure a datum of this kind is: higher where a checksum or an unmistakable form says so. Set by hand, as the
    /// tools that we stand in for do; it is no measured probability.
    fn score(self) -> f32 {
        match self {
            Self::Email | Self::Iban | Self::Card => 1.0,
            Self::Ip => 0.95,
            Self::UsSsn | Self::DeTaxId => 0.85,
            Self::UkNino | Self::Phone => 0.75,
        }
    }

    /// Candidates. Every pattern begins and ends with a character of the datum.
    fn pattern(self) -> &'static str {
        match self {
            Self::Email => {
                r"(?i)[a-z0-9][a-z0-9._%+'-]{0,63}@(?:[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\.)+[a-z]{2,24}"
            }
            Self::Iban => r"(?i)[a-z]{2}[0-9]{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,3})?",
            Self::Card => r"[0-9](?:[ -]?[0-9]){11,18}",
            Self::Ip => {
                r"(?i)[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?:[0-9a-f]{1,4}:){2,7}(?::?[0-9a-f]{1,4})(?::[0-9a-f]{1,4}){0,6}|(?:[0-9a-f]{1,4}:){1,6}:"
            }
            Self::UsSsn => r"[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}",
            Self::UkNino => r"(?i)[a-ceghj-prstw-z][a-ceghj-nprstw-z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[a-d]",
            Self::DeTaxId => r"[1-9][0-9] ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}",
            Self::Phone => {
                r"(?:\+|00)[1-9][0-9]{0,2}(?:[ ./-]?\(?[0-9]{1,5}\)?){2,6}(?:x[0-9]{1,5})?|\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[ .-]?[0-9]{4}(?: ?x[0-9]{1,5})?|[2-9][0-9]{2}[ .-][2-9][0-9]{2}[ .-][0-9]{4}(?: ?x[0-9]{1,5})?|\(?0[1-9][0-9]{1,4}\)?[ /-][0-9]{2,8}(?:[ -][0-9]{2,8}){0,3}|01[5-7][0-9]{8,9}|07[0-9]{9}"
            }
        }
    }

    /// Whether a candidate holds what its form promises.
    fn holds(self, candidate: &str) -> bool {
        let digits = candidate.bytes().filter(u8::is_ascii_digit).count();
        match self {
            Self::Email => true,
            Self::Iban => checks::iban(candidate),
            Self::Card => checks::card(candidate),
            Self::Ip => candidate.parse::<std::net::IpAddr>().is_ok(),
            Self::UsSsn => checks::us_ssn(candidate),
            Self::UkNino => checks::uk_nino(candidate),
            Self::DeTaxId => checks::de_tax_id(candidate),
            Self::Phone => (7..=18).contains(&digits),
        }
    }
}

/// A datum, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    /// What it is.
    pub kind: Kind,
    /// *Units*: bytes of the text, on character boundaries.
    pub range: Range<usize>,
    /// How sure it is, `0.0..=1.0`.
    pub score: f32,
}

static PATTERNS: LazyLock<Vec<(Kind, Regex)>> = LazyLock::new(|| {
    // Invariant: every pattern compiles; a test builds them all.
    Kind::ALL.into_iter().filter_map(|kind| Some((kind, pattern(kind.pattern())?))).collect()
});

/// Digits in groups, as telephone numbers of any country are written.
static DIALLED: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"\(?[0-9]{2,10}\)?(?:[ .-]?[0-9]{2,8}){0,5}(?:x[0-9]{1,5})?"));

/// Words before a number that say it is dialled.
static ANNOUNCED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:phones?|tel(?:ephone|efon)?|mobile|cell|fax|call(?:ed|ing)?|dial|reach|ring|text|number|hotline|handy|rufnummer|anrufen|ruf|durchwahl)\b",
    )
});

/// Builds the patterns, so that no text has to wait for that.
pub fn prepare() {
    LazyLock::force(&PATTERNS);
    LazyLock::force(&DIALLED);
    LazyLock::force(&ANNOUNCED);
}

/// Whether they are built.
#[must_use]
pub fn is_prepared() -> bool {
    let alone = [&DIALLED, &ANNOUNCED];
    LazyLock::get(&PATTERNS).is_some() && alone.into_iter().all(|pattern| LazyLock::get(pattern).is_some())
}

/// How far before a number such a word may stand. *Units*: bytes.
const ANNOUNCED_WITHIN: usize = 40;

/// The personal data in `text`, ascending and apart.
#[must_use]
pub fn find(text: &str) -> Vec<Datum> {
    let mut found: Vec<Datum> = Vec::new();
    for (kind, pattern) in PATTERNS.iter() {
        let mut of_kind: Vec<Datum> = Vec::new();
        for candidate in pattern.find_iter(text) {
            if let Some(range) = settled(*kind, text, candidate.range()) {
                of_kind.push(Datum { kind: *kind, range, score: kind.score() });
            }
        }
        if *kind == Kind::Phone {
            of_kind.extend(announced(text, &of_kind));
        }
        let apart = |datum: &Datum| {
            let after = found.partition_point(|other| other.range.end <= datum.range.start);
            found.get(after).is_none_or(|other| other.range.start >= datum.range.end)
        };
        of_kind.retain(apart);
        found.append(&mut of_kind);
        found.sort_by_key(|datum| datum.range.start);
    }
    found
}

/// Numbers that no pattern of a country fits, after a word that says they are dialled; `known` are those that one fits.
fn announced(text: &str, known: &[Datum]) -> Vec<Datum> {
    let (Some(dialled), Some(words)) = (DIALLED.as_ref(), ANNOUNCED.as_ref()) else { return Vec::new() };
    let mut found = Vec::new();
    for candidate in dialled.find_iter(text) {
        let from = text.ceil_char_boundary(candidate.start().saturating_sub(ANNOUNCED_WITHIN));
        let before = text.get(from..candidate.start()).unwrap_or_default();
        // Both ascend: it can only overlap with the first one that ends behind its beginning.
        let next = known.partition_point(|datum| datum.range.end <= candidate.start());
        let is_known = known.get(next).is_some_and(|datum| datum.range.start < candidate.end());
        if words.is_match(before) && !is_known {
            let range = settled(Kind::Phone, text, candidate.range());
            found.extend(range.map(|range| Datum { kind: Kind::Phone, range, score: Kind::Phone.score() }));
        }
    }
    found
}

/// Where the datum is that `candidate` holds, if it stands by itself and is one.
fn settled(kind: Kind, text: &str, candidate: Range<usize>) -> Option<Range<usize>> {
    let before = text.get(..candidate.start)?.chars().next_back();
    let after = text.get(candidate.end..)?.chars().next();
    let goes_on = |char: Option<char>| char.is_some_and(char::is_alphanumeric);
    if goes_on(before) || goes_on(after) {
        // A pattern may take a word too many after an account number.
        return (kind == Kind::Iban && !goes_on(before)).then(|| shortened(text, candidate))?;
    }
    // With a plus before it, it is a telephone number.
    if kind == Kind::Card && before == Some('+') {
        return None;
    }
    if kind == Kind::Phone && goes_on_in_digits(text, &candidate) {
        return None;
    }
    if kind.holds(text.get(candidate.clone())?) {
        return Some(candidate);
    }
    (kind == Kind::Iban).then(|| shortened(text, candidate))?
}

/// Whether digits stand right before or after `candidate`, a blank or a mark away: then it is a part of something longer.
fn goes_on_in_digits(text: &str, candidate: &Range<usize>) -> bool {
    let is_mark = |char: char| matches!(char, ' ' | '-' | '.' | ',' | '/');
    let before = text.get(..candidate.start).and_then(|text| text.strip_suffix(is_mark));
    let after = text.get(candidate.end..).and_then(|text| text.strip_prefix(is_mark));
    before.is_some_and(|text| text.ends_with(|char: char| char.is_ascii_digit()))
        || after.is_some_and(|text| text.starts_with(|char: char| char.is_ascii_digit()))
}

/// The account number at the beginning of `candidate`, without words that follow it.
fn shortened(text: &str, candidate: Range<usize>) -> Option<Range<usize>> {
    let whole = text.get(candidate.clone())?;
    let ends = whole.rmatch_indices(' ').map(|(at, _)| at);
    ends.filter_map(|end| Some((end, whole.get(..end)?)))
        .find(|(_, part)| checks::iban(part))
        .map(|(end, _)| candidate.start..candidate.start + end)
}

#[cfg(test)]
mod tests {
    use super::{Kind, PATTERNS, find};

    fn found(text: &str) -> Vec<(Kind, &str)> {
        find(text).into_iter().map(|datum| (datum.kind, &text[datum.range])).collect()
    }

    #[test]
    fn every_kind_is_found_where_it_stands_and_only_if_its_checksum_holds() {
        assert_eq!(PATTERNS.len(), Kind::ALL.len());
        let cases = [
            ("write to ana.b@example.org today", Some((Kind::Email, "ana.b@example.org"))),
            ("IBAN DE89 3704 0044 0532 0130 00 bitte", Some((Kind::Iban, "DE89 3704 0044 0532 0130 00"))),
            ("IBAN GB82WEST12345698765432.", Some((Kind::Iban, "GB82WEST12345698765432"))),
            ("IBAN DE89 3704 0044 0532 0130 01", None),
            ("card 4111-1111-1111-1111!", Some((Kind::Card, "4111-1111-1111-1111"))),
            ("order 4111 1111 1111 1112", None),
            ("ping 192.168.1.254, please", Some((Kind::Ip, "192.168.1.254"))),
            ("version 1.2.3.400", None),
            ("at 2001:db8::8a2e:370:7334 now", Some((Kind::Ip, "2001:db8::8a2e:370:7334"))),
            ("SSN 219-09-9998", Some((Kind::UsSsn, "219-09-9998"))),
            ("SSN 666-09-9998", None),
            ("NINO AB 12 34 56 C", Some((Kind::UkNino, "AB 12 34 56 C"))),
            ("Steuer-ID 86 095 742 719", Some((Kind::DeTaxId, "86 095 742 719"))),
            ("Nummer 86 095 742 718", None),
            ("ruf +49 30 1234567 an", Some((Kind::Phone, "+49 30 1234567"))),
            ("call (212) 555-0187 now", Some((Kind::Phone, "(212) 555-0187"))),
            ("Tel. 030/1234567", Some((Kind::Phone, "030/1234567"))),
            ("ring 020 7946 0958", Some((Kind::Phone, "020 7946 0958"))),
            ("my phone number is 467 3395", Some((Kind::Phone, "467 3395"))),
            ("room 467 3395", None),
            ("in 2024 there were 1,234,567 of them", None),
            ("The library opens at nine.", None),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text), expected.into_iter().collect::<Vec<_>>(), "{text}");
        }
    }

    #[test]
    fn hostile_text_costs_its_length_and_nothing_else() {
        for text in ["1 ".repeat(50_000), "a@".repeat(50_000), "::1".repeat(50_000), "+1-".repeat(50_000)] {
            let data = find(&text);
            assert!(data.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
        }
    }
}
