//! Models with graphs of their own for scoring.

use std::fs;

use inference::{InferenceError, Llama, LlamaOptions, ModelFolder, Verb};

use crate::{
    llama_support::{Golden, folder_with, golden, kept, options},
    support::{distance, model, runtime},
};

const GQA: &str = "golden-llama/gqa";
const CARD: &str = r#"{"graphs": {"score": "score.onnx", "prefix": "prefix.onnx"}}"#;

/// A copy of a golden model in which each part has a graph file of its own; one of them cannot be run.
fn three_graphs(broken: &str) -> tempfile::TempDir {
    let folder = folder_with(GQA, &[("lamassu.json", CARD)]);
    let graph = fs::read(model(GQA).join("model.onnx")).expect("the graph");
    for name in ["model.onnx", "score.onnx", "prefix.onnx"] {
        let graph = if name == broken { unknown_operator(&graph) } else { graph.clone() };
        fs::write(folder.path().join(name), graph).expect("written");
    }
    folder
}

/// The same graph with an operator that there is not.
fn unknown_operator(graph: &[u8]) -> Vec<u8> {
    let operator = b"SkipSimplifiedLayerNormalization";
    let at = graph.windows(operator.len()).position(|window| window == operator).expect("the operator");
    let mut graph = graph.to_vec();
    graph[at] = b'X';
    graph
}

fn first(verb: Verb) -> LlamaOptions {
    LlamaOptions { first: verb, ..options() }
}

#[tokio::test]
async fn scores_come_from_the_scoring_graphs_and_texts_from_the_generating_one() {
    let folder = three_graphs("none");
    let llama = Llama::load(runtime(), folder.path(), &options()).expect("a LLaMA");
    let Golden { cached, greedy, logit_indices, .. } = golden(GQA);
    for suffix in &cached.suffixes {
        let logits = llama.logits(&cached.prefix, &suffix.ids).await.expect("logits");
        assert!(distance(&kept(&logits, &logit_indices), &suffix.logits) < 1e-3);
    }
    assert_eq!(llama.continued(&greedy.prompt, 100).await.expect("generated").ids, greedy.ids);
}

#[tokio::test]
async fn who_only_scores_does_not_load_the_generating_graph() {
    let folder = three_graphs("model.onnx");
    let llama = Llama::load(runtime(), folder.path(), &first(Verb::Score)).expect("a LLaMA");
    let Golden { cached, .. } = golden(GQA);
    llama.logits(&cached.prefix, &cached.suffixes[0].ids).await.expect("logits");
    let error = llama.continued(&[1, 5], 3).await.expect_err("it cannot run");
    assert!(matches!(error, InferenceError::NoDevice { .. }), "{error}");
    llama.logits(&cached.prefix, &cached.suffixes[1].ids).await.expect("it goes on");
}

#[tokio::test]
async fn who_only_generates_does_not_load_the_scoring_graphs() {
    for broken in ["score.onnx", "prefix.onnx"] {
        let folder = three_graphs(broken);
        let llama = Llama::load(runtime(), folder.path(), &first(Verb::Generate)).expect("a LLaMA");
        let Golden { greedy, .. } = golden(GQA);
        assert_eq!(llama.continued(&greedy.prompt, 100).await.expect("generated").ids, greedy.ids);
        let error = llama.logits(&[1, 5], &[7]).await.expect_err("it cannot run");
        assert!(matches!(error, InferenceError::NoDevice { .. }), "{error}");
        let error = Llama::load(runtime(), folder.path(), &first(Verb::Score)).expect_err("no scoring");
        assert!(error.to_string().contains(broken), "{error}");
    }
}

#[test]
fn a_card_names_graphs_of_its_folder_and_no_others() {
    let refused = |card: &str, sentence: &str| {
        let folder = folder_with(GQA, &[("lamassu.json", card), ("empty.onnx", "")]);
        let error = ModelFolder::read(folder.path()).expect_err("it cannot be used");
        let said = match &error {
            InferenceError::Read { path, .. } => path.display().to_string(),
            other => other.to_string(),
        };
        assert!(said.contains(sentence), "`{sentence}` is not in: {said}");
    };
    refused(r#"{"graphs": {"score": "../model.onnx"}}"#, "`graphs.score` is `../model.onnx`");
    refused(r#"{"graphs": {"prefix": "a\\b.onnx"}}"#, "only a file of this folder");
    refused(r#"{"graphs": {"score": "none.onnx"}}"#, "none.onnx");
    refused(r#"{"graphs": {"prefix": "empty.onnx"}}"#, "empty.onnx` cannot be used");
    refused(r#"{"graphs": {"scores": "model.onnx"}}"#, "unknown field `scores`");
}

#[test]
fn a_scoring_graph_with_other_names_is_refused() {
    let folder = three_graphs("none");
    let graph = fs::read(model("tiny-llama").join("model.onnx")).expect("the graph");
    let name = b"past_key_values.1.key";
    let at = graph.windows(name.len()).position(|window| window == name).expect("the name");
    let mut other = graph;
    // Each time it occurs, so that the graph itself holds together.
    for start in at..other.len() - name.len() {
        if other[start..].starts_with(name) {
            other[start] = b'q';
        }
    }
    fs::write(folder.path().join("score.onnx"), other).expect("written");
    let error = ModelFolder::read(folder.path()).expect_err("it cannot be used");
    assert!(error.to_string().contains("score.onnx"), "{error}");
    assert!(error.to_string().contains("it has no input `past_key_values.1.key`"), "{error}");
}

#[test]
fn the_digest_names_every_graph_once() {
    let digest = |folder: &tempfile::TempDir| {
        ModelFolder::read(folder.path()).expect("a model").digest().expect("a digest")
    };
    assert_ne!(digest(&three_graphs("score.onnx")), digest(&three_graphs("none")));
    assert_ne!(digest(&three_graphs("prefix.onnx")), digest(&three_graphs("none")));
    let names = |folder: &tempfile::TempDir| -> Vec<String> {
        let files = ModelFolder::read(folder.path()).expect("a model").files().expect("files");
        let name = |path: &std::path::Path| path.file_name().expect("a name").to_string_lossy().into_owned();
        files.iter().map(|file| name(&file.path)).collect()
    };
    let same = folder_with(GQA, &[("lamassu.json", r#"{"graphs": {"score": "model.onnx"}}"#)]);
    assert_eq!(names(&same), ["model.onnx", "model.onnx.data", "tokenizer.json", "lamassu.json"]);
    let all =
        ["model.onnx", "model.onnx.data", "tokenizer.json", "score.onnx", "prefix.onnx", "lamassu.json"];
    assert_eq!(names(&three_graphs("none")), all);
}
