//! What the tests of `Llama` share: the repository's models, loaded once each, and what the reference says of them.

use std::{collections::HashMap, path::Path, sync::Mutex};

use inference::{Llama, LlamaOptions};
use serde::{Deserialize, de::DeserializeOwned};

use crate::support::{model, runtime};

/// A model of the repository with the default options but one thread.
pub(crate) fn llama(name: &str) -> Llama {
    static LOADED: Mutex<Option<HashMap<String, Llama>>> = Mutex::new(None);
    let mut loaded = LOADED.lock().expect("no test panicked while loading");
    let loaded = loaded.get_or_insert_default();
    loaded.entry(name.to_owned()).or_insert_with(|| load(&model(name))).clone()
}

/// A folder's model, anew.
pub(crate) fn load(folder: &Path) -> Llama {
    Llama::load(runtime(), folder, &options()).expect("a LLaMA")
}

/// The default options with one thread.
pub(crate) fn options() -> LlamaOptions {
    LlamaOptions { threads: 1, ..LlamaOptions::default() }
}

/// A golden file.
pub(crate) fn golden<T: DeserializeOwned>(name: &str) -> T {
    let file = std::fs::read(model(name).join("golden.json")).expect("the golden file");
    serde_json::from_slice(&file).expect("a readable golden file")
}

/// What transformers in float32 says of a small LLaMA.
#[derive(Deserialize)]
pub(crate) struct Golden {
    pub(crate) logit_indices: Vec<usize>,
    pub(crate) ragged: Vec<Logits>,
    pub(crate) cached: Cached,
    pub(crate) greedy: Greedy,
    #[serde(default)]
    pub(crate) chat: Vec<Chat>,
}

#[derive(Deserialize)]
pub(crate) struct Logits {
    pub(crate) ids: Vec<u32>,
    pub(crate) logits: Vec<f32>,
}

#[derive(Deserialize)]
pub(crate) struct Cached {
    pub(crate) prefix: Vec<u32>,
    pub(crate) suffixes: Vec<Logits>,
}

#[derive(Deserialize)]
pub(crate) struct Greedy {
    pub(crate) prompt: Vec<u32>,
    pub(crate) ids: Vec<u32>,
}

#[derive(Deserialize)]
pub(crate) struct Chat {
    pub(crate) prompt: String,
    pub(crate) prompt_ids: Vec<u32>,
    pub(crate) ids: Vec<u32>,
    pub(crate) text: String,
}

/// What the guard's training code says of its prompts.
#[derive(Deserialize)]
pub(crate) struct GuardGolden {
    pub(crate) prefix_tokens: usize,
    pub(crate) safe: u32,
    #[serde(rename = "unsafe")]
    pub(crate) unsafe_: u32,
    pub(crate) examples: Vec<Example>,
}

#[derive(Deserialize)]
pub(crate) struct Example {
    pub(crate) prompt: String,
    pub(crate) ids: Vec<u32>,
    pub(crate) p_unsafe_exported: f64,
}

/// The logits that the golden file kept.
pub(crate) fn kept(logits: &[f32], indices: &[usize]) -> Vec<f32> {
    indices.iter().map(|index| logits[*index]).collect()
}

/// A copy of a model folder in which the files named hold other text.
pub(crate) fn folder_with(name: &str, others: &[(&str, &str)]) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for entry in std::fs::read_dir(model(name)).expect("the model") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, copy.path().join(path.file_name().expect("a name"))).expect("copied");
    }
    for (file, text) in others {
        std::fs::write(copy.path().join(file), text).expect("written");
    }
    copy
}

/// A file of a model folder as text.
pub(crate) fn text_of(name: &str, file: &str) -> String {
    std::fs::read_to_string(model(name).join(file)).expect("a text file")
}
