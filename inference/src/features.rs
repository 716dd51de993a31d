//! Hashed features of a text: character n-grams, words and pairs of words, as `models/train/features.py` makes them.
//!
//! *Source*: feature hashing, Weinberger et al. 2009 (<https://arxiv.org/abs/0902.2206>), without signs; FNV-1a,
//! RFC 9923.

/// Lengths of the n-grams, in Unicode scalars.
const GRAMS: std::ops::RangeInclusive<usize> = 3..=5;

/// A running FNV-1a hash of 64 bits.
#[derive(Clone, Copy)]
struct Hash(u64);

impl Hash {
    const fn of(kind: u8) -> Self {
        Self(0xCBF2_9CE4_8422_2325).then(kind)
    }

    const fn then(self, byte: u8) -> Self {
        Self((self.0 ^ byte as u64).wrapping_mul(0x0100_0000_01B3))
    }

    fn text(self, text: &str) -> Self {
        text.bytes().fold(self, Self::then)
    }

    fn char(self, scalar: char) -> Self {
        self.text(scalar.encode_utf8(&mut [0; 4]))
    }

    /// The upper half folded onto the lower.
    const fn folded(self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn bucket(self, buckets: u32) -> u32 {
        u32::try_from(self.folded() % u64::from(buckets)).unwrap_or_default()
    }
}

/// Whether the row of that id was kept out of training: one in five, as `models/train/` splits them.
pub(crate) fn is_held_out(id: &str) -> bool {
    let hash = Hash(0xCBF2_9CE4_8422_2325).text(id);
    hash.folded().is_multiple_of(5)
}

/// The distinct buckets of a text's features, in the order they first come.
pub(crate) fn buckets(text: &str, buckets: u32) -> Vec<u32> {
    let text = padded(text);
    let mut seen =
        Seen { bits: vec![0; buckets.div_ceil(64) as usize], found: Vec::with_capacity(text.len() * 4) };
    let scalars: Vec<char> = text.chars().collect();
    for at in 0..scalars.len() {
        let mut hash = Hash::of(b'c');
        for (scalar, length) in scalars.iter().skip(at).zip(1..=*GRAMS.end()) {
            hash = hash.char(*scalar);
            if GRAMS.contains(&length) {
                seen.add(hash.bucket(buckets));
            }
        }
    }
    let mut pair: Option<Hash> = None;
    for word in text.split(|scalar: char| !scalar.is_alphanumeric()).filter(|word| !word.is_empty()) {
        seen.add(Hash::of(b'w').text(word).bucket(buckets));
        if let Some(first) = pair {
            seen.add(first.text(word).bucket(buckets));
        }
        pair = Some(Hash::of(b'b').text(word).then(b' '));
    }
    seen.found
}

/// In lower case, every run of white space one space, with one before and one after.
fn padded(text: &str) -> String {
    let lower = text.to_lowercase();
    let mut padded = String::with_capacity(lower.len() + 2);
    padded.push(' ');
    for (position, word) in lower.split_whitespace().enumerate() {
        if position > 0 {
            padded.push(' ');
        }
        padded.push_str(word);
    }
    padded.push(' ');
    padded
}

/// Buckets met so far: one bit each, and a list.
struct Seen {
    bits: Vec<u64>,
    found: Vec<u32>,
}

impl Seen {
    fn add(&mut self, bucket: u32) {
        let mask = 1 << (bucket % 64);
        if let Some(word) = self.bits.get_mut((bucket / 64) as usize)
            && *word & mask == 0
        {
            *word |= mask;
            self.found.push(bucket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The buckets expected are those of `models/train/features.py`.
    fn check(text: &str, expected: &[u32]) {
        let mut found = buckets(text, 65536);
        found.sort_unstable();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_word_has_its_grams_itself_and_no_pair() {
        check("a", &[7549, 32370]);
    }

    #[test]
    fn case_and_white_space_make_no_difference() {
        assert_eq!(buckets("Größe  ÄRGER\n", 65536), buckets("\u{a0}größe\tärger", 65536));
    }

    #[test]
    fn letters_outside_ascii_are_hashed_as_utf_8() {
        check(
            "Größe  ÄRGER\n",
            &[
                4003, 4719, 8953, 12084, 15029, 17441, 17844, 23941, 25551, 26234, 28845, 29019, 29266,
                30194, 31615, 31699, 34728, 36727, 36930, 38843, 42990, 43474, 45341, 46404, 46848, 47152,
                52955, 56870, 57160, 59985, 60495, 60893,
            ],
        );
        check("🙂 ok", &[514, 5897, 8036, 15997, 16471, 21052, 25943, 26730, 47163, 61977]);
    }

    #[test]
    fn lower_case_is_that_of_the_whole_text() {
        check(
            "ΣΑΣ İstanbul",
            &[
                250, 339, 824, 3399, 4892, 6892, 7293, 13604, 13889, 15307, 17188, 17226, 18018, 18943,
                22041, 23624, 24130, 26634, 26980, 28550, 28950, 29482, 29927, 30259, 30853, 33436, 39189,
                40232, 40966, 42505, 43299, 49176, 53107, 53278, 54484, 54869, 55049, 55361, 60533, 61544,
                64560,
            ],
        );
    }

    #[test]
    fn nothing_has_no_features() {
        check("", &[]);
        check(" \n", &[]);
    }

    #[test]
    fn every_bucket_is_one_there_is() {
        assert!(buckets("few buckets for many features", 7).iter().all(|bucket| *bucket < 7));
    }

    #[test]
    fn the_recipe_finds_the_same_buckets() {
        #[derive(serde::Deserialize)]
        struct Golden {
            texts: Vec<String>,
            buckets: Vec<Vec<u32>>,
        }
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/heads/golden.json");
        let golden: Golden =
            serde_json::from_slice(&std::fs::read(file).expect("the golden file")).expect("JSON");
        assert_eq!(golden.texts.len(), golden.buckets.len());
        golden.texts.iter().zip(&golden.buckets).for_each(|(text, expected)| check(text, expected));
    }

    #[test]
    fn the_rows_kept_out_of_training_are_those_of_the_recipe() {
        let kept: Vec<u32> = (0..40).filter(|number| is_held_out(&format!("row-{number}"))).collect();
        assert_eq!(kept, [7, 14, 18, 28, 31, 33, 37]);
    }
}
