//! Model folders: what is read of them, and how one that cannot be used says so.

use std::{fs, path::Path};

use inference::{Ability, InferenceError, ModelFolder, Template};

use crate::{
    llama_support::{folder_with, text_of},
    support::model,
};

const TINY: &str = "tiny-llama";

/// Asserts that a copy of the tiny model in which `file` has `before` changed to `after` is refused so.
fn check_changed(file: &str, before: &str, after: &str, sentence: &str) {
    let text = text_of(TINY, file);
    assert!(text.contains(before), "{file} has no {before}");
    let folder = folder_with(TINY, &[(file, &text.replacen(before, after, 1))]);
    refused(folder.path(), file, sentence);
}

fn refused(folder: &Path, file: &str, sentence: &str) {
    let error = ModelFolder::read(folder).expect_err("it cannot be used");
    let said = match &error {
        InferenceError::Read { path, source } => format!("{}: {source}", path.display()),
        other => other.to_string(),
    };
    assert!(said.contains(file) && said.contains(sentence), "`{sentence}` of `{file}` is not in: {said}");
}

#[test]
fn a_folder_says_what_it_holds() {
    let guard = ModelFolder::read(&model("guard")).expect("a model");
    let shape = guard.shape();
    assert_eq!((shape.layers, shape.heads, shape.key_value_heads, shape.head_size), (3, 8, 8, 32));
    assert_eq!((shape.hidden, shape.vocabulary, shape.context), (256, 8000, 4096));
    assert_eq!((guard.precision().as_str(), guard.cache_precision()), ("int8", "fp32"));
    assert_eq!(
        (guard.template(), guard.card().abilities.as_slice()),
        (Template::LlamaGuard1, &[Ability::Judge][..])
    );
    assert_eq!(guard.card().categories.len(), 17);
    assert!(guard.shares_buffer() && guard.card().precedents_block && guard.card().calibration.is_some());
    let names: Vec<_> = guard.files().expect("files").iter().map(|file| file.path.clone()).collect();
    assert_eq!(
        names,
        ["model.onnx", "model.onnx.data", "tokenizer.json", "lamassu.json"]
            .map(|name| model("guard").join(name))
    );
    assert_eq!(guard.digest().expect("a digest").len(), 64);
}

#[test]
fn the_digest_changes_with_graph_weights_tokenizer_or_card_and_nothing_else() {
    let whole = ModelFolder::read(&model(TINY)).expect("a model").digest().expect("a digest");
    let digest = |file: &str| {
        let folder = folder_with(TINY, &[]);
        let path = folder.path().join(file);
        let mut bytes = fs::read(&path).expect("the file");
        *bytes.last_mut().expect("bytes") ^= u8::from(file.ends_with("data"));
        bytes.extend_from_slice(if file.ends_with("json") { b" " } else { b"" });
        fs::write(&path, bytes).expect("written");
        ModelFolder::read(folder.path()).expect("a model").digest().expect("a digest")
    };
    assert_ne!(digest("model.onnx.data"), whole);
    assert_ne!(digest("tokenizer.json"), whole);
    assert_ne!(digest("lamassu.json"), whole);
    assert_eq!(digest("tokenizer_config.json"), whole);
    assert_eq!(digest("model.onnx"), whole);
}

#[test]
fn a_folder_without_card_takes_its_template_from_the_tokenizers_words() {
    for (template, words) in [
        (Template::Llama2Chat, "{{ '[INST] <<SYS>>' }}"),
        (Template::LlamaGuard1, "[INST] Task … <BEGIN UNSAFE CONTENT CATEGORIES>"),
        (Template::None, "{{ '<|im_start|>' }}"),
    ] {
        let config = format!("{{\"chat_template\": \"{words}\", \"anything\": 1}}");
        let folder = folder_with(TINY, &[("tokenizer_config.json", &config)]);
        fs::remove_file(folder.path().join("lamassu.json")).expect("removed");
        assert_eq!(ModelFolder::read(folder.path()).expect("a model").template(), template);
    }
    let folder = folder_with(TINY, &[]);
    fs::remove_file(folder.path().join("lamassu.json")).expect("removed");
    fs::remove_file(folder.path().join("tokenizer_config.json")).expect("removed");
    assert_eq!(ModelFolder::read(folder.path()).expect("a model").template(), Template::None);
}

#[test]
fn another_architecture_is_refused_by_its_name() {
    check_changed(
        "genai_config.json",
        "\"type\": \"llama\"",
        "\"type\": \"phi3\"",
        "`model.type` is `phi3`, and only `llama` can be used",
    );
}

#[test]
fn a_field_that_is_missing_is_named() {
    check_changed("genai_config.json", "\"head_size\"", "\"head_length\"", "missing field `head_size`");
}

#[test]
fn a_size_that_cannot_be_is_refused() {
    check_changed("genai_config.json", "\"vocab_size\": 512", "\"vocab_size\": 0", "`model.vocab_size` is 0");
}

#[test]
fn a_name_that_the_graph_does_not_have_is_refused() {
    check_changed(
        "genai_config.json",
        "past_key_values.%d.key",
        "past.%d.key",
        "it has no input `past.0.key`",
    );
}

#[test]
fn missing_files_are_named() {
    for (file, sentence) in [
        ("genai_config.json", "os error 2"),
        ("model.onnx", "os error 2"),
        ("model.onnx.data", "which is missing"),
    ] {
        let folder = folder_with(TINY, &[]);
        fs::remove_file(folder.path().join(file)).expect("removed");
        refused(folder.path(), file, sentence);
    }
    refused(Path::new("/no/such/folder"), "/no/such/folder", "os error");
    let folder = folder_with(TINY, &[]);
    fs::remove_file(folder.path().join("tokenizer.json")).expect("removed");
    let files = ModelFolder::read(folder.path()).expect("the rest is there").files();
    assert!(matches!(files, Err(InferenceError::Read { path, .. }) if path.ends_with("tokenizer.json")));
}

#[test]
fn a_graph_that_is_none_is_refused() {
    refused(
        folder_with(TINY, &[("model.onnx", "version https://git-lfs")]).path(),
        "model.onnx",
        "no ONNX file",
    );
}

#[test]
fn a_card_with_an_option_that_is_none_is_refused() {
    check_changed("lamassu.json", "\"test_only\"", "\"tests_only\"", "unknown field `tests_only`");
}

#[test]
fn a_card_with_a_template_that_is_none_is_refused() {
    check_changed("lamassu.json", "llama-2-chat", "llama-3-chat", "unknown variant `llama-3-chat`");
}

#[test]
fn a_guard_without_categories_is_refused() {
    check_changed("lamassu.json", "llama-2-chat", "llama-guard-1", "`categories` is empty");
}

#[test]
fn a_folder_of_microsofts_llama_2_onnx_is_refused_with_the_way_out() {
    // A graph of nothing but names: model { graph { input { name: "x" } … } }.
    let field = |number: u8, bytes: &[u8]| {
        [&[number << 3 | 2, u8::try_from(bytes.len()).expect("short")], bytes].concat()
    };
    let inputs = ["x", "attn_mask", "k_cache", "v_cache", "pos"];
    let graph: Vec<u8> = inputs.iter().flat_map(|name| field(11, &field(1, name.as_bytes()))).collect();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("LlamaV2_7B_float16.onnx"), field(7, &graph)).expect("written");
    refused(folder.path(), "LlamaV2_7B_float16.onnx", "microsoft/Llama-2-Onnx");
    refused(folder.path(), "LlamaV2_7B_float16.onnx", "export the model with onnxruntime-genai's builder");
}
