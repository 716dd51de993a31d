//! What a sentence's traits are worth.

/// Sentences up to which a text is short, and from which on it is long.
const SHORT: f32 = 15.0;
const LONG: f32 = 30.0;

/// How many traits a sentence has.
pub const TRAITS: usize = 15;

/// What each trait is worth, and what likeness to a chosen sentence costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weights {
    /// In the order of the traits (`traits.rs`).
    pub traits: [f32; TRAITS],
    /// The price of a cosine of 1 to a sentence chosen before.
    pub likeness: f32,
}

impl Weights {
    /// For a summary of a whole short text, such as an abstract.
    ///
    /// *Source*: `cargo run --release -p benches --example fit_extract -- 100 200 scitldr_train.jsonl.gz`; what it gave to
    /// questions, of which there were none, is 0 here and below.
    pub const SHORT: Self = Self {
        traits: [0.28, 0.61, 0.40, 0.09, 4.25, -1.59, -0.50, 1.61, -2.16, 0.92, 1.96, 0.74, 0.0, 0.0, 0.0],
        likeness: 1.49,
    };
    /// For a summary of a whole long text.
    ///
    /// *Source*: the same with `200 60`, on 55 documents of `klexikon_train` that are not held out.
    pub const LONG: Self = Self {
        traits: [
            -0.05, 1.07, -0.06, 0.41, 4.49, -1.68, -1.0, -1.82, -1.54, -0.71, 2.02, -0.86, 0.0, 0.0, 0.0,
        ],
        likeness: 1.49,
    };
    /// For the answer to a question.
    ///
    /// *Source*: the same with `300 20`, on 12 documents each of `squality_train` and of `qmsum_open` that are not held out.
    pub const FOCUSED: Self = Self {
        traits: [
            0.28, -0.20, -0.09, 0.30, -0.76, -0.33, 0.09, -0.15, -0.73, -0.63, 0.63, 1.0, 1.21, 0.24, 0.65,
        ],
        likeness: 2.19,
    };

    /// For a summary of the whole of so many sentences: between [`Self::SHORT`] and [`Self::LONG`].
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "sentences are fewer than 2^24")]
    pub fn whole(sentences: usize) -> Self {
        let long = ((sentences as f32 - SHORT) / (LONG - SHORT)).clamp(0.0, 1.0);
        let between = |short: f32, other: f32| short + long * (other - short);
        let mut traits = Self::SHORT.traits;
        traits.iter_mut().zip(Self::LONG.traits).for_each(|(short, other)| *short = between(*short, other));
        Self { traits, likeness: between(Self::SHORT.likeness, Self::LONG.likeness) }
    }

    /// What a sentence with these traits is worth; comparable among the sentences of one call.
    pub(super) fn worth(&self, traits: &[f32; TRAITS]) -> f32 {
        self.traits.iter().zip(traits).map(|(weight, is)| weight * is).sum()
    }
}
