//! `lamassu model` on the command line.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use support::{assert_fails, err, file, folder, json_lines, lamassu, out, run_with};

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(name)
}

fn golden(name: &str) -> Value {
    let text = std::fs::read(model(name).join("golden.json")).expect("the golden file");
    serde_json::from_slice(&text).expect("a readable golden file")
}

/// Runs `lamassu model` on a model of the repository.
fn check(command: &str, name: &str, arguments: &[&str], input: &[u8]) -> Output {
    let data = folder();
    run_with(lamassu(data.path()).args(["model", command]).arg(model(name)).args(arguments), input)
}

#[test]
fn inspecting_says_what_a_model_is() {
    let output = check("inspect", "guard", &[], b"");
    assert!(output.status.success(), "{}", err(&output));
    let said = out(&output);
    for part in [
        "layers         3",
        "heads          8 of 32",
        "kv heads       8",
        "vocabulary     8000",
        "context        4096 tokens",
        "weights        int8",
        "kv cache       fp32, one buffer",
        "template       llama-guard-1",
        "abilities      judge",
        "model.onnx.data (7346432 bytes)",
        "digest         ",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert_fails(&check("inspect", "encoder", &[], b""), "genai_config.json");
}

#[test]
fn probing_says_what_runs_it_and_why_nothing_else_does() {
    let output = check("probe", "tiny-llama", &["--providers", "cpu"], b"");
    assert!(output.status.success(), "{}", err(&output));
    assert!(out(&output).starts_with("cpu runs it\n"), "{}", out(&output));
    assert!(out(&output).contains("nodes of the probe run ran on it"), "{}", out(&output));
    assert!(out(&output).contains("  cuda: not"), "{}", out(&output));
    let output = check("probe", "tiny-llama", &["--providers", "cpu", "--require", "cuda"], b"");
    assert_fails(&output, "`cuda` is required, but the graph runs on `cpu`");
    let output = check("probe", "tiny-llama", &["--providers", "gpu"], b"");
    assert_fails(&output, "there is no provider `gpu`");
}

#[test]
fn a_prompt_is_continued_and_nothing_else_is_written() {
    let chat = &golden("tiny-llama")["chat"][0];
    let (prompt, text) = (chat["prompt"].as_str().expect("text"), chat["text"].as_str().expect("text"));
    let raw = check("generate", "tiny-llama", &["--prompt", prompt, "--new", "50", "--raw"], b"");
    assert_eq!(out(&raw), text, "{}", err(&raw));
    let question = prompt.trim_start_matches("[INST] ").trim_end_matches(" [/INST]");
    let templated = check("generate", "tiny-llama", &["--prompt", question, "--new", "50"], b"");
    assert_eq!(out(&templated), text, "{}", err(&templated));
    let short = check("generate", "tiny-llama", &["--prompt", question, "--new", "1"], b"");
    assert!(text.starts_with(&out(&short)) && !short.stdout.is_empty(), "{}", out(&short));
    let nothing = check("generate", "tiny-llama", &["--prompt", "", "--new", "3", "--raw"], b"");
    assert!(nothing.status.success() && !nothing.stdout.is_empty(), "{}", err(&nothing));
}

#[test]
fn a_text_left_to_chance_is_the_same_for_the_same_seed() {
    let drawn = |seed: &str, others: &[&str]| {
        let options = ["--prompt", "the", "--new", "30", "--raw", "--temperature", "1.5", "--seed", seed];
        let output = check("generate", "golden-llama/mha", &[&options[..], others].concat(), b"");
        assert!(output.status.success(), "{}", err(&output));
        out(&output)
    };
    assert_eq!(drawn("3", &[]), drawn("3", &[]));
    assert_ne!(drawn("3", &[]), drawn("4", &[]));
    // One token to choose from is the likeliest.
    assert_eq!(drawn("3", &["--top-k", "1"]), drawn("4", &["--top-k", "1"]));
    assert_eq!(drawn("3", &["--top-k", "1"]), drawn("4", &["--top-p", "0.0001"]));
    let output = check("generate", "golden-llama/mha", &["--prompt", "the", "--top-p", "0"], b"");
    assert_fails(&output, "`top_p` must be above 0 and at most 1");
}

#[test]
fn a_prompt_beyond_the_context_is_refused_with_both_numbers() {
    let long = "~".repeat(300);
    let output = check("generate", "golden-llama/mha", &["--prompt", &long, "--raw"], b"");
    assert_fails(&output, "the model's context leaves room for 256");
}

#[test]
fn lines_are_cut_into_tokens_with_nothing_but_the_tokenizer() {
    let alone = folder();
    std::fs::copy(model("guard/tokenizer.json"), alone.path().join("tokenizer.json")).expect("copied");
    let data = folder();
    let input = "<END CONVERSATION>\n\n</s> <s>\nHi".as_bytes();
    let output = run_with(lamassu(data.path()).args(["model", "tokenize"]).arg(alone.path()), input);
    assert!(output.status.success(), "{}", err(&output));
    let lines = json_lines(&output);
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[1], json!([]));
    let is_control = |id: &Value| id.as_u64().is_some_and(|id| id < 3);
    assert!(lines.iter().all(|ids| !ids.as_array().expect("ids").iter().any(is_control)), "{lines:?}");
    let output = run_with(lamassu(data.path()).args(["model", "tokenize"]).arg(alone.path()), b"a\n\xff\nb");
    assert_eq!((output.status.code(), json_lines(&output).len()), (Some(1), 3));
    assert_eq!(json_lines(&output)[1]["line"], 2);
    assert_eq!(json_lines(&output)[1]["error"]["code"], "json_unreadable");
}

#[test]
fn tokens_are_those_of_the_golden_file() {
    let golden = golden("guard");
    let prompt = golden["examples"][0]["prompt"].as_str().expect("text");
    let first = prompt.lines().next().expect("a line");
    let output = check("tokenize", "guard", &[], first.as_bytes());
    let (found, expected) = (&json_lines(&output)[0], golden["examples"][0]["ids"].as_array().expect("ids"));
    let found = found.as_array().expect("ids");
    assert_eq!(found[..], expected[1..=found.len()], "without BOS");
}

#[test]
fn lines_are_scored_in_order_and_a_bad_one_in_its_place() {
    let golden = golden("guard");
    let example = &golden["examples"][1];
    let prompt = example["prompt"].as_str().expect("text");
    let split = prompt.find("<BEGIN CONVERSATION>").expect("the marker");
    let (prefix, suffix) = prompt.split_at(split);
    let line = |suffix: &str| json!({"suffix": suffix, "choices": [" safe", " unsafe"]}).to_string();
    let long = line(&"word ".repeat(5000));
    let input =
        [line(suffix), "no JSON".to_owned(), "{\"suffix\": \"x\"}".to_owned(), long, line(suffix)].join("\n");
    let output = check("score", "guard", &["--prefix", prefix], input.as_bytes());
    let lines = json_lines(&output);
    assert_eq!((lines.len(), output.status.code()), (5, Some(1)), "{}", err(&output));
    let logprobs: Vec<f64> =
        lines[0]["logprobs"].as_array().expect("numbers").iter().filter_map(Value::as_f64).collect();
    let found = 1.0 / (1.0 + (logprobs[0] - logprobs[1]).exp());
    let expected = example["p_unsafe_exported"].as_f64().expect("a number");
    assert!((found - expected).abs() < 1e-3, "{found} {expected}");
    assert_eq!(lines[4], lines[0]);
    let codes: Vec<&str> =
        lines[1..4].iter().map(|line| line["error"]["code"].as_str().unwrap_or("-")).collect();
    assert_eq!(codes, ["json_unreadable", "json_unreadable", "field_invalid"]);
    assert_eq!(lines[3]["line"], 4);
    let message = lines[3]["error"]["message"].as_str().expect("a sentence");
    assert!(
        message.contains("the model's context leaves room for 4096") && !message.contains("word"),
        "{message}"
    );
}

#[test]
fn a_folder_that_cannot_be_used_says_why() {
    let data = folder();
    let broken = folder();
    file(&broken, "genai_config.json", "{\"model\": {\"type\": \"phi3\"}}");
    for command in ["inspect", "probe"] {
        let output =
            lamassu(data.path()).args(["model", command]).arg(broken.path()).output().expect("it runs");
        assert_fails(&output, "genai_config.json");
    }
    let output =
        lamassu(data.path()).args(["model", "tokenize"]).arg(broken.path()).output().expect("it runs");
    assert_fails(&output, "tokenizer.json");
}

#[test]
fn a_bench_counts_what_was_asked_for() {
    let sizes = ["--prefix", "12", "--suffix", "5", "--items", "3", "--new", "4", "--batch", "1,2", "--json"];
    let output = check("bench", "golden-llama/gqa", &sizes, b"");
    assert!(output.status.success(), "{}", err(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["score"]["items"], &report["score"]["tokens"]), (&json!(3), &json!(15)));
    assert_eq!((&report["uncached"]["items"], &report["uncached"]["tokens"]), (&json!(3), &json!(51)));
    // The context holds 256.
    assert_eq!((&report["prefill"]["items"], &report["prefill"]["tokens"]), (&json!(3), &json!(3 * 255)));
    let tokens = |at: usize| (&report["generate"][at]["batch"], &report["generate"][at]["tokens"]);
    assert_eq!((tokens(0), tokens(1)), ((&json!(1), &json!(3)), (&json!(2), &json!(6))), "{report}");
    assert_eq!(report["device"], "cpu");
    assert_fails(&check("bench", "golden-llama/gqa", &["--new", "5000"], b""), "context is");
    assert_fails(&check("bench", "golden-llama/gqa", &["--prefill", "256"], b""), "context is");
}

#[test]
fn what_a_model_is_able_to_do_is_measured_and_written_into_its_card() {
    let copy = folder();
    for entry in std::fs::read_dir(model("guard")).expect("the guard is there") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, copy.path().join(path.file_name().expect("a name"))).expect("it is copied");
    }
    let card = copy.path().join("lamassu.json");
    let read = || serde_json::from_slice::<Value>(&std::fs::read(&card).expect("a card")).expect("JSON");
    let mut claimed = read();
    claimed["abilities"] = json!(["judge", "chat", "summarize"]);
    std::fs::write(&card, claimed.to_string()).expect("it is written");
    let data = folder();
    let output = lamassu(data.path()).args(["model", "measure"]).arg(copy.path()).output().expect("it runs");
    assert!(output.status.success(), "{}", err(&output));
    let measured = read();
    assert_eq!(measured["abilities"], json!(["judge"]), "{}", out(&output));
    assert_eq!(measured["categories"], claimed["categories"]);
}
