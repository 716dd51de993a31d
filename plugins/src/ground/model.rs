//! The model: a few small networks over the measurements, and a weight for some words.

use std::collections::HashMap;

use data_encoding::HEXLOWER;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::features::Features;
use super::numbers::count;

/// The file as written by `models/train/ground.py`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// What is measured, in order.
    features: Vec<String>,
    /// Mean and spread of each.
    mean: Vec<f32>,
    spread: Vec<f32>,
    /// What words add to the log-odds, as [`Features::words`] writes them.
    words: HashMap<String, f32>,
    nets: Vec<Net>,
    /// Slope and offset of the claim's log-odds.
    calibration: [f32; 2],
}

/// One network: a linear part and one layer of hidden units.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Net {
    /// *Shape*: `[features]`.
    linear: Vec<f32>,
    bias: f32,
    /// *Shape*: `[hidden][features]`.
    hidden: Vec<Vec<f32>>,
    hidden_bias: Vec<f32>,
    out: Vec<f32>,
}

/// The model, checked.
#[derive(Debug)]
pub(super) struct Model {
    file: File,
    digest: String,
}

/// Standardized values are kept within this many spreads: what the training never saw is not extrapolated far.
const FARTHEST: f32 = 4.0;

impl Model {
    /// Reads and checks the file.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let inputs = file.features.len();
        let fits = |net: &Net| {
            let hidden = net.hidden.len();
            net.linear.len() == inputs
                && net.hidden.iter().all(|row| row.len() == inputs)
                && (net.hidden_bias.len(), net.out.len()) == (hidden, hidden)
        };
        let whole = file.mean.len() == inputs && file.spread.len() == inputs && file.nets.iter().all(fits);
        let sound = file.spread.iter().all(|spread| *spread > 0.0) && !file.nets.is_empty();
        if !(whole && sound) {
            return Err("the grounding model's tables do not fit each other".to_owned());
        }
        let digest = HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
        Ok(Self { file, digest })
    }

    /// Whether it was fitted to these measurements.
    pub(super) fn knows(&self, names: &[&str]) -> bool {
        self.file.features == names
    }

    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// How probable it is that a claim is borne out.
    pub(super) fn claim(&self, features: &Features) -> f32 {
        let File { mean, spread, words, nets, calibration: [slope, offset], .. } = &self.file;
        let words: f32 = features.words.iter().filter_map(|word| words.get(word)).sum();
        let values = features.values.iter().map(|(_, value)| *value);
        let standard = values.zip(mean).zip(spread).map(|((value, mean), spread)| (value - mean) / spread);
        let inputs: Vec<f32> = standard.map(|value| value.clamp(-FARTHEST, FARTHEST)).collect();
        let log_odds = nets.iter().map(|net| net.log_odds(&inputs)).sum::<f32>() / count(nets.len());
        sigmoid(slope * (log_odds + words) + offset)
    }
}

impl Net {
    fn log_odds(&self, inputs: &[f32]) -> f32 {
        let sum =
            |weights: &[f32]| weights.iter().zip(inputs).map(|(weight, input)| weight * input).sum::<f32>();
        let units = self.hidden.iter().zip(&self.hidden_bias).zip(&self.out);
        let bent: f32 = units.map(|((weights, bias), out)| out * (sum(weights) + bias).tanh()).sum();
        sum(&self.linear) + self.bias + bent
    }
}

fn sigmoid(log_odds: f32) -> f32 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
        "features": ["one", "two"], "mean": [1.0, 0.0], "spread": [2.0, 1.0], "words": {"+new": -0.5},
        "nets": [{"linear": [0.5, 0.0], "bias": 0.1, "hidden": [[0.0, 1.0]], "hidden_bias": [0.0], "out": [2.0]}],
        "calibration": [0.5, 0.25]
    }"#;

    #[test]
    fn a_probability_is_what_the_tables_say() {
        let model = Model::read(FILE).expect("it fits");
        assert!(model.knows(&["one", "two"]) && !model.knows(&["two", "one"]));
        let features = Features { values: vec![("one", 3.0), ("two", 1.0)], words: vec!["+new".to_owned()] };
        // 0.5 * (3 - 1) / 2 + 0.1 + 2 tanh(1) - 0.5, then half of it and a quarter.
        let log_odds = 0.5 * (0.5 + 0.1 + 2.0 * 1.0_f32.tanh() - 0.5) + 0.25;
        assert!((model.claim(&features) - sigmoid(log_odds)).abs() < 1e-6);
        let beyond =
            |one| model.claim(&Features { values: vec![("one", one), ("two", 0.0)], words: Vec::new() });
        assert!((beyond(9.0) - beyond(9e9)).abs() < 1e-9, "four spreads are the farthest");
    }

    #[test]
    fn tables_that_do_not_fit_each_other_are_refused() {
        for (from, to) in [
            ("\"mean\": [1.0, 0.0]", "\"mean\": [1.0]"),
            ("[2.0, 1.0]", "[2.0, 0.0]"),
            ("\"hidden\": [[0.0, 1.0]]", "\"hidden\": [[0.0]]"),
            ("\"out\": [2.0]", "\"out\": []"),
            ("\"bias\": 0.1", "\"bias\": 0.1, \"more\": 1"),
        ] {
            assert!(FILE.contains(from) && Model::read(&FILE.replacen(from, to, 1)).is_err(), "{to}");
        }
    }
}
