//! What the benches share: real models by the set-up's way, and texts to measure with.
//!
//! How fast is measured here, by `cargo bench`; how right by `lamassu eval`.

use inference::{Classifier, Embedder, EmbedderOptions, Runtime, SetUp};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A text of 32 tokens, the frame included, as chat messages have.
pub const MESSAGE: &str = "Thanks for the quick reply yesterday, I tried the second cable \
    you sent and the printer works again, see you all at the meeting on Monday";

/// The folder of the models that ship.
#[must_use]
pub fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

/// ONNX Runtime.
///
/// # Errors
///
/// The set-up fails.
pub fn runtime() -> Result<&'static Runtime, Box<dyn std::error::Error>> {
    Ok(Runtime::load(&SetUp::for_this_user()?.runtime()?)?)
}

/// The encoder as the service loads it, but with nothing remembered.
///
/// # Errors
///
/// The set-up or a model fails.
pub fn encoder() -> Result<Embedder, Box<dyn std::error::Error>> {
    let weights = SetUp::for_this_user()?.encoder()?;
    let options = EmbedderOptions { cache: 0, ..EmbedderOptions::default() };
    Ok(Embedder::load(runtime()?, &weights, &models().join("encoder/model.onnx"), &options)?)
}

/// The heads that ship.
///
/// # Errors
///
/// The file cannot be used.
pub fn heads(encoder: &Embedder) -> Result<Arc<Classifier>, Box<dyn std::error::Error>> {
    Ok(Arc::new(Classifier::load(&models().join("heads/heads.safetensors"), encoder.weights())?))
}
