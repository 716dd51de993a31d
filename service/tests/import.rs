//! `lamassu model import` on the command line.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::process::Command;
use std::process::Output;

use serde_json::{Map, json};
use support::{assert_fails, err, folder, lamassu, out, run_with};
use tempfile::TempDir;

const HIDDEN: usize = 64;
const INNER: usize = 96;
const VOCABULARY: usize = 288;

/// A checkpoint of one layer, its weights a smooth wave.
fn checkpoint() -> TempDir {
    let checkpoint = folder();
    let config = json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN, "intermediate_size": INNER,
        "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": VOCABULARY,
        "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "bos_token_id": 1, "eos_token_id": 2,
    });
    let put = |name: &str, bytes: &[u8]| fs::write(checkpoint.path().join(name), bytes).expect("written");
    put("config.json", config.to_string().as_bytes());
    let tokenizer = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/golden-llama/gqa/tokenizer.json");
    put("tokenizer.json", &fs::read(tokenizer).expect("a tokenizer"));
    put("model.safetensors", &weights());
    checkpoint
}

/// A safetensors file: the length of its header, the header, the numbers.
fn weights() -> Vec<u8> {
    let layer = |part: &str| format!("model.layers.0.{part}.weight");
    let tensors = [
        ("model.embed_tokens.weight".to_owned(), vec![VOCABULARY, HIDDEN]),
        ("model.norm.weight".to_owned(), vec![HIDDEN]),
        ("lm_head.weight".to_owned(), vec![VOCABULARY, HIDDEN]),
        (layer("input_layernorm"), vec![HIDDEN]),
        (layer("post_attention_layernorm"), vec![HIDDEN]),
        (layer("self_attn.q_proj"), vec![HIDDEN, HIDDEN]),
        (layer("self_attn.k_proj"), vec![HIDDEN / 2, HIDDEN]),
        (layer("self_attn.v_proj"), vec![HIDDEN / 2, HIDDEN]),
        (layer("self_attn.o_proj"), vec![HIDDEN, HIDDEN]),
        (layer("mlp.gate_proj"), vec![INNER, HIDDEN]),
        (layer("mlp.up_proj"), vec![INNER, HIDDEN]),
        (layer("mlp.down_proj"), vec![HIDDEN, INNER]),
    ];
    let (mut header, mut data) = (Map::new(), Vec::new());
    for (name, shape) in tensors {
        let start = data.len();
        for number in 0..shape.iter().product::<usize>() {
            let at = f32::from(u16::try_from(number % 60_000).expect("small"));
            let value = if shape.len() == 1 { 1.0 } else { (at * 0.7 + at * at * 0.001).sin() * 0.2 };
            data.extend(value.to_le_bytes());
        }
        header.insert(name, json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, data.len()] }));
    }
    let header = serde_json::to_vec(&header).expect("JSON");
    [&(header.len() as u64).to_le_bytes(), &*header, &data].concat()
}

fn import(checkpoint: &Path, to: &Path, arguments: &[&str]) -> Output {
    let data = folder();
    run_with(lamassu(data.path()).args(["model", "import"]).args([checkpoint, to]).args(arguments), b"")
}

#[test]
fn an_import_says_how_far_it_is_off_and_the_model_answers() {
    let (checkpoint, place) = (checkpoint(), folder());
    let to = place.path().join("model");
    let output = import(checkpoint.path(), &to, &["--precision", "int8", "--cases", "2", "--accept-drift"]);
    assert!(output.status.success(), "{}", err(&output));
    let said = out(&output);
    for part in ["precision      int8", "drift          score.onnx: median 0.", "of 4 log-probabilities"] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    let data = folder();
    let generate = ["model", "generate", "--prompt", "Hello", "--new", "3", "--raw"];
    let answer = run_with(lamassu(data.path()).args(generate).arg(&to), b"");
    assert!(answer.status.success() && !answer.stdout.is_empty(), "{}", err(&answer));
    assert_fails(&import(checkpoint.path(), &to, &[]), "is there already");
}

#[test]
fn what_cannot_be_imported_is_refused_in_one_line() {
    let place = folder();
    let (to, nothing) = (place.path().join("model"), folder());
    assert_fails(&import(nothing.path(), &to, &[]), "it has no `config.json`");
    assert_fails(&import(nothing.path(), &to, &["--precision", "int3"]), "there is no precision `int3`");
    assert_fails(&import(nothing.path(), &to, &["--for", "gpu"]), "there is no provider `gpu`");
    assert!(!to.exists());
}

#[test]
#[cfg(unix)]
fn a_disk_that_fills_leaves_nothing_behind() {
    let (checkpoint, place, data) = (checkpoint(), folder(), folder());
    let to = place.path().join("model");
    // No file may be larger than 100 kB, and writing on is an error, as on a full disk.
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "trap '' XFSZ; ulimit -f 200; exec \"$@\"",
        "sh",
        env!("CARGO_BIN_EXE_lamassu"),
        "--data",
    ]);
    command.arg(data.path()).args(["model", "import"]).arg(checkpoint.path()).arg(&to);
    let output =
        run_with(command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()), b"");
    assert_fails(&output, "cannot write");
    assert!(err(&output).contains("nothing is left of the import"), "{}", err(&output));
    assert_eq!(fs::read_dir(place.path()).expect("the folder").count(), 0);
}
