//! Whether sources bear out what a text says, and which of their sentences do.
//!
//! A claim is one sentence. It is held against all sentences of the sources: by meaning (their vectors), by words (which
//! of the claim's the sources have, how rare those are, in which order they stand), and laid word by word beside the
//! closest ones, since a false claim is often a true one with a word changed. A small model, fitted on labelled sets by
//! `models/train/ground.py`, makes one probability of these numbers. Which sentences are cited is decided by the same
//! numbers, never by marks in the text.

mod align;
mod answer;
mod cite;
mod features;
mod model;
mod numbers;
mod scene;
mod sources;
mod wordlists;
mod words;

pub use answer::{GroundError, Grounded, GroundedSentence, Passages, ground_text};
pub use cite::Citation;
pub use features::Features;
pub use sources::{SourceSentence, Sources};

use model::Model;
use scene::Scene;

/// The model that ships.
const SHIPPED: &str = include_str!("../../../models/ground/ground.json");

/// How probable it is that a claim which is a source's sentence, sign by sign, is borne out by it.
const COPIED: f32 = 0.999;

/// Says how well sources bear out claims. It keeps no memory from one to the next.
#[derive(Debug)]
pub struct Grounder {
    model: Model,
}

/// How well one claim is borne out.
#[derive(Clone, Debug, PartialEq)]
pub struct Support {
    /// How probable it is that the sources bear the claim out, calibrated, `0.0..=1.0`.
    pub probability: f32,
    /// The source sentences that carry it, ascending; empty where none comes near.
    pub cited: Vec<Citation>,
    /// What was measured.
    pub features: Features,
}

impl Grounder {
    /// With the model that ships.
    ///
    /// # Errors
    ///
    /// A sentence, if the model was made for other measurements than this version takes.
    pub fn shipped() -> Result<Self, String> {
        let model = Model::read(SHIPPED)?;
        if model.knows(&Features::names()) {
            Ok(Self { model })
        } else {
            Err("the grounding model was fitted to other measurements".to_owned())
        }
    }

    /// SHA-256 of the model, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.model.digest()
    }

    /// How well `sources` bear out `claim`, one sentence, whose vector of length 1 is `vector`.
    ///
    /// The time grows with the number of source sentences by one product of vectors each; only a few are looked at
    /// more closely.
    #[must_use]
    pub fn support(&self, claim: &str, vector: &[f32], sources: &Sources) -> Support {
        let scene = Scene::new(claim, vector, sources);
        let features = features::measure(&scene, claim, vector);
        if let Some(source) = sources.copy_of(claim) {
            let cited = vec![Citation { source, weight: 1.0 }];
            return Support { probability: COPIED, cited, features };
        }
        let probability = if scene.cosines.is_empty() { 0.0 } else { self.model.claim(&features) };
        Support { probability, cited: cite::cite(&scene), features }
    }

    /// How probable it is that a text whose sentences have these supports is borne out as a whole, calibrated,
    /// `0.0..=1.0`; 1 for none.
    #[must_use]
    pub fn whole(supports: &[f32]) -> f32 {
        supports.iter().product::<f32>().clamp(0.0, 1.0)
    }
}
