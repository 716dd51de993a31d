//! Checkpoints that cannot be imported: each is refused in a sentence with the way out, and nothing is left behind.

use std::{fs, path::Path, sync::atomic::AtomicBool};

use inference::{Import, ImportError, Precision, Provider};
use safetensors::Dtype;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    import_support::{Target, Written, checkpoint, import, import_for, import_tried, put},
    support::{model, runtime},
};

/// An error and its causes.
fn said(error: &ImportError) -> String {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}

/// Asserts that a checkpoint is refused with all of `parts` in the sentence, in every precision, with nothing left.
fn refused(from: &Path, parts: &[&str]) {
    for precision in [Precision::Fp32, Precision::Int4] {
        let to = Target::new();
        let error = import(from, &to.path(), precision).expect_err("it cannot be imported");
        let said = said(&error);
        for part in parts {
            assert!(said.contains(part), "`{part}` is not in: {said}");
        }
        assert!(to.entries().is_empty(), "{:?} is left", to.entries());
    }
}

/// A checkpoint whose configuration has other values in some fields.
fn configured(fields: &[(&str, Value)]) -> TempDir {
    checkpoint("mha").write_as(&Written { fields, ..Written::default() })
}

#[test]
fn a_missing_tensor_is_named() {
    let without = "model.layers.1.mlp.up_proj.weight";
    let from = checkpoint("mha").write_as(&Written { without, ..Written::default() });
    refused(from.path(), &[without, "is missing", "fetch the whole checkpoint"]);
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both_shapes() {
    let shaped = Some(("model.layers.0.self_attn.q_proj.weight", vec![64, 16]));
    let from = checkpoint("mha").write_as(&Written { shaped, ..Written::default() });
    refused(from.path(), &["layers.0.self_attn.q_proj", "[64, 16]", "[32, 32]"]);
}

#[test]
fn a_shard_that_ends_early_is_named() {
    let from = checkpoint("mha").write_as(&Written { shards: 2, ..Written::default() });
    let shard = from.path().join("model-00002-of-00002.safetensors");
    let bytes = fs::read(&shard).expect("the shard");
    for length in [bytes.len() - 1, 100, 5, 0] {
        fs::write(&shard, &bytes[..length]).expect("written");
        refused(from.path(), &["model-00002-of-00002.safetensors", "it ends early: fetch it again"]);
    }
    fs::write(&shard, b"version https://git-lfs.github.com/spec/v1\noid sha256:0").expect("written");
    refused(from.path(), &["model-00002-of-00002.safetensors", "it is no safetensors file"]);
    fs::remove_file(&shard).expect("removed");
    refused(from.path(), &["index.json", "`model-00002-of-00002.safetensors`, which is missing"]);
}

#[test]
fn an_index_that_leads_out_of_the_folder_is_refused() {
    let from = checkpoint("mha").write();
    let index = json!({ "weight_map": { "lm_head.weight": "../elsewhere.safetensors" } });
    put(&from, "model.safetensors.index.json", index.to_string().as_bytes());
    refused(from.path(), &["`../elsewhere.safetensors` is no file beside it"]);
}

#[test]
fn a_tokenizer_of_another_vocabulary_is_refused_with_both_sizes() {
    let from = checkpoint("mha").write();
    let other = fs::read(model("guard/tokenizer.json")).expect("a tokenizer");
    put(&from, "tokenizer.json", &other);
    refused(from.path(), &["tokenizer.json", "8000 tokens and the model 288", "another model's tokenizer"]);
    fs::remove_file(from.path().join("tokenizer.json")).expect("removed");
    refused(from.path(), &["tokenizer.json", "it is missing", "save_pretrained"]);
    put(&from, "tokenizer.json", b"{}");
    refused(from.path(), &["tokenizer.json"]);
}

#[test]
fn positions_that_were_stretched_are_refused_by_their_name() {
    let llama3 = json!({ "rope_type": "llama3", "factor": 8.0 });
    refused(
        configured(&[("rope_scaling", llama3.clone())]).path(),
        &["`rope_scaling`", "`llama3`", "default"],
    );
    refused(configured(&[("rope_parameters", llama3)]).path(), &["`rope_parameters`", "`llama3`"]);
    refused(
        configured(&[("rope_scaling", json!({ "type": "linear", "factor": 2.0 }))]).path(),
        &["`linear`"],
    );
    for plain in [json!(null), json!({ "rope_type": "default", "rope_theta": 10000.0 })] {
        let (from, to) = (configured(&[("rope_scaling", plain)]), Target::new());
        import(from.path(), &to.path(), Precision::Fp32).expect("imported");
    }
}

#[test]
fn what_is_no_plain_llama_is_refused_by_its_name() {
    let mistral = [("architectures", json!(["MistralForCausalLM"]))];
    refused(configured(&mistral).path(), &["`MistralForCausalLM`", "only `LlamaForCausalLM`"]);
    refused(configured(&[("attention_bias", json!(true))]).path(), &["`attention_bias`"]);
    refused(configured(&[("hidden_act", json!("gelu"))]).path(), &["`hidden_act` is `gelu`"]);
    refused(configured(&[("quantization_config", json!({ "bits": 4 }))]).path(), &["`quantization_config`"]);
    refused(configured(&[("vocab_size", json!(0))]).path(), &["`vocab_size` is 0"]);
    refused(configured(&[("num_key_value_heads", json!(0))]).path(), &["`num_key_value_heads` is 0"]);
    refused(configured(&[("num_attention_heads", json!(3))]).path(), &["3 attention heads"]);
    refused(configured(&[("eos_token_id", json!(288))]).path(), &["288", "control token"]);
    refused(configured(&[("hidden_size", json!("wide"))]).path(), &["config.json", "invalid type"]);
}

#[test]
fn weights_of_another_type_are_refused_by_their_name() {
    let from = checkpoint("mha").write();
    let view = safetensors::tensor::TensorView::new(Dtype::I32, vec![1], &[0; 4]).expect("a tensor");
    let bytes = safetensors::serialize([("lm_head.weight", view)], None).expect("serialized");
    put(&from, "model.safetensors", &bytes);
    refused(from.path(), &["`lm_head.weight` is of the type I32"]);
}

#[test]
fn pickled_weights_are_refused_with_the_way_out() {
    let from = checkpoint("mha").write();
    fs::remove_file(from.path().join("model.safetensors")).expect("removed");
    refused(from.path(), &["neither `model.safetensors` nor"]);
    put(&from, "pytorch_model-00001-of-00002.bin", b"PK");
    refused(from.path(), &["pickled", "save_pretrained"]);
}

#[test]
fn folders_in_other_forms_are_refused_with_the_way_out() {
    refused(&model("tiny-llama"), &["it is servable as it is"]);
    refused(&model("encoder"), &["it has no `config.json`"]);
    refused(Path::new("/no/such/folder"), &["/no/such/folder"]);
    // A graph of nothing but names: model { graph { input { name: "x" } … } }.
    let field = |number: u8, bytes: &[u8]| {
        [&[number << 3 | 2, u8::try_from(bytes.len()).expect("short")], bytes].concat()
    };
    let inputs = ["x", "attn_mask", "k_cache", "v_cache", "pos"];
    let graph: Vec<u8> = inputs.iter().flat_map(|name| field(11, &field(1, name.as_bytes()))).collect();
    let from = tempfile::tempdir().expect("a folder");
    put(&from, "LlamaV2_7B_float16.onnx", &field(7, &graph));
    refused(from.path(), &["microsoft/Llama-2-Onnx", "import the Hugging Face checkpoint"]);
}

#[test]
fn whatever_is_where_the_model_is_to_be_stays_as_it_is() {
    let (from, to) = (checkpoint("mha").write(), Target::new());
    fs::create_dir(to.path()).expect("a folder");
    let error = import(from.path(), &to.path(), Precision::Int8).expect_err("it is there");
    assert!(error.to_string().contains("is there already"), "{error}");
    assert!(fs::read_dir(to.path()).expect("the folder").next().is_none());
    fs::remove_dir(to.path()).expect("removed");
    fs::write(to.path(), "mine").expect("written");
    import(from.path(), &to.path(), Precision::Int8).expect_err("it is there");
    assert_eq!(fs::read(to.path()).expect("the file"), b"mine");
}

#[test]
fn a_precision_that_a_device_does_not_run_is_refused_with_those_it_runs() {
    let (from, to) = (checkpoint("mha").write(), Target::new());
    for precision in [Precision::Fp32, Precision::Int8] {
        let error = import_for(Provider::DirectMl, from.path(), &to.path(), precision).expect_err("refused");
        assert!(error.to_string().contains("it runs fp16 and int4"), "{error}");
    }
    assert!(to.entries().is_empty());
}

#[test]
fn a_model_that_is_too_far_off_is_refused_unless_that_is_accepted() {
    // Random weights in 8 bits, their activations too: far more off than any trained model's.
    let (from, to) = (checkpoint("mha").write(), Target::new());
    let error = import_tried(from.path(), &to.path(), Precision::Int4, false).expect_err("too far off");
    let said = error.to_string();
    assert!(
        said.contains("`score.onnx`") && said.contains("0.05") && said.contains("higher precision"),
        "{said}"
    );
    assert!(to.entries().is_empty(), "{:?} is left", to.entries());
    import_tried(from.path(), &to.path(), Precision::Int4, true).expect("accepted");
}

#[test]
fn a_cancelled_import_leaves_nothing() {
    let (from, to) = (checkpoint("mha").write(), Target::new());
    let cancelled = AtomicBool::new(true);
    let asked = Import {
        from: from.path(),
        to: &to.path(),
        provider: Provider::Cpu,
        precision: None,
        prompts: &[],
        choices: &[],
        accepts_drift: false,
        cancelled: &cancelled,
    };
    let error = inference::import(runtime(), &asked).expect_err("cancelled");
    assert!(matches!(error, ImportError::Cancelled), "{error}");
    assert!(to.entries().is_empty(), "{:?} is left", to.entries());
}

#[test]
#[cfg(unix)]
fn a_place_that_cannot_be_written_is_named() {
    let from = checkpoint("mha").write();
    let error = import(from.path(), Path::new("/proc/model"), Precision::Int8).expect_err("no place");
    let said = said(&error);
    assert!(said.contains("cannot write `/proc/model`, and nothing is left"), "{said}");
}
