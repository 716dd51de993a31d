//! The models that ship, loaded once for all tests of a process.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use inference::{Classifier, Embedder, EmbedderOptions, Llama, LlamaOptions, Runtime as Onnx, SetUp};
use tokio::runtime::Runtime;

/// The folder of the models.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models")
}

fn onnx() -> &'static Onnx {
    let setup = SetUp::for_this_user().expect("a cache folder");
    Onnx::load(&setup.runtime().expect("ONNX Runtime")).expect("it loads")
}

/// Encoder and heads.
pub(crate) fn models() -> &'static (Runtime, Embedder, Arc<Classifier>) {
    static MODELS: OnceLock<(Runtime, Embedder, Arc<Classifier>)> = OnceLock::new();
    MODELS.get_or_init(|| {
        let weights = SetUp::for_this_user().and_then(|setup| setup.encoder()).expect("the encoder");
        let graph = folder().join("encoder/model.onnx");
        let embedder =
            Embedder::load(onnx(), &weights, &graph, &EmbedderOptions::default()).expect("it loads");
        let heads = folder().join("heads/heads.safetensors");
        let heads = Classifier::load(&heads, embedder.weights()).expect("they load");
        (Runtime::new().expect("a runtime"), embedder, Arc::new(heads))
    })
}

/// A LLaMA of the models' folder, anew.
pub(crate) fn llama(name: &str) -> Llama {
    llama_with(name, &LlamaOptions::default())
}

/// The same, working as `options` say.
pub(crate) fn llama_with(name: &str, options: &LlamaOptions) -> Llama {
    Llama::load(onnx(), &folder().join(name), options).expect("it loads")
}

/// The guard.
pub(crate) fn guard() -> &'static Llama {
    static GUARD: OnceLock<Llama> = OnceLock::new();
    GUARD.get_or_init(|| llama("guard"))
}
