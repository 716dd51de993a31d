//! What the tests of this room share: one ONNX Runtime per process, and one encoder with the default options.

use std::{path::PathBuf, sync::OnceLock};

use inference::{Embedder, EmbedderOptions, InferenceError, Runtime, SetUp};
use serde::Deserialize;

/// ONNX Runtime from this account's cache; the first run ever fetches it.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<&'static Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let library = set_up().runtime().expect("ONNX Runtime's library");
        Runtime::load(&library).expect("ONNX Runtime")
    })
}

/// The set-up a user has who configured nothing.
pub(crate) fn set_up() -> SetUp {
    SetUp::for_this_user().expect("a cache folder")
}

/// A file of the repository's `models` folder.
pub(crate) fn model(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models").join(name)
}

/// An encoder with options of its own.
pub(crate) fn load(options: &EmbedderOptions) -> Result<Embedder, InferenceError> {
    let weights = set_up().encoder().expect("the encoder's weights");
    Embedder::load(runtime(), &weights, &model("encoder/model.onnx"), options)
}

/// The encoder with the default options, but without memory of recent texts.
pub(crate) fn embedder() -> Embedder {
    static EMBEDDER: OnceLock<Embedder> = OnceLock::new();
    EMBEDDER.get_or_init(|| load(&forgetful()).expect("an encoder")).clone()
}

/// The default options without memory of recent texts.
pub(crate) fn forgetful() -> EmbedderOptions {
    EmbedderOptions { cache: 0, ..EmbedderOptions::default() }
}

/// Fifty sentences and what the reference implementation makes of them.
#[derive(Deserialize)]
pub(crate) struct Golden {
    pub(crate) texts: Vec<String>,
    pub(crate) embeddings: Vec<Vec<f32>>,
    pub(crate) readings: Vec<Vec<f32>>,
}

pub(crate) fn golden() -> Golden {
    let file = std::fs::read(model("encoder/golden.json")).expect("the golden file");
    serde_json::from_slice(&file).expect("a readable golden file")
}

/// The largest difference between two vectors.
pub(crate) fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
