//! A checkpoint's weights as they lie in its safetensors files. They are read piece by piece and never as a whole.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    io::{Read, Seek, SeekFrom},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use half::{bf16, f16};
use safetensors::{Dtype, tensor::Metadata};
use serde::Deserialize;

use super::{ImportError, onnx::Element};

/// The longest header that safetensors files have.
const LONGEST_HEADER: u64 = 100_000_000;

/// A tensor of a checkpoint.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// The file with all links resolved.
    pub(super) file: Arc<Path>,
    /// The file's name in the checkpoint.
    pub(super) name: Arc<str>,
    /// Where in it the tensor begins, in bytes.
    pub(super) offset: u64,
    pub(super) element: Element,
    pub(super) shape: Vec<usize>,
}

impl Stored {
    /// Reads rows of a matrix.
    ///
    /// - *Shape*: `[rows, columns]`, one row behind the other.
    pub(super) fn rows(&self, rows: Range<usize>) -> Result<Vec<f32>, ImportError> {
        let width = self.shape.get(1..).unwrap_or_default().iter().product::<usize>();
        let bytes = self.element.bytes();
        let failed = |source| ImportError::Read { path: self.file.to_path_buf(), source };
        let mut raw = vec![0; rows.len() * width * usize::try_from(bytes).unwrap_or_default()];
        let mut file = File::open(&self.file).map_err(failed)?;
        let skipped = (rows.start * width) as u64 * bytes;
        file.seek(SeekFrom::Start(self.offset + skipped)).map_err(failed)?;
        file.read_exact(&mut raw).map_err(failed)?;
        Ok(floats(&raw, self.element))
    }

    /// Bytes of all of it.
    pub(super) fn length(&self) -> u64 {
        self.shape.iter().product::<usize>() as u64 * self.element.bytes()
    }
}

fn floats(raw: &[u8], element: Element) -> Vec<f32> {
    let (pairs, _) = raw.as_chunks::<2>();
    match element {
        Element::Half => pairs.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
        Element::Bfloat => pairs.iter().map(|bytes| bf16::from_le_bytes(*bytes).to_f32()).collect(),
        _ => raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
    }
}

/// All tensors of a checkpoint by their names.
#[derive(Debug)]
pub(super) struct Shards {
    folder: PathBuf,
    tensors: BTreeMap<String, Stored>,
}

/// `model.safetensors.index.json`
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Shards {
    /// Reads the headers of all files, and checks that none ends early.
    pub(super) fn open(folder: &Path) -> Result<Self, ImportError> {
        let mut tensors = BTreeMap::new();
        for name in names(folder)? {
            let path = folder.join(&name);
            let file =
                path.canonicalize().map_err(|source| ImportError::Read { path: path.clone(), source })?;
            for (name, tensor) in header(&path, &Arc::from(file), &Arc::from(name))? {
                tensors.insert(name, tensor);
            }
        }
        Ok(Self { folder: folder.to_owned(), tensors })
    }

    /// The tensor of that name, which must have that shape.
    pub(super) fn get(&self, name: &str, shape: &[usize]) -> Result<&Stored, ImportError> {
        let refused = |reason: String| ImportError::Checkpoint { path: self.folder.clone(), reason };
        let Some(stored) = self.tensors.get(name) else {
            return Err(refused(format!(
                "the tensor `{name}` is missing from its safetensors files: fetch the whole checkpoint"
            )));
        };
        if stored.shape != shape {
            let found = &stored.shape;
            return Err(refused(format!(
                "the tensor `{name}` has the shape {found:?}, and config.json asks for {shape:?}: one of them belongs \
                 to another model"
            )));
        }
        Ok(stored)
    }
}

/// The names of the safetensors files.
fn names(folder: &Path) -> Result<BTreeSet<String>, ImportError> {
    let refused = |path: &Path, reason: String| ImportError::Checkpoint { path: path.to_owned(), reason };
    let index = folder.join("model.safetensors.index.json");
    if index.is_file() {
        let bytes =
            std::fs::read(&index).map_err(|source| ImportError::Read { path: index.clone(), source })?;
        let read: Index =
            serde_json::from_slice(&bytes).map_err(|error| refused(&index, error.to_string()))?;
        let names: BTreeSet<String> = read.weight_map.into_values().collect();
        // A name from a file must not lead anywhere else.
        if let Some(name) =
            names.iter().find(|name| Path::new(name).file_name() != Some(name.as_str().as_ref()))
        {
            return Err(refused(&index, format!("`{name}` is no file beside it")));
        }
        if let Some(missing) = names.iter().find(|name| !folder.join(name).is_file()) {
            return Err(refused(
                &index,
                format!("it names `{missing}`, which is missing: fetch the whole checkpoint"),
            ));
        }
        return Ok(names);
    }
    if folder.join("model.safetensors").is_file() {
        return Ok(BTreeSet::from(["model.safetensors".to_owned()]));
    }
    let entries =
        std::fs::read_dir(folder).map_err(|source| ImportError::Read { path: folder.to_owned(), source })?;
    let has_bin = entries.filter_map(Result::ok).any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("pytorch_model")
            && Path::new(&name).extension().is_some_and(|ending| ending == "bin")
    });
    Err(refused(
        folder,
        if has_bin {
            "its weights are pickled (`pytorch_model*.bin`), which may run code when read: fetch the model's safetensors \
             files, or convert it with transformers' `save_pretrained`"
        } else {
            "it has neither `model.safetensors` nor `model.safetensors.index.json`: name the folder of a Hugging Face \
             checkpoint"
        }
        .to_owned(),
    ))
}

/// The tensors of one file.
fn header(path: &Path, file: &Arc<Path>, shard: &Arc<str>) -> Result<HashMap<String, Stored>, ImportError> {
    let refused = |reason: String| ImportError::Checkpoint { path: path.to_owned(), reason };
    let failed = |source| ImportError::Read { path: path.to_owned(), source };
    let mut opened = File::open(file).map_err(failed)?;
    let size = opened.metadata().map_err(failed)?.len();
    let mut length = [0; 8];
    let cut_short = || refused("it ends early: fetch it again".to_owned());
    opened.read_exact(&mut length).map_err(|_| cut_short())?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST_HEADER {
        return Err(refused("it is no safetensors file".to_owned()));
    }
    if size < 8 + length {
        return Err(cut_short());
    }
    let mut header = vec![0; usize::try_from(length).unwrap_or_default()];
    opened.read_exact(&mut header).map_err(failed)?;
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|error| refused(format!("it is no safetensors file: {error}")))?;
    let begin = 8 + length;
    if size < begin + metadata.data_len() as u64 {
        return Err(cut_short());
    }
    let mut tensors = HashMap::new();
    for (name, info) in metadata.tensors() {
        let element = match info.dtype {
            Dtype::F32 => Element::Float,
            Dtype::F16 => Element::Half,
            Dtype::BF16 => Element::Bfloat,
            // Old checkpoints keep the rotary frequencies, which are computed here.
            _ if name.ends_with("rotary_emb.inv_freq") => continue,
            other => {
                return Err(refused(format!(
                    "`{name}` is of the type {other:?}, and fp32, fp16 and bf16 are read"
                )));
            }
        };
        let offset = begin + info.data_offsets.0 as u64;
        let shape = info.shape.clone();
        let (file, shard) = (Arc::clone(file), Arc::clone(shard));
        tensors.insert(name, Stored { file, name: shard, offset, element, shape });
    }
    Ok(tensors)
}
