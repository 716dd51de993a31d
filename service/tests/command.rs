//! `lamassu` on the command line: the main job, and every kind of bad input.

#![expect(clippy::expect_used, reason = "a test that cannot start has failed")]

mod support;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::Digest;
use support::{assert_fails, err, file, folder, json_lines, lamassu, out, run_with};
use tempfile::TempDir;

const HARMLESS: &str = "Thanks for the quick reply, the printer works again.";
const HARMFUL: &str = "You are a worthless piece of shit and everybody hates you.";

/// A policy that lacks its stages.
const POLICY: &str = "name='p'\nversion='1'\nlanguages=['en']\n[thresholds]\n\
    score={flag=0.5,review=0.7,block=0.9}\nseverity={flag=1,review=3,block=4}\n\
    [[category]]\nname='hate'\ndefinition='x'\n";

fn action(line: &Value) -> &str {
    line["action"].as_str().expect("an action")
}

#[test]
fn a_text_gets_a_verdict_that_says_how_it_came_about() {
    let data = folder();
    let output = lamassu(data.path()).args(["moderate", HARMLESS]).output().expect("it runs");
    assert!(output.status.success(), "{}", err(&output));
    let said = out(&output);
    for part in ["ALLOW", "retrieve", "classify", "ran on cpu", "52 bytes", "policy default"] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert!(!said.contains('\u{1b}'), "colours are for terminals");
    assert!(std::fs::read_dir(data.path()).expect("the folder").next().is_none(), "judging writes nothing");
}

#[test]
fn lines_are_answered_in_order_and_a_bad_one_in_its_place() {
    let data = folder();
    let input = [
        json!({"id": "a", "text": HARMLESS, "other": "keys are the caller's"}).to_string().into_bytes(),
        b"this is no JSON".to_vec(),
        json!({"id": 7, "text": HARMFUL}).to_string().into_bytes(),
        json!({"id": "empty", "text": ""}).to_string().into_bytes(),
        json!({"id": "no text"}).to_string().into_bytes(),
        b"{\"id\":\"x\",\"text\":\"\xff\xfe\"}".to_vec(),
        json!({"id": "long", "text": "a".repeat(1_000_001)}).to_string().into_bytes(),
        json!({"id": "last", "text": HARMLESS}).to_string().into_bytes(),
    ]
    .join(&b'\n');
    let output = run_with(lamassu(data.path()).args(["moderate", "--jsonl"]), &input);
    let lines = json_lines(&output);
    let ids: Vec<&Value> = lines.iter().map(|line| &line["id"]).collect();
    assert_eq!(
        ids,
        [
            &json!("a"),
            &Value::Null,
            &json!(7),
            &json!("empty"),
            &json!("no text"),
            &Value::Null,
            &json!("long"),
            &json!("last")
        ]
    );
    let codes: Vec<&str> = lines.iter().map(|line| line["error"]["code"].as_str().unwrap_or("-")).collect();
    assert_eq!(
        codes,
        [
            "-",
            "json_unreadable",
            "-",
            "text_empty",
            "json_unreadable",
            "json_unreadable",
            "text_too_long",
            "-"
        ]
    );
    assert_eq!(lines[1]["line"], 2);
    assert_eq!(action(&lines[0]), "allow");
    assert_ne!(action(&lines[2]), "allow");
    assert_eq!(lines[0]["categories"].as_object().expect("categories").len(), 17);
    assert_eq!(output.status.code(), Some(1), "some lines could not be judged");
    assert!(err(&output).contains("3 texts in"), "{}", err(&output));
}

#[test]
fn the_record_says_which_stages_ran_on_what_over_which_bytes() {
    let data = folder();
    let text = "Am Samstag fährt der Zug über Köln nach Münster.";
    let line = json!({"text": text}).to_string();
    let output = run_with(lamassu(data.path()).args(["moderate", "--jsonl"]), line.as_bytes());
    let record = &json_lines(&output)[0]["record"];
    let stages = record["stages"].as_array().expect("stages");
    let names: Vec<&str> = stages.iter().filter_map(|stage| stage["stage"].as_str()).collect();
    assert_eq!(names, ["blocklist", "pii", "shield", "retrieve", "classify", "adjudicate"]);
    for stage in &stages[..5] {
        assert_eq!(stage["bytes"], json!([[0, text.len()]]), "{stage}");
        assert!(stage["ms"].is_number());
    }
    assert_eq!(stages[4]["device"], "cpu");
    assert_eq!((&stages[5]["status"], &stages[5]["bytes"]), (&json!("skipped"), &json!([])), "no doubt here");
    assert!(stages[5]["reason"].is_string());
    assert_eq!(record["degraded"], false);
    for model in ["encoder", "classifier", "llama"] {
        let digest = &record["models"][model];
        assert_eq!(digest.as_str().map(str::len), Some(64), "{model}: {digest}");
    }
    assert_eq!(record["policy"].as_str().map(str::len), Some(64));
}

#[test]
fn no_input_is_no_error() {
    let data = folder();
    let output = run_with(lamassu(data.path()).args(["moderate", "--jsonl"]), b"\n\n");
    assert!(output.status.success(), "{}", err(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn texts_that_cannot_be_judged_are_refused_with_the_reason() {
    let data = folder();
    let moderate = |text: &str| lamassu(data.path()).args(["moderate", text]).output().expect("it runs");
    assert_fails(&moderate(""), "empty");
    assert_fails(&moderate(" \u{200b}\n"), "white space");
    let unknown =
        lamassu(data.path()).args(["moderate", "--policy", "strict", "x"]).output().expect("it runs");
    assert_fails(&unknown, "there is no policy `strict`; there are: default");
}

#[test]
fn an_option_that_does_not_exist_is_refused_by_name() {
    let data = folder();
    let config = file(&data, "lamassu.toml", "[limits]\nmax_charz = 5\n");
    let output =
        lamassu(data.path()).arg("--config").arg(&config).args(["moderate", "x"]).output().expect("it runs");
    assert_fails(&output, "max_charz");
    assert!(err(&output).contains("max_chars"), "it should say what there is: {}", err(&output));
    let output = lamassu(data.path())
        .env("LAMASSU_LISTN", "127.0.0.1:1")
        .args(["moderate", "x"])
        .output()
        .expect("it runs");
    assert_fails(&output, "listn");
    let output =
        lamassu(data.path()).args(["moderate", "x", "--polcy", "default"]).output().expect("it runs");
    assert_fails(&output, "--polcy");
}

#[test]
fn environment_goes_over_the_file_and_the_command_line_over_both() {
    let data = folder();
    let config = file(&data, "lamassu.toml", "[limits]\nmax_chars = 4\n");
    let moderate = |limit: Option<&str>| {
        let mut command = lamassu(data.path());
        command.arg("--config").arg(&config).args(["moderate", "12345"]);
        limit.map(|limit| command.env("LAMASSU_LIMITS__MAX_CHARS", limit));
        command.output().expect("it runs")
    };
    assert_fails(&moderate(None), "4");
    assert!(moderate(Some("5")).status.success());
    assert_fails(&moderate(Some("0")), "a limit of 0 refuses everything");
}

#[test]
fn a_service_without_a_key_stays_on_loopback() {
    let data = folder();
    let output = lamassu(data.path()).args(["serve", "--listen", "0.0.0.0:0"]).output().expect("it runs");
    assert_fails(&output, "without an `api_key`, `listen` must be a loopback address");
}

#[test]
fn a_port_in_use_is_said_before_anything_is_loaded() {
    let data = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let output = lamassu(data.path())
        .args(["serve", "--listen", &address, "--models", "/nowhere"])
        .output()
        .expect("it runs");
    assert_fails(&output, &format!("cannot listen on {address}"));
}

#[test]
fn a_missing_model_file_is_named() {
    let data = folder();
    let models = data.path().join("models");
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    std::fs::create_dir_all(models.join("encoder")).expect("a folder");
    let copy = |name: &str| {
        std::fs::copy(source.join(name), models.join(name)).expect("a copy");
    };
    let moderate = |models: &std::path::Path| {
        lamassu(data.path()).arg("--models").arg(models).args(["moderate", "x"]).output().expect("it runs")
    };
    copy("encoder/model.onnx");
    assert_fails(&moderate(&models), "reader.safetensors");
    copy("encoder/reader.safetensors");
    assert_fails(&moderate(&models), "heads.safetensors");
    assert_fails(&moderate(&data.path().join("nowhere")), "model.onnx");
}

#[test]
fn a_library_that_is_none_is_refused_and_nothing_is_fetched() {
    let data = folder();
    let library = file(&data, "libonnxruntime.so", "not a library");
    let output = lamassu(data.path())
        .env("ORT_DYLIB_PATH", &library)
        .args(["moderate", "x"])
        .output()
        .expect("it runs");
    assert_fails(&output, "libonnxruntime.so");
}

#[test]
fn a_wrong_policy_is_refused_with_what_to_change() {
    let data = folder();
    let check = |content: &str| {
        let policy = file(&data, "policy.toml", content);
        lamassu(data.path()).args(["policy", "check"]).arg(policy).output().expect("it runs")
    };
    let stage = |lines: &str| format!("{POLICY}[[stage]]\n{lines}\n");
    assert_fails(&check(POLICY), "an empty pipeline allows everything");
    let unknown = stage("kind='clasify'\non_fault='skip'");
    assert_fails(
        &check(&unknown),
        "stage `clasify` does not exist; there are: adjudicate, blocklist, classify, pii, retrieve, shield",
    );
    let misspelt = stage("kind='classify'\non_fault='skip'\nweigh_form=0.5");
    assert_fails(&check(&misspelt), "unknown field `weigh_form`");
    assert_fails(&check(&stage("kind='classify'")), "on_fault");
    let nowhere = lamassu(data.path()).args(["policy", "check", "/nowhere.toml"]).output().expect("it runs");
    assert_fails(&nowhere, "`/nowhere.toml` cannot be read");
}

#[test]
fn a_case_known_to_fail_is_reported_and_has_to_go_on_failing() {
    let data = folder();
    let test = |text: &str| {
        let content = format!(
            "{POLICY}[[stage]]\nkind='blocklist'\non_fault='review'\nlists=['words']\n\
            [[blocklist]]\nname='words'\ncategory='hate'\nseverity=3\nterms=['quince']\n\
            [[case]]\nid='c-1'\ntext='{text}'\nlanguage='en'\naction='allow'\nknown_to_fail='quinces are also fruit'\n"
        );
        let policy = file(&data, "policy.toml", &content);
        lamassu(data.path()).args(["policy", "test"]).arg(policy).output().expect("it runs")
    };
    let fails = test("A quince, please.");
    assert!(fails.status.success(), "{}", err(&fails));
    assert!(out(&fails).contains("`c-1` is known to fail: expected allow, got review"), "{}", out(&fails));
    assert!(out(&fails).contains("quinces are also fruit\n0 cases hold, 1 are known to fail, 0 fail"));
    let holds = test("A pear, please.");
    assert!(!holds.status.success());
    assert!(out(&holds).contains("`c-1` holds now"), "{}", out(&holds));
}

#[test]
fn the_default_policy_passes_its_own_check() {
    let data = folder();
    let output = lamassu(data.path()).args(["policy", "check"]).output().expect("it runs");
    assert!(output.status.success(), "{}", err(&output));
    assert!(out(&output).starts_with("policy `default`"), "no warnings: {}", out(&output));
}

#[test]
fn a_confirmed_precedent_acts_at_once_and_an_unconfirmed_one_never() {
    let data = folder();
    let text = "The quince harvest festival opens on Friday at the old mill.";
    let moderate = || {
        let output = lamassu(data.path()).args(["moderate", "--json", text]).output().expect("it runs");
        json_lines(&output).remove(0)
    };
    let row =
        json!({"id": "t-1", "text": text, "ruling": "block", "category": "spam", "severity": 5}).to_string();
    let add = |more: &[&str]| {
        let output =
            run_with(lamassu(data.path()).args(["index", "add", "precedents"]).args(more), row.as_bytes());
        assert!(output.status.success(), "{}", err(&output));
    };
    assert_eq!(action(&moderate()), "allow");
    add(&[]);
    assert_eq!(action(&moderate()), "allow");
    add(&["--confirmed"]);
    let answer = moderate();
    assert_eq!(action(&answer), "block");
    let evidence = &answer["findings"][0]["evidence"][0];
    assert_eq!((&evidence["kind"], &evidence["id"]), (&json!("precedent"), &json!("t-1")));
    let classify = &answer["record"]["stages"][4];
    assert_eq!(classify["status"], "skipped");
    assert_eq!(classify["reason"], "the text is an exact copy of precedent `t-1`");
    let found = lamassu(data.path())
        .args(["index", "search", "precedents", "harvest at the mill"])
        .output()
        .expect("it runs");
    assert!(out(&found).contains("t-1  block  spam  confirmed"), "{}", out(&found));
    let stats = lamassu(data.path()).args(["index", "stats", "precedents"]).output().expect("it runs");
    assert!(out(&stats).starts_with("1 rows, 1 of them confirmed"), "{}", out(&stats));
}

/// The models that ship with a reader that reads otherwise, and heads that belong to it.
fn models_with_another_reader(folder: &TempDir) -> PathBuf {
    let (shipped, models) =
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("../models"), folder.path().join("models"));
    for part in ["encoder", "heads", "guard"] {
        std::fs::create_dir_all(models.join(part)).expect("a folder");
        for entry in std::fs::read_dir(shipped.join(part)).expect("it ships") {
            let file = entry.expect("it ships").path();
            let name = file.file_name().expect("a file");
            std::fs::copy(&file, models.join(part).join(name)).expect("copied");
        }
    }
    let read = |name: &str| std::fs::read(models.join(name)).expect("a file");
    let digest = |bytes: &[u8]| data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(bytes));
    let (mut reader, mut heads) = (read("encoder/reader.safetensors"), read("heads/heads.safetensors"));
    let shipped = digest(&reader);
    let end = reader.len();
    reader[end - 256..].fill(0);
    let named = heads.windows(shipped.len()).position(|bytes| bytes == shipped.as_bytes());
    let named = named.expect("the heads name their reader");
    heads[named..named + shipped.len()].copy_from_slice(digest(&reader).as_bytes());
    std::fs::write(models.join("encoder/reader.safetensors"), reader).expect("written");
    std::fs::write(models.join("heads/heads.safetensors"), heads).expect("written");
    models
}

#[test]
fn a_bank_outlives_the_reader_it_was_filled_under() {
    let data = folder();
    let row = json!({"id": "t-1", "text": "The quince harvest festival.", "ruling": "allow"}).to_string();
    let added = run_with(lamassu(data.path()).args(["index", "add", "precedents"]), row.as_bytes());
    assert!(added.status.success(), "{}", err(&added));
    let models = models_with_another_reader(&data);
    let search = ["index", "search", "precedents", "quince festival"];
    let found = lamassu(data.path()).arg("--models").arg(models).args(search).output().expect("it runs");
    assert!(out(&found).contains("t-1  allow"), "{}{}", out(&found), err(&found));
}

#[test]
fn rows_are_added_all_or_none() {
    let data = folder();
    let good = json!({"id": "a", "text": "x", "ruling": "allow"}).to_string();
    for (bad, sentence) in [
        ("{}", "line 2"),
        (
            r#"{"id":"b","text":"x","ruling":"blokc","category":"hate"}"#,
            "`ruling`: it is none of allow, flag, review, block",
        ),
        (r#"{"id":"b","text":"x","ruling":"block"}"#, "`category`: it goes with every ruling but `allow`"),
        (r#"{"id":"b","text":"","ruling":"allow"}"#, "empty"),
        (r#"{"id":"b","text":"x","ruling":"block","category":"hate","severity":8}"#, "`severity`"),
    ] {
        let input = format!("{good}\n{bad}\n");
        let output = run_with(lamassu(data.path()).args(["index", "add", "precedents"]), input.as_bytes());
        assert_fails(&output, sentence);
    }
    let stats = lamassu(data.path()).args(["index", "stats"]).output().expect("it runs");
    assert!(out(&stats).starts_with("there are no banks yet"), "{}", out(&stats));
}

#[test]
fn a_corrupt_index_is_named_and_left_alone() {
    let data = folder();
    let garbage = file(&data, "banks.redb", &"garbage ".repeat(1000));
    let output = lamassu(data.path()).args(["moderate", "x"]).output().expect("it runs");
    assert_fails(&output, "banks.redb");
    assert_eq!(std::fs::read(garbage).expect("it is there").len(), 8000);
}

#[test]
fn quality_is_measured_against_labels_and_missing_ones_count_nowhere() {
    let data = folder();
    let rows = [
        json!({"id": "1", "text": HARMFUL, "labels": {"toxicity": 1, "privacy": 1}}),
        json!({"id": "2", "text": HARMLESS, "labels": {"toxicity": 0, "spam": 0}, "lang": "fr"}),
        json!({"id": "3", "text": "A walk in the park.", "labels": {}}),
        json!({"id": "4", "text": ""}),
    ];
    let rows = rows.map(|row| row.to_string()).join(
        "
",
    );
    let set = file(&data, "set.jsonl", &rows);
    let output = lamassu(data.path()).args(["eval", "--json"]).arg(set).output().expect("it runs");
    assert!(output.status.success(), "{}", err(&output));
    let report = json_lines(&output).remove(0);
    assert_eq!((&report["texts"], &report["refused"]), (&json!(3), &json!(1)));
    assert_eq!(report["unmapped"], json!(["privacy"]));
    let toxicity =
        report["labels"].as_array().and_then(|labels| labels.iter().find(|l| l["label"] == "toxicity"));
    let toxicity = toxicity.expect("it is annotated");
    assert_eq!((&toxicity["annotated"], &toxicity["positives"]), (&json!(2), &json!(1)));
    assert_eq!(toxicity["auprc"], 1.0);
    for figure in ["calibration_error", "brier"] {
        let figure = toxicity[figure].as_f64().expect("a figure");
        assert!((0.0..=1.0).contains(&figure), "{figure}");
    }
    let parts = |by: &str| -> Vec<(String, u64)> {
        let parts = toxicity[by].as_array().expect("parts").iter();
        let part = |part: &Value| {
            (part["part"].as_str().expect("a name").to_owned(), part["annotated"].as_u64().expect("a count"))
        };
        let mut parts: Vec<_> = parts.map(part).collect();
        parts.sort();
        parts
    };
    // The language is what the row says, and where it says nothing, what the text is taken for.
    assert_eq!(parts("by_language"), [("en".to_owned(), 1), ("fr".to_owned(), 1)]);
    assert_eq!(parts("by_length"), [("51 to 200".to_owned(), 2)]);
}
