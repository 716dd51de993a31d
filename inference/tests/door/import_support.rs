//! Hugging Face checkpoints for the tests of the import, written on the spot: the weights are those of
//! `models/train/import_golden.py`, exact in every type.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use half::{bf16, f16};
use inference::{Import, ImportError, Imported, Precision, Provider, TrialPrompt};
use safetensors::{Dtype, tensor::TensorView};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{model, runtime};

/// What transformers says of the checkpoints.
#[derive(Deserialize)]
pub(crate) struct Golden {
    pub(crate) every: usize,
    pub(crate) checkpoints: Vec<Checkpoint>,
}

#[derive(Deserialize)]
pub(crate) struct Checkpoint {
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) config: Value,
    pub(crate) logits: Vec<Logits>,
    pub(crate) greedy: Vec<u32>,
}

#[derive(Deserialize)]
pub(crate) struct Logits {
    pub(crate) ids: Vec<u32>,
    pub(crate) logits: Vec<f32>,
}

/// The golden file.
pub(crate) fn golden() -> Golden {
    let file = fs::read(model("golden-llama/import.json")).expect("the golden file");
    serde_json::from_slice(&file).expect("a readable golden file")
}

/// The first checkpoint of a shape.
pub(crate) fn checkpoint(name: &str) -> Checkpoint {
    let mut all = golden().checkpoints.into_iter();
    all.find(|checkpoint| checkpoint.name == name).expect("a checkpoint of that shape")
}

/// One of 0..=255 for an element of a tensor: the top byte of splitmix64.
fn number(seed: u64, tensor: u64, element: u64) -> u8 {
    let x = element.wrapping_add(tensor << 32).wrapping_add(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (x ^ (x >> 31)).to_be_bytes()[0]
}

pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

impl Checkpoint {
    fn size(&self, field: &str) -> usize {
        usize::try_from(self.config[field].as_u64().expect("a size")).expect("a size")
    }

    /// All tensors by their names.
    pub(crate) fn tensors(&self) -> BTreeMap<String, Tensor> {
        let hidden = self.size("hidden_size");
        let (heads, groups) = (self.size("num_attention_heads"), self.size("num_key_value_heads"));
        let inner = self.size("intermediate_size");
        let groups = groups * (hidden / heads);
        let mut shapes = BTreeMap::new();
        shapes.insert("model.embed_tokens.weight".to_owned(), vec![self.size("vocab_size"), hidden]);
        shapes.insert("model.norm.weight".to_owned(), vec![hidden]);
        if self.config["tie_word_embeddings"] != true {
            shapes.insert("lm_head.weight".to_owned(), vec![self.size("vocab_size"), hidden]);
        }
        for layer in 0..self.size("num_hidden_layers") {
            for (part, shape) in [
                ("input_layernorm", vec![hidden]),
                ("post_attention_layernorm", vec![hidden]),
                ("self_attn.q_proj", vec![hidden, hidden]),
                ("self_attn.k_proj", vec![groups, hidden]),
                ("self_attn.v_proj", vec![groups, hidden]),
                ("self_attn.o_proj", vec![hidden, hidden]),
                ("mlp.gate_proj", vec![inner, hidden]),
                ("mlp.up_proj", vec![inner, hidden]),
                ("mlp.down_proj", vec![hidden, inner]),
            ] {
                shapes.insert(format!("model.layers.{layer}.{part}.weight"), shape);
            }
        }
        let drawn = |(tensor, (name, shape)): (usize, (String, Vec<usize>))| {
            let count = shape.iter().product::<usize>() as u64;
            let values = (0..count).map(|element| {
                let drawn = number(self.seed, tensor as u64, element);
                if shape.len() == 1 {
                    0.75 + f32::from(drawn / 4) / 128.0
                } else {
                    (f32::from(drawn) - 128.0) / 256.0
                }
            });
            let values = values.collect();
            (name, Tensor { shape, values })
        };
        shapes.into_iter().enumerate().map(drawn).collect()
    }

    /// Writes it as one file of fp32 weights.
    pub(crate) fn write(&self) -> TempDir {
        self.write_as(&Written::default())
    }

    /// Writes it.
    pub(crate) fn write_as(&self, written: &Written<'_>) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let tensors = self.tensors().into_iter().filter(|(name, _)| name != written.without);
        let mut tensors: Vec<(String, Tensor)> = tensors.collect();
        if let Some((name, shape)) = &written.shaped {
            let tensor = tensors.iter_mut().find(|(found, _)| found == name).expect("the tensor");
            tensor.1.shape.clone_from(shape);
        }
        let mut config = self.config.clone();
        config["architectures"] = json!(["LlamaForCausalLM"]);
        config["model_type"] = json!("llama");
        for (field, value) in written.fields {
            config[*field] = value.clone();
        }
        put(&folder, "config.json", config.to_string().as_bytes());
        for name in ["tokenizer.json", "tokenizer_config.json"] {
            let bytes = fs::read(model("golden-llama/gqa").join(name)).expect("a tokenizer");
            put(&folder, name, &bytes);
        }
        let per_shard = tensors.len().div_ceil(written.shards);
        let mut map = serde_json::Map::new();
        for (number, shard) in tensors.chunks(per_shard).enumerate() {
            let name = if written.shards == 1 {
                "model.safetensors".to_owned()
            } else {
                format!("model-{:05}-of-{:05}.safetensors", number + 1, written.shards)
            };
            map.extend(shard.iter().map(|(tensor, _)| (tensor.clone(), json!(name))));
            put(&folder, &name, &serialized(shard, written.kind));
        }
        if written.shards > 1 {
            let index = json!({ "metadata": { "total_size": 0 }, "weight_map": map });
            put(&folder, "model.safetensors.index.json", index.to_string().as_bytes());
        }
        folder
    }
}

/// How a checkpoint is written.
pub(crate) struct Written<'a> {
    pub(crate) kind: Dtype,
    pub(crate) shards: usize,
    /// Fields of the configuration that are other than usual.
    pub(crate) fields: &'a [(&'a str, Value)],
    /// A tensor to leave out.
    pub(crate) without: &'a str,
    /// A tensor of another shape.
    pub(crate) shaped: Option<(&'a str, Vec<usize>)>,
}

impl Default for Written<'_> {
    fn default() -> Self {
        Self { kind: Dtype::F32, shards: 1, fields: &[], without: "", shaped: None }
    }
}

pub(crate) fn put(folder: &TempDir, name: &str, bytes: &[u8]) {
    fs::write(folder.path().join(name), bytes).expect("written");
}

fn serialized(tensors: &[(String, Tensor)], kind: Dtype) -> Vec<u8> {
    let bytes = |tensor: &Tensor| -> Vec<u8> {
        let values = tensor.values.iter();
        match kind {
            Dtype::F16 => values.flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect(),
            Dtype::BF16 => values.flat_map(|value| bf16::from_f32(*value).to_le_bytes()).collect(),
            _ => values.flat_map(|value| value.to_le_bytes()).collect(),
        }
    };
    let data: Vec<Vec<u8>> = tensors.iter().map(|(_, tensor)| bytes(tensor)).collect();
    let views = tensors.iter().zip(&data).map(|((name, tensor), data)| {
        (name.as_str(), TensorView::new(kind, tensor.shape.clone(), data).expect("a tensor"))
    });
    safetensors::serialize(views, None).expect("serialized")
}

/// A place for a model, in a folder of its own.
pub(crate) struct Target {
    folder: TempDir,
}

impl Target {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("model")
    }

    /// What there is where the model was to be, and beside it.
    pub(crate) fn entries(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path()).expect("the folder");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }
}

/// Imports for the processor and compares nothing.
pub(crate) fn import(from: &Path, to: &Path, precision: Precision) -> Result<Imported, ImportError> {
    import_for(Provider::Cpu, from, to, precision)
}

/// Imports and compares nothing.
pub(crate) fn import_for(
    provider: Provider,
    from: &Path,
    to: &Path,
    precision: Precision,
) -> Result<Imported, ImportError> {
    let cancelled = AtomicBool::new(false);
    let asked = Import {
        from,
        to,
        provider,
        precision: Some(precision),
        prompts: &[],
        choices: &[],
        accepts_drift: false,
        cancelled: &cancelled,
    };
    inference::import(runtime(), &asked)
}

/// Imports for the processor and compares on a few questions.
pub(crate) fn import_tried(
    from: &Path,
    to: &Path,
    precision: Precision,
    accepts_drift: bool,
) -> Result<Imported, ImportError> {
    let prompts = ["a lovely day", "nobody likes you", "one two three"].map(|text| TrialPrompt {
        prefix: "Is this text harmful?\n\n".to_owned(),
        suffix: format!("User: {text}\n\nAnswer:"),
    });
    let choices = [" safe".to_owned(), " unsafe".to_owned()];
    let cancelled = AtomicBool::new(false);
    let asked = Import {
        from,
        to,
        provider: Provider::Cpu,
        precision: Some(precision),
        prompts: &prompts,
        choices: &choices,
        accepts_drift,
        cancelled: &cancelled,
    };
    inference::import(runtime(), &asked)
}
