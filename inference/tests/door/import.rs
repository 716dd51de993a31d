//! Importing checkpoints: what the result computes, against the reference implementation.

use std::{fs, path::Path};

use futures::future::join_all;
use inference::{Finish, Graphs, ModelFolder, Precision, Provider, Template};
use safetensors::Dtype;

use crate::{
    import_support::{
        Checkpoint, Target, Written, checkpoint, golden, import, import_for, import_tried, put,
    },
    llama_support::load,
    support::{distance, model},
};

/// The largest difference between a model's logits and the reference's.
async fn off(folder: &Path, checkpoint: &Checkpoint, every: usize) -> f32 {
    let llama = load(folder);
    let mut worst: f32 = 0.0;
    for expected in &checkpoint.logits {
        let logits = llama.logits(&[], &expected.ids).await.expect("logits");
        let kept: Vec<f32> = logits.iter().step_by(every).copied().collect();
        worst = worst.max(distance(&kept, &expected.logits));
        // The same behind a remembered part.
        let (prefix, rest) = expected.ids.split_at(expected.ids.len() / 2);
        let logits = llama.logits(prefix, rest).await.expect("logits");
        let kept: Vec<f32> = logits.iter().step_by(every).copied().collect();
        worst = worst.max(distance(&kept, &expected.logits));
    }
    worst
}

#[tokio::test]
async fn an_fp32_import_gives_the_logits_and_200_tokens_of_the_reference() {
    let golden = golden();
    let names: Vec<&str> = golden.checkpoints.iter().map(|checkpoint| checkpoint.name.as_str()).collect();
    assert_eq!(names, ["mha", "mha", "mha", "gqa", "gqa", "gqa", "narrow", "tied"]);
    for checkpoint in &golden.checkpoints {
        let (from, to) = (checkpoint.write(), Target::new());
        import(from.path(), &to.path(), Precision::Fp32).expect("imported");
        let worst = off(&to.path(), checkpoint, golden.every).await;
        println!("{} {}: {worst:e}", checkpoint.name, checkpoint.seed);
        assert!(worst < 1e-3, "{} {}: {worst}", checkpoint.name, checkpoint.seed);
        let (llama, prompt) = (load(&to.path()), &checkpoint.logits[0].ids);
        let generated = llama.continued(prompt, 200).await.expect("generated");
        assert_eq!((generated.ids, generated.finish), (checkpoint.greedy.clone(), Finish::Length));
        // Its last quarter once more, behind what comes before as it is remembered, while others come and go.
        let (first, second) = checkpoint.greedy.split_at(150);
        let begun = [prompt.as_slice(), first].concat();
        llama.continued(&begun, 1).await.expect("generated");
        let others = checkpoint.logits.iter().map(|other| llama.continued(&other.ids, 70));
        let (again, others) = tokio::join!(llama.continued(&begun, 50), join_all(others));
        let again = again.expect("generated");
        assert_eq!(again.ids, second, "{} {}", checkpoint.name, checkpoint.seed);
        assert!(again.cached_tokens > 0, "{} of {}", again.cached_tokens, begun.len());
        assert!(others.iter().all(Result::is_ok), "{others:?}");
    }
}

#[tokio::test]
async fn a_score_in_whole_numbers_is_the_same_to_the_bit_whatever_runs_beside_it() {
    for name in ["mha", "gqa"] {
        let (checkpoint, to) = (checkpoint(name), Target::new());
        import(checkpoint.write().path(), &to.path(), Precision::Int8).expect("imported");
        let folder = ModelFolder::read(&to.path()).expect("a model");
        assert_ne!(folder.card().graphs, Graphs::default(), "the scoring graph is another one");
        let ids = &checkpoint.logits[0].ids;
        let (prefix, rest) = ids.split_at(ids.len() / 2);
        let bits = |logits: Vec<f32>| -> Vec<u32> { logits.into_iter().map(f32::to_bits).collect() };
        let alone = bits(load(&to.path()).logits(prefix, rest).await.expect("logits"));
        let llama = load(&to.path());
        for _ in 0..4 {
            let scores = (1..rest.len()).map(|length| llama.logits(prefix, &rest[..length]));
            let texts = checkpoint.logits.iter().map(|other| llama.continued(&other.ids, 9));
            let (scores, texts, beside) =
                tokio::join!(join_all(scores), join_all(texts), llama.logits(prefix, rest));
            assert!(scores.iter().all(Result::is_ok) && texts.iter().all(Result::is_ok));
            assert_eq!(bits(beside.expect("logits")), alone, "{name}");
        }
    }
}

#[tokio::test]
async fn weights_of_16_bits_and_in_several_shards_give_the_same_fp32_model() {
    let every = golden().every;
    for (name, kind, shards) in [("gqa", Dtype::F16, 1), ("mha", Dtype::BF16, 3), ("narrow", Dtype::BF16, 2)]
    {
        let checkpoint = checkpoint(name);
        let from = checkpoint.write_as(&Written { kind, shards, ..Written::default() });
        let to = Target::new();
        import(from.path(), &to.path(), Precision::Fp32).expect("imported");
        let worst = off(&to.path(), &checkpoint, every).await;
        assert!(worst < 1e-3, "{name} {kind:?}: {worst}");
    }
}

#[tokio::test]
async fn rounded_weights_are_as_far_off_as_rounding_brings_about() {
    let every = golden().every;
    for (name, precision, least, most) in [
        ("gqa", Precision::Fp16, 0.0, 0.03),
        ("narrow", Precision::Fp16, 0.0, 0.03),
        ("gqa", Precision::Int8, 1e-3, 0.8),
        ("tied", Precision::Int8, 1e-3, 0.8),
        ("narrow", Precision::Int8, 1e-3, 0.8),
        ("mha", Precision::Int4, 0.1, 4.0),
    ] {
        let checkpoint = checkpoint(name);
        let from = checkpoint.write_as(&Written { kind: Dtype::F16, ..Written::default() });
        let to = Target::new();
        import(from.path(), &to.path(), precision).expect("imported");
        let folder = ModelFolder::read(&to.path()).expect("a model");
        assert_eq!(folder.precision(), precision.name());
        let worst = off(&to.path(), &checkpoint, every).await;
        println!("{name} {precision}: {worst}");
        assert!(worst > least && worst < most, "{name} {precision}: {worst}");
    }
}

#[tokio::test]
async fn graphs_for_gpus_compute_the_same_on_the_processor() {
    let (checkpoint, every) = (checkpoint("gqa"), golden().every);
    for (provider, precision, most) in [
        (Provider::Cuda, Precision::Fp16, 0.03),
        (Provider::DirectMl, Precision::Fp16, 0.03),
        (Provider::Cuda, Precision::Int4, 4.0),
        (Provider::DirectMl, Precision::Int4, 4.0),
    ] {
        for kind in [Dtype::F16, Dtype::BF16] {
            let (from, to) = (checkpoint.write_as(&Written { kind, ..Written::default() }), Target::new());
            import_for(provider, from.path(), &to.path(), precision).expect("imported");
            let folder = ModelFolder::read(&to.path()).expect("a model");
            assert_eq!((folder.cache_precision(), folder.card().graphs == Graphs::default()), ("fp16", true));
            let worst = off(&to.path(), &checkpoint, every).await;
            assert!(worst < most, "{provider} {precision} {kind:?}: {worst}");
        }
    }
}

#[test]
fn what_is_not_rounded_points_into_the_checkpoints_own_files() {
    let from = checkpoint("gqa").write_as(&Written { kind: Dtype::F16, shards: 2, ..Written::default() });
    let to = Target::new();
    import_for(Provider::Cuda, from.path(), &to.path(), Precision::Fp16).expect("imported");
    let files = ModelFolder::read(&to.path()).expect("a model").files().expect("files");
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let names: Vec<String> = files.iter().map(|file| name(&file.path)).collect();
    let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    assert_eq!(
        names,
        ["model.onnx", shards[0], shards[1], "model.onnx.data", "tokenizer.json", "lamassu.json"]
    );
    for shard in shards {
        let bytes = |folder: &Path| fs::read(folder.join(shard)).expect("the shard");
        assert_eq!(bytes(from.path()), bytes(&to.path()));
    }
    // Only what is small is written anew: norms, cosines and sines.
    assert!(files[3].bytes < 50_000, "{} bytes", files[3].bytes);
}

#[test]
#[cfg(unix)]
fn links_out_of_the_checkpoint_are_resolved() {
    let real = checkpoint("mha").write();
    let from = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(real.path()).expect("the checkpoint") {
        let path = entry.expect("an entry").path();
        let link = from.path().join(path.file_name().expect("a name"));
        std::os::unix::fs::symlink(&path, link).expect("a link");
    }
    let to = Target::new();
    import(from.path(), &to.path(), Precision::Fp32).expect("imported");
    for entry in fs::read_dir(to.path()).expect("the model") {
        let path = entry.expect("an entry").path();
        assert!(path.symlink_metadata().expect("there").is_file(), "{}", path.display());
    }
    load(&to.path());
}

#[test]
fn the_tokenizer_and_what_belongs_to_it_go_along_byte_for_byte() {
    let from = checkpoint("mha").write();
    let words = "{{ '[INST] <<SYS>>' }}";
    put(&from, "chat_template.jinja", words.as_bytes());
    put(
        &from,
        "generation_config.json",
        br#"{"eos_token_id": [2, 5], "do_sample": true, "temperature": 0.6}"#,
    );
    let to = Target::new();
    import(from.path(), &to.path(), Precision::Int8).expect("imported");
    for name in ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"] {
        let bytes = |folder: &Path| fs::read(folder.join(name)).expect("the file");
        assert_eq!(bytes(from.path()), bytes(&to.path()), "{name}");
    }
    let folder = ModelFolder::read(&to.path()).expect("a model");
    assert_eq!(folder.template(), Template::Llama2Chat);
    let config: serde_json::Value =
        serde_json::from_slice(&fs::read(to.path().join("genai_config.json")).expect("the file"))
            .expect("JSON");
    assert_eq!(config["model"]["eos_token_id"], serde_json::json!([2, 5]));
    assert_eq!(config["model"]["pad_token_id"], 2);
    assert_eq!(config["search"]["temperature"], 0.6);
}

#[test]
fn an_import_to_8_bits_brings_graphs_to_score_with_and_says_how_far_they_are_off() {
    let (from, to) = (checkpoint("gqa").write(), Target::new());
    let imported = import_tried(from.path(), &to.path(), Precision::Int8, true).expect("imported");
    let graphs: Vec<&str> = imported.drifts.iter().map(|drift| drift.graph.as_str()).collect();
    assert_eq!(graphs, ["score.onnx", "model.onnx"]);
    for drift in &imported.drifts {
        println!("{drift:?}");
        // Of three questions, two answers each; random weights tell nothing of how far real ones are off.
        assert_eq!(drift.answers, 6);
        assert!(drift.median > 0.0 && drift.median <= drift.largest && drift.largest < 2.0, "{drift:?}");
    }
    let card = ModelFolder::read(&to.path()).expect("a model").card().clone();
    let Graphs { score, prefix } = &card.graphs;
    assert_eq!((score.as_deref(), prefix.as_deref()), (Some("score.onnx"), Some("prefix.onnx")));
    assert_eq!(card.imported["accepts_drift"], true);
    assert_eq!(card.imported["drift"][0]["median"], imported.drifts[0].median);
    let bytes = |name: &str| fs::metadata(to.path().join(name)).expect("the file").len();
    assert!(bytes("prefix.onnx") < 60_000 && bytes("score.onnx.data") > 100_000);
    // Nothing of the comparison is left.
    assert!(
        !fs::read_dir(to.path()).expect("the model").any(|entry| entry.expect("an entry").path().is_dir())
    );
}

#[test]
fn half_precision_is_hardly_off_and_unmodified_weights_have_nothing_to_be_compared_with() {
    let from = checkpoint("gqa").write();
    let to = Target::new();
    let imported = import_tried(from.path(), &to.path(), Precision::Fp16, false).expect("imported");
    assert_eq!(imported.drifts.len(), 1);
    assert!(imported.drifts[0].largest > 0.0 && imported.drifts[0].largest < 0.03, "{:?}", imported.drifts);
    let to = Target::new();
    let imported = import_tried(from.path(), &to.path(), Precision::Fp32, false).expect("imported");
    assert!(imported.drifts.is_empty());
}

#[tokio::test]
async fn a_folder_that_optimum_made_loads_as_it_is() {
    let (checkpoint, folder) = (checkpoint("mha"), tempfile::tempdir().expect("a folder"));
    assert_eq!(checkpoint.seed, 4, "the graph is of this checkpoint");
    put(&folder, "model.onnx", &fs::read(model("golden-llama/optimum.onnx")).expect("the graph"));
    let tensors = checkpoint.tensors();
    let data: Vec<u8> =
        tensors.values().flat_map(|tensor| &tensor.values).flat_map(|value| value.to_le_bytes()).collect();
    put(&folder, "model.onnx_data", &data);
    put(&folder, "tokenizer.json", &fs::read(model("golden-llama/gqa/tokenizer.json")).expect("a tokenizer"));
    let mut config = checkpoint.config.clone();
    config["model_type"] = serde_json::json!("llama");
    put(&folder, "config.json", config.to_string().as_bytes());
    let read = ModelFolder::read(folder.path()).expect("a model");
    assert_eq!((read.shares_buffer(), read.cache_precision(), read.shape().head_size), (false, "fp32", 16));
    let worst = off(folder.path(), &checkpoint, golden().every).await;
    assert!(worst < 1e-3, "{worst}");
    let generated = load(folder.path()).continued(&checkpoint.logits[0].ids, 200).await.expect("generated");
    assert_eq!(generated.ids, checkpoint.greedy);
    // Another architecture is refused by its name, as ever.
    config["model_type"] = serde_json::json!("mistral");
    put(&folder, "config.json", config.to_string().as_bytes());
    let error = ModelFolder::read(folder.path()).expect_err("another architecture");
    assert!(error.to_string().contains("`mistral`"), "{error}");
}
