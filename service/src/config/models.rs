//! `[inference]`, `[llama]` and `[setup]`: what the models run on, and where they come from.

use std::path::PathBuf;

use inference::{Flavour, Provider};
use serde::Deserialize;

/// `[inference]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Inference {
    /// Devices in the order of preference: `cuda`, `directml`, `cpu`.
    pub providers: Vec<Provider>,
    /// Refuse to start unless this one really runs the models.
    pub require: Option<Provider>,
    /// Copies of the encoder that work side by side; one a core, at most four, unless given.
    pub sessions: Option<usize>,
    /// Processor threads of each copy; one unless given.
    pub threads: Option<usize>,
    /// Windows of text whose vectors are remembered.
    pub cache: usize,
}

/// `[llama]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LlamaSeat {
    /// Folder of the LLaMA that adjudicates, as onnxruntime-genai has them; the guard that ships unless given.
    pub folder: Option<PathBuf>,
    /// Folder of a LLaMA that writes, if it is to be another one than that which adjudicates.
    pub writer: Option<PathBuf>,
    /// Processor threads of it; all cores, at most sixteen, unless given.
    pub threads: Option<usize>,
    /// Folder where its weights are kept packed for this processor, so that no process holds a copy of its own; takes
    /// twice the model's size on disk.
    pub packed: Option<PathBuf>,
}

/// `[setup]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SetUp {
    /// ONNX Runtime's library, as `ORT_DYLIB_PATH` also says; nothing is fetched then.
    pub onnxruntime: Option<PathBuf>,
    /// Folder with the encoder's `model.safetensors` and `tokenizer.json`; nothing is fetched then.
    pub encoder: Option<PathBuf>,
    /// Folder for what is fetched; the user's cache folder unless given.
    pub cache: Option<PathBuf>,
    /// The Python that fetches; the first of `python3`, `python` and `py` unless given.
    pub python: Option<PathBuf>,
    /// Which build of ONNX Runtime to fetch: `cpu`, `cuda` or `directml`.
    pub flavour: Flavour,
    /// Fetch nothing: what is missing is an error.
    pub offline: bool,
}

impl Default for Inference {
    fn default() -> Self {
        Self { providers: vec![Provider::Cpu], require: None, sessions: None, threads: None, cache: 8192 }
    }
}
