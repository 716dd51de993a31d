//! The texts of a model folder: `genai_config.json` and the card `lamassu.json`.

use serde_json::{Map, Value, json};

use super::{Drift, Import, Precision, plan, source::Source};
use crate::{Provider, llama::Template};

/// `genai_config.json`, as onnxruntime-genai's builder 0.18 writes it.
pub(super) fn genai_config(source: &Source, provider: Provider) -> Vec<u8> {
    let (config, sizes) = (&source.config, source.sizes());
    let provider_options = match provider {
        Provider::Cpu => json!([]),
        Provider::Cuda => json!([{"cuda": {"enable_cuda_graph": "0"}}]),
        Provider::DirectMl => json!([{"dml": {"enable_graph_capture": "1"}}]),
    };
    let mut inputs = json!({
        "input_ids": "input_ids",
        "attention_mask": "attention_mask",
        "past_key_names": "past_key_values.%d.key",
        "past_value_names": "past_key_values.%d.value",
    });
    if provider == Provider::DirectMl {
        inputs["position_ids"] = json!("position_ids");
    }
    let ends = source.ends();
    let file = json!({
        "model": {
            "bos_token_id": source.begin(),
            "context_length": sizes.context,
            "decoder": {
                "session_options": { "log_id": "onnxruntime-genai", "provider_options": provider_options },
                "filename": plan::MODEL,
                "head_size": sizes.head_room,
                "hidden_size": sizes.hidden,
                "inputs": inputs,
                "outputs": {
                    "logits": "logits",
                    "present_key_names": "present.%d.key",
                    "present_value_names": "present.%d.value",
                },
                "num_attention_heads": sizes.heads,
                "num_hidden_layers": config.num_hidden_layers,
                "num_key_value_heads": sizes.key_value_heads,
            },
            "eos_token_id": if let [end] = *ends { json!(end) } else { json!(ends) },
            "pad_token_id": source.padding(),
            "type": "llama",
            "vocab_size": sizes.vocabulary,
        },
        "search": search(source),
    });
    lines(&file)
}

fn search(source: &Source) -> Value {
    let said = |name: &str, otherwise: Value| {
        source.generation.get(name).filter(|value| !value.is_null()).cloned().unwrap_or(otherwise)
    };
    json!({
        "diversity_penalty": said("diversity_penalty", json!(0.0)),
        "do_sample": said("do_sample", json!(false)),
        "early_stopping": true,
        "length_penalty": said("length_penalty", json!(1.0)),
        "max_length": source.config.max_position_embeddings,
        "min_length": 0,
        "no_repeat_ngram_size": said("no_repeat_ngram_size", json!(0)),
        "num_beams": said("num_beams", json!(1)),
        "num_return_sequences": said("num_return_sequences", json!(1)),
        "past_present_share_buffer": true,
        "repetition_penalty": said("repetition_penalty", json!(1.0)),
        "temperature": said("temperature", json!(1.0)),
        "top_k": said("top_k", json!(50)),
        "top_p": said("top_p", json!(1.0)),
    })
}

/// `lamassu.json`: how prompts are made, which graphs there are, and how far they are off.
pub(super) fn card(source: &Source, import: &Import<'_>, precision: Precision, drifts: &[Drift]) -> Vec<u8> {
    let mut card = Map::new();
    // A guard is told by its tokenizer's words: its card would need the categories it was trained on.
    if source.template != Template::LlamaGuard1 {
        card.insert("template".to_owned(), json!(source.template.name()));
    }
    if plan::scores_apart(import.provider, precision) {
        card.insert("graphs".to_owned(), json!({ "score": plan::SCORE, "prefix": plan::PREFIX }));
    }
    let drifts: Vec<Value> = drifts
        .iter()
        .map(|drift| json!({ "graph": drift.graph, "median": drift.median, "largest": drift.largest, "answers": drift.answers }))
        .collect();
    let imported = json!({
        "device": import.provider.name(),
        "precision": precision.name(),
        "drift": drifts,
        "accepts_drift": import.accepts_drift,
    });
    card.insert("imported".to_owned(), imported);
    lines(&Value::Object(card))
}

fn lines(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}
