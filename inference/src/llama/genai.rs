//! `genai_config.json`, as onnxruntime-genai's builder writes it. Other programs' files may say more.

use serde::Deserialize;

/// The parts of the file that matter here.
#[derive(Debug, Deserialize)]
pub(super) struct GenaiConfig {
    pub(super) model: Model,
    #[serde(default)]
    pub(super) search: Search,
}

/// `model`
#[derive(Debug, Deserialize)]
pub(super) struct Model {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default = "llama_bos")]
    pub(super) bos_token_id: u32,
    #[serde(default = "llama_eos")]
    pub(super) eos_token_id: Ids,
    pub(super) context_length: usize,
    pub(super) vocab_size: usize,
    pub(super) decoder: Decoder,
}

/// `model.decoder`
#[derive(Debug, Deserialize)]
pub(super) struct Decoder {
    #[serde(default = "model_onnx")]
    pub(super) filename: String,
    pub(super) head_size: usize,
    pub(super) hidden_size: usize,
    pub(super) num_attention_heads: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_key_value_heads: usize,
    #[serde(default)]
    pub(super) inputs: Inputs,
    #[serde(default)]
    pub(super) outputs: Outputs,
}

/// `model.decoder.inputs`: names in the graph, `%d` for the layer.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Inputs {
    pub(super) input_ids: String,
    pub(super) attention_mask: String,
    pub(super) position_ids: String,
    pub(super) past_key_names: String,
    pub(super) past_value_names: String,
}

impl Default for Inputs {
    fn default() -> Self {
        Self {
            input_ids: "input_ids".to_owned(),
            attention_mask: "attention_mask".to_owned(),
            position_ids: "position_ids".to_owned(),
            past_key_names: "past_key_values.%d.key".to_owned(),
            past_value_names: "past_key_values.%d.value".to_owned(),
        }
    }
}

/// `model.decoder.outputs`: names in the graph, `%d` for the layer.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Outputs {
    pub(super) logits: String,
    pub(super) present_key_names: String,
    pub(super) present_value_names: String,
}

impl Default for Outputs {
    fn default() -> Self {
        Self {
            logits: "logits".to_owned(),
            present_key_names: "present.%d.key".to_owned(),
            present_value_names: "present.%d.value".to_owned(),
        }
    }
}

/// `search`
#[derive(Debug, Default, Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    pub(super) past_present_share_buffer: bool,
}

/// One id or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Ids {
    One(u32),
    Several(Vec<u32>),
}

impl Ids {
    pub(super) fn ids(&self) -> &[u32] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Several(ids) => ids,
        }
    }
}

fn llama_bos() -> u32 {
    1
}

fn llama_eos() -> Ids {
    Ids::One(2)
}

fn model_onnx() -> String {
    "model.onnx".to_owned()
}

/// The name of a layer's input or output.
pub(super) fn of_layer(pattern: &str, layer: usize) -> String {
    pattern.replace("%d", &layer.to_string())
}
