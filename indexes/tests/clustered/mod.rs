//! Seeded rows whose vectors lie in topics, as embeddings do.

use indexes::{Row, Terms};

/// A small seeded generator (splitmix64, <https://prng.di.unimi.it/splitmix64.c>).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A whole number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.throw() % end as u64).unwrap_or_default()
    }

    /// A unit vector: one of 20 topics of this dimension and a little of its own.
    pub(crate) fn vector(&mut self, dimension: usize) -> Vec<f32> {
        let mut topic = Dice(self.throw() % 20);
        let mut number = |spread: f64| {
            let uniform =
                |dice: &mut Dice| f64::from((dice.throw() >> 32) as u32) / f64::from(u32::MAX) - 0.5;
            uniform(&mut topic) + spread * uniform(self)
        };
        let numbers: Vec<f64> = (0..dimension).map(|_| number(0.8)).collect();
        let length = numbers.iter().map(|number| number * number).sum::<f64>().sqrt();
        #[expect(clippy::cast_possible_truncation, reason = "numbers between -1 and 1")]
        let unit = numbers.iter().map(|number| (number / length) as f32).collect();
        unit
    }

    /// The row numbered `number`, every field of it given by chance.
    pub(crate) fn row(&mut self, number: usize, dimension: usize) -> Row {
        let text = self.text(number);
        let mut one_of = |names: &[&str]| names[self.below(names.len())].to_owned();
        let bank = one_of(&["precedents", "clauses", "documents"]);
        let label = one_of(&["hate", "violence", "fraud", ""]);
        let language = one_of(&["en", "de", ""]);
        let tag = one_of(&["red", "green", "blue", "", "none"]);
        let given = |name: String| Some(name).filter(|name| !name.is_empty());
        Row {
            id: format!("row-{number:05}"),
            bank,
            terms: Terms::of(&text, Some(&language)),
            text,
            label: given(label),
            language: given(language),
            tags: if tag == "none" {
                Vec::new()
            } else {
                given(tag).into_iter().chain(["tagged".to_owned()]).collect()
            },
            severity: Some(3),
            ruling: Some("block".to_owned()),
            created: 1_700_000_000 + number as u64,
            expires: (self.below(3) == 0).then(|| 1_000 + self.throw() % 1_000),
            provenance: Some("own writing".to_owned()),
            reason: None,
            note: number.is_multiple_of(2).then(|| format!("{{\"number\":{number}}}")),
            confirmed: self.below(2) == 0,
            vector: self.vector(dimension),
        }
    }

    /// Some words that occur in many texts and one that does not, as text has them.
    pub(crate) fn text(&mut self, number: usize) -> String {
        const WORDS: [&str; 12] = [
            "threat", "threats", "Haus", "Häuser", "größer", "the", "und", "money", "knife", "friend",
            "Grüße", "offer",
        ];
        let words: Vec<&str> = (0..3 + self.below(9)).map(|_| WORDS[self.below(WORDS.len())]).collect();
        format!("{} n{number} \u{1F600}", words.join(" "))
    }
}
