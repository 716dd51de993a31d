//! The encoder's files, read once: what its sessions are opened from, and the digests that name it.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use half::f16;
use ort::value::{DynValue, Tensor};

use crate::{
    InferenceError,
    anatomy::{Anatomy, Outside},
    digest,
};

/// The package's weights, in the folder of the tokenizer.
const WEIGHTS: &str = "model.safetensors";

/// The reader's weights, in the folder of the graph.
const READER: &str = "reader.safetensors";

/// What the encoder computes of a text, as its graph calls it.
pub(crate) const VECTOR: &str = "embedding";
pub(crate) const READING: &str = "reading";

/// Which weights an encoder has; see [`crate::Embedder::weights`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weights {
    /// SHA-256 of `model.safetensors`, in hexadecimal.
    pub encoder: String,
    /// SHA-256 of `reader.safetensors`, in hexadecimal.
    pub reader: String,
}

/// Tensors by the names they have in the graph; sessions share them.
pub(crate) type Given = Vec<(String, Arc<DynValue>)>;

/// The encoder's files.
#[derive(Debug)]
pub(crate) struct Assets {
    /// The graph's bytes.
    pub(crate) graph: Vec<u8>,
    /// The reader's tensors. ONNX Runtime finds a graph's weights in one folder only, and theirs is another one.
    pub(crate) reader: Given,
    pub(crate) weights: Weights,
    /// Names everything.
    pub(crate) digest: String,
    /// Names what the vectors are computed from.
    pub(crate) vectors_digest: String,
}

impl Assets {
    /// Reads `graph`, the reader beside it, and the package's files in `folder`.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Read`] or [`InferenceError::Format`], naming the file.
    pub(crate) fn read(folder: &Path, graph: &Path) -> Result<Self, InferenceError> {
        let bytes = read(graph)?;
        let beside = graph.with_file_name(READER);
        let weights = Weights { encoder: digest_of(&folder.join(WEIGHTS))?, reader: digest_of(&beside)? };
        let files = BTreeMap::from([(WEIGHTS, weights.encoder.clone()), (READER, weights.reader.clone())]);
        let anatomy = Anatomy::read(&bytes, &files).map_err(|reason| unusable(graph, reason))?;
        let output = |name| {
            let missing = || unusable(graph, format!("it has no output `{name}`"));
            anatomy.outputs.get(name).ok_or_else(missing)
        };
        let (vector, _) = (output(VECTOR)?, output(READING)?);
        let tokenizer = digest_of(&folder.join("tokenizer.json"))?;
        let parts = [&digest_of(graph)?, &weights.encoder, &weights.reader, &tokenizer];
        Ok(Self {
            reader: given(&beside, &anatomy.outside)?,
            digest: digest::of_parts(&parts.map(String::as_str)),
            vectors_digest: digest::of_parts(&[vector, &tokenizer]),
            weights,
            graph: bytes,
        })
    }
}

/// The tensors of the reader's file.
fn given(path: &Path, outside: &[Outside]) -> Result<Given, InferenceError> {
    let file = read(path)?;
    let ours = outside.iter().filter(|tensor| tensor.file == READER);
    let value = |tensor: &Outside| {
        let value = value(&file, tensor).map_err(|reason| unusable(path, reason))?;
        Ok((tensor.name.clone(), Arc::new(value)))
    };
    ours.map(value).collect()
}

/// One tensor; ONNX counts float32 as 1 and float16 as 10.
fn value(file: &[u8], tensor: &Outside) -> Result<DynValue, String> {
    let Outside { name, element, shape, offset, length, .. } = tensor;
    let bytes = offset.checked_add(*length).and_then(|end| file.get(*offset..end));
    let bytes = bytes.ok_or_else(|| format!("it ends before `{name}` does"))?;
    let value = match element {
        1 => {
            let numbers = bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number));
            Tensor::from_array((shape.clone(), numbers.collect::<Vec<_>>())).map(Tensor::into_dyn)
        }
        10 => {
            let numbers = bytes.as_chunks().0.iter().map(|number| f16::from_le_bytes(*number));
            Tensor::from_array((shape.clone(), numbers.collect::<Vec<_>>())).map(Tensor::into_dyn)
        }
        other => {
            return Err(format!(
                "`{name}` has ONNX's type {other}, and 1 and 10 (float32, float16) are read"
            ));
        }
    };
    value.map_err(|error| format!("`{name}`: {error}"))
}

fn digest_of(path: &Path) -> Result<String, InferenceError> {
    digest::of_file(path).map_err(|source| InferenceError::Read { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<Vec<u8>, InferenceError> {
    fs::read(path).map_err(|source| InferenceError::Read { path: path.to_owned(), source })
}

fn unusable(path: &Path, reason: String) -> InferenceError {
    InferenceError::Format { path: path.to_owned(), reason }
}
