//! Folders made by optimum: the Hugging Face `config.json` stands in for `genai_config.json`.

use serde::Deserialize;

use super::genai::{Decoder, GenaiConfig, Ids, Inputs, Model, Outputs, Search};

/// The parts of `config.json` that matter here.
#[derive(Debug, Deserialize)]
pub(super) struct OptimumConfig {
    model_type: String,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    vocab_size: usize,
    max_position_embeddings: usize,
    bos_token_id: Option<u32>,
    eos_token_id: Option<Ids>,
}

impl From<OptimumConfig> for GenaiConfig {
    fn from(config: OptimumConfig) -> Self {
        let heads = config.num_attention_heads;
        Self {
            model: Model {
                kind: config.model_type,
                bos_token_id: config.bos_token_id.unwrap_or(1),
                eos_token_id: config.eos_token_id.unwrap_or(Ids::One(2)),
                context_length: config.max_position_embeddings,
                vocab_size: config.vocab_size,
                decoder: Decoder {
                    filename: "model.onnx".to_owned(),
                    head_size: config.head_dim.unwrap_or(config.hidden_size / heads.max(1)),
                    hidden_size: config.hidden_size,
                    num_attention_heads: heads,
                    num_hidden_layers: config.num_hidden_layers,
                    num_key_value_heads: config.num_key_value_heads.unwrap_or(heads),
                    inputs: Inputs::default(),
                    outputs: Outputs::default(),
                },
            },
            // Its graphs concatenate keys and values: there is no buffer to share.
            search: Search { past_present_share_buffer: false },
        }
    }
}
