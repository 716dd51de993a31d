//! What a sentence's traits are worth.

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
    /// For a summary of the whole.
    pub const CENTRAL: Self = Self {
        traits: [0.82, 0.72, 1.0, 0.02, 3.9, -1.41, 0.28, 0.31, -1.46, -0.65, 1.83, 0.0, 0.0, 0.0, 0.0],
        likeness: 1.49,
    };
    /// For the answer to a question.
    pub const FOCUSED: Self = Self {
        traits: [1.0, 0.0, 1.0, 0.3, 0.5, 0.0, 0.0, 0.0, -1.0, -0.5, 0.0, 1.0, 0.5, 0.5, 0.5],
        likeness: 1.0,
    };

    /// What a sentence with these traits is worth; comparable among the sentences of one call.
    pub(super) fn worth(&self, traits: &[f32; TRAITS]) -> f32 {
        self.traits.iter().zip(traits).map(|(weight, is)| weight * is).sum()
    }
}
