//! The checksums and the ranges that numbers of people and accounts keep to.

/// Whether a payment card can have this number: its length, its first digit, and the sum of Luhn.
///
/// - *Source*: ISO/IEC 7812-1, annex B.
pub(super) fn card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|char| char.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let doubled = if place % 2 == 1 { digit * 2 } else { *digit };
            doubled / 10 + doubled % 10
        })
        .sum();
    // An old range of one network begins with 1.
    let begins =
        digits.first().is_some_and(|digit| (2..=6).contains(digit)) || digits.starts_with(&[1, 8, 0, 0]);
    (12..=19).contains(&digits.len()) && begins && sum.is_multiple_of(10)
}

/// Whether an account can have this number: the length its country sets, where we know it, and the remainder 1 by 97.
///
/// - *Source*: ISO 13616; lengths from the registry of SWIFT.
pub(super) fn iban(text: &str) -> bool {
    const LENGTHS: [(&str, usize); 24] = [
        ("AT", 20),
        ("BE", 16),
        ("BG", 22),
        ("CH", 21),
        ("CY", 28),
        ("CZ", 24),
        ("DE", 22),
        ("DK", 18),
        ("ES", 24),
        ("FI", 18),
        ("FR", 27),
        ("GB", 22),
        ("GR", 27),
        ("HU", 28),
        ("IE", 22),
        ("IT", 27),
        ("LU", 20),
        ("NL", 18),
        ("NO", 15),
        ("PL", 28),
        ("PT", 25),
        ("RO", 24),
        ("SE", 24),
        ("SK", 24),
    ];
    let letters: Vec<char> =
        text.chars().filter(|char| *char != ' ').map(|char| char.to_ascii_uppercase()).collect();
    let country: String = letters.iter().take(2).collect();
    let length = LENGTHS.iter().find(|(known, _)| *known == country).map(|(_, length)| *length);
    if length.map_or(!(15..=34).contains(&letters.len()), |length| length != letters.len()) {
        return false;
    }
    let mut turned = letters.iter().skip(4).chain(letters.iter().take(4));
    let remainder = turned.try_fold(0_u32, |rest, char| {
        let value = char.to_digit(36)?;
        Some(if value < 10 { rest * 10 + value } else { rest * 100 + value } % 97)
    });
    remainder == Some(1)
}

/// Whether a social security number can be given out.
///
/// - *Source*: Social Security Administration, randomization of 2011: never 000, 666 or 900 and above; no group 00; no
///   serial 0000.
pub(super) fn us_ssn(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', ' ']).collect();
    let [area, group, serial] = parts.as_slice() else { return false };
    !matches!(*area, "000" | "666") && !area.starts_with('9') && *group != "00" && *serial != "0000"
}

/// Whether a national insurance number can be given out: some prefixes never are.
///
/// - *Source*: HMRC, National Insurance Manual, NIM39110.
pub(super) fn uk_nino(text: &str) -> bool {
    let prefix: String = text.chars().take(2).map(|char| char.to_ascii_uppercase()).collect();
    !matches!(prefix.as_str(), "BG" | "GB" | "KN" | "NK" | "NT" | "TN" | "ZZ")
}

/// Whether a tax identification number holds: of the first ten digits one comes twice or three times and the others at
/// most once, and the last digit is the check digit of ISO/IEC 7064, MOD 11,10.
///
/// - *Source*: Bundeszentralamt für Steuern, Steueridentifikationsnummer, Pruefziffer.
pub(super) fn de_tax_id(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|char| char.to_digit(10)).collect();
    let Some((check, first)) = digits.split_last().filter(|_| digits.len() == 11) else { return false };
    let counts = (0..10).map(|digit| first.iter().filter(|other| **other == digit).count());
    let repeated: Vec<usize> = counts.filter(|count| *count > 1).collect();
    let product = first.iter().fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    matches!(repeated.as_slice(), [2 | 3]) && (11 - product) % 10 == *check
}
