//! A checkpoint's `config.json`, and which models can be imported.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::ImportError;

/// The parts of `config.json` that matter here, and those that say it is no plain LLaMA.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Config {
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) num_key_value_heads: Option<usize>,
    pub(crate) head_dim: Option<usize>,
    pub(crate) vocab_size: usize,
    #[serde(default = "context")]
    pub(crate) max_position_embeddings: usize,
    #[serde(default = "epsilon")]
    pub(crate) rms_norm_eps: f32,
    rope_theta: Option<f64>,
    rope_scaling: Option<Value>,
    rope_parameters: Option<Value>,
    #[serde(default)]
    pub(crate) tie_word_embeddings: bool,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    #[serde(default = "silu")]
    hidden_act: String,
    #[serde(rename = "quantization_config")]
    quantization: Option<Value>,
    pub(crate) bos_token_id: Option<Value>,
    pub(crate) eos_token_id: Option<Value>,
    pub(crate) pad_token_id: Option<Value>,
}

fn context() -> usize {
    2048
}

fn epsilon() -> f32 {
    1e-6
}

fn silu() -> String {
    "silu".to_owned()
}

impl Config {
    /// Reads the file and refuses what is no plain LLaMA.
    pub(super) fn read(path: &Path) -> Result<Self, ImportError> {
        let bytes =
            std::fs::read(path).map_err(|source| ImportError::Read { path: path.to_owned(), source })?;
        let refused = |reason: String| ImportError::Checkpoint { path: path.to_owned(), reason };
        let kind: Kind = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
        kind.check().map_err(refused)?;
        let config: Self = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
        config.check().map_err(refused)?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        for (field, value) in [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.key_value_heads()),
            ("head_dim", self.head_size()),
            ("vocab_size", self.vocab_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ] {
            if !(1..=1 << 24).contains(&value) {
                return Err(format!("`{field}` is {value}"));
            }
        }
        if !self.num_attention_heads.is_multiple_of(self.key_value_heads()) {
            let (heads, groups) = (self.num_attention_heads, self.key_value_heads());
            return Err(format!("{heads} attention heads cannot share {groups} heads of keys and values"));
        }
        if !self.head_size().is_multiple_of(2) {
            return Err(format!("`head_dim` is {}, and rotary positions take pairs", self.head_size()));
        }
        for (field, is_there) in [("attention_bias", self.attention_bias), ("mlp_bias", self.mlp_bias)] {
            if is_there {
                return Err(format!("`{field}` is true, and a LLaMA 2 has no biases"));
            }
        }
        if self.hidden_act != "silu" {
            return Err(format!("`hidden_act` is `{}`, and a LLaMA's is `silu`", self.hidden_act));
        }
        if self.quantization.is_some() {
            return Err("its weights are quantized (`quantization_config`): import the original in fp32, fp16 or bf16"
                .to_owned());
        }
        self.check_rope()
    }

    /// Heads of keys and values.
    pub(crate) fn key_value_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Numbers of one head.
    pub(crate) fn head_size(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    /// The base of the rotary positions' wavelengths.
    pub(super) fn rope_theta(&self) -> f64 {
        let parameters = self.rope_parameters.as_ref();
        let theta = parameters.and_then(|rope| rope.get("rope_theta")).and_then(Value::as_f64);
        theta.or(self.rope_theta).unwrap_or(10_000.0)
    }

    fn check_rope(&self) -> Result<(), String> {
        for (field, rope) in
            [("rope_scaling", &self.rope_scaling), ("rope_parameters", &self.rope_parameters)]
        {
            let named = |name: &str| rope.as_ref().and_then(|rope| rope.get(name)).and_then(Value::as_str);
            match named("rope_type").or_else(|| named("type")) {
                None | Some("default") => {}
                Some(kind) => {
                    return Err(format!(
                        "`{field}` is of the type `{kind}`, and only plain rotary positions (`default`) can be \
                         imported: take a model that was not stretched to a longer context"
                    ));
                }
            }
        }
        let theta = self.rope_theta();
        if theta.is_finite() && theta > 1.0 { Ok(()) } else { Err(format!("`rope_theta` is {theta}")) }
    }
}

/// What kind of model it is: read first, since other kinds lack other fields.
#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    architectures: Vec<String>,
    #[serde(default)]
    model_type: String,
}

impl Kind {
    fn check(&self) -> Result<(), String> {
        if self.architectures.iter().any(|name| name == "LlamaForCausalLM")
            || (self.architectures.is_empty() && self.model_type == "llama")
        {
            return Ok(());
        }
        let found = self.architectures.first().unwrap_or(&self.model_type);
        Err(format!("it is a `{found}`, and only `LlamaForCausalLM` can be imported"))
    }
}

/// One id or several, of whatever a configuration has.
pub(super) fn ids(value: &Value) -> Vec<u32> {
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    match value {
        Value::Array(ids) => ids.iter().filter_map(id).collect(),
        one => id(one).into_iter().collect(),
    }
}
