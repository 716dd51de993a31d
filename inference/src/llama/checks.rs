//! What can be wrong with the files of a model folder, in a sentence each.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::{
    genai::{self, GenaiConfig},
    graph::{ElementType, Outline},
};
use crate::InferenceError;

pub(super) fn bad(path: &Path, reason: String) -> InferenceError {
    InferenceError::Format { path: path.to_owned(), reason }
}

fn read(path: &Path) -> Result<Vec<u8>, InferenceError> {
    std::fs::read(path).map_err(|source| InferenceError::Read { path: path.to_owned(), source })
}

pub(super) fn json<T: DeserializeOwned>(path: &Path) -> Result<T, InferenceError> {
    serde_json::from_slice(&read(path)?).map_err(|error| bad(path, error.to_string()))
}

pub(super) fn check(config: &GenaiConfig, path: &Path) -> Result<(), InferenceError> {
    let model = &config.model;
    if model.kind != "llama" {
        let reason = format!("`model.type` is `{}`, and only `llama` can be used", model.kind);
        return Err(bad(path, reason));
    }
    let decoder = &model.decoder;
    for (field, value) in [
        ("context_length", model.context_length),
        ("vocab_size", model.vocab_size),
        ("decoder.head_size", decoder.head_size),
        ("decoder.num_hidden_layers", decoder.num_hidden_layers),
        ("decoder.num_key_value_heads", decoder.num_key_value_heads),
    ] {
        if !(1..=1 << 24).contains(&value) {
            return Err(bad(path, format!("`model.{field}` is {value}")));
        }
    }
    Ok(())
}

pub(super) fn outline(graph: &Path) -> Result<Outline, InferenceError> {
    Outline::read(&read(graph)?)
        .map_err(|_| bad(graph, "it is no ONNX file, or only a part of one".to_owned()))
}

/// A folder without `genai_config.json` may hold the one other layout that people have.
pub(crate) fn refuse_llama_2_onnx(folder: &Path) -> Result<(), InferenceError> {
    let entries = std::fs::read_dir(folder)
        .map_err(|source| InferenceError::Read { path: folder.to_owned(), source })?;
    let mut graphs: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    graphs.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    graphs.sort();
    for graph in graphs {
        if let Ok(outline) = outline(&graph) {
            refuse_other_layouts(&outline, &graph)?;
        }
    }
    Ok(())
}

/// microsoft/Llama-2-Onnx takes embeddings, not tokens, and its table of embeddings is not in the graph.
pub(super) fn refuse_other_layouts(outline: &Outline, graph: &Path) -> Result<(), InferenceError> {
    if outline.inputs.contains_key("attn_mask") && outline.inputs.contains_key("x") {
        let reason = "it is laid out as microsoft/Llama-2-Onnx, whose graph takes embeddings and not tokens: export the \
                      model with onnxruntime-genai's builder";
        return Err(bad(graph, reason.to_owned()));
    }
    Ok(())
}

pub(super) fn check_names(
    config: &GenaiConfig,
    outline: &Outline,
    graph: &Path,
) -> Result<(), InferenceError> {
    let decoder = &config.model.decoder;
    let (inputs, outputs) = (&decoder.inputs, &decoder.outputs);
    let of_layers = |patterns: [&String; 2]| -> Vec<String> {
        let patterns = patterns.map(String::as_str);
        let layers = 0..decoder.num_hidden_layers;
        layers.flat_map(|layer| patterns.map(|pattern| genai::of_layer(pattern, layer))).collect()
    };
    let past = of_layers([&inputs.past_key_names, &inputs.past_value_names]);
    let present = of_layers([&outputs.present_key_names, &outputs.present_value_names]);
    let floats = [ElementType::FLOAT32, ElementType::FLOAT16];
    for (side, names, there) in [
        (
            "input",
            [&past[..], &[inputs.input_ids.clone(), inputs.attention_mask.clone()]].concat(),
            &outline.inputs,
        ),
        ("output", [&present[..], std::slice::from_ref(&outputs.logits)].concat(), &outline.outputs),
    ] {
        if let Some(missing) = names.iter().find(|name| !there.contains_key(*name)) {
            return Err(bad(graph, format!("it has no {side} `{missing}`, which genai_config.json names")));
        }
    }
    for name in present.iter().chain([&outputs.logits]) {
        if let Some(kind) = outline.outputs.get(name).filter(|kind| !floats.contains(kind)) {
            return Err(bad(graph, format!("its output `{name}` is {}, not fp32 or fp16", kind.name())));
        }
    }
    let known = [&inputs.input_ids, &inputs.attention_mask, &inputs.position_ids];
    let stranger = outline.inputs.keys().find(|name| !past.contains(name) && !known.contains(name));
    match stranger {
        Some(name) => Err(bad(graph, format!("its input `{name}` is none that a LLaMA has"))),
        None => Ok(()),
    }
}
