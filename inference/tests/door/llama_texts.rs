//! Generated texts: beside others, in forms, as they grow.

use std::time::{Duration, Instant};

use inference::{
    Constraint, Finish, GenerateOptions, Generated, InferenceError, Llama, LlamaOptions, Prompt, Sampling,
    Written,
};
use serde_json::json;

use crate::{
    llama_support::{Golden, folder_with, golden, llama, load, options, text_of},
    support::{model, runtime},
};

const RANDOM: [&str; 2] = ["golden-llama/mha", "golden-llama/gqa"];

fn drawn(new: usize, seed: u64) -> GenerateOptions {
    let sampling = Sampling { temperature: 1.0, seed, ..Sampling::default() };
    GenerateOptions { new, sampling, ..GenerateOptions::default() }
}

/// Texts of other lengths from other prompts, which join and leave while another one grows.
async fn others(llama: &Llama, count: u32) {
    let one = |number: u32| async move {
        let prompt: Vec<u32> = (0..=number * 7).map(|at| 3 + (at * 31 + number) % 280).collect();
        let new = usize::try_from(5 + number * 9).expect("small");
        llama.continued(&prompt, drawn(new, number.into())).await.expect("generated");
    };
    futures::future::join_all((0..count).map(one)).await;
}

#[tokio::test]
async fn the_likeliest_tokens_are_those_of_the_reference_beside_others_too() {
    for name in RANDOM {
        let llama = load(&model(name));
        let Golden { greedy, .. } = golden(name);
        let texts = futures::future::join_all((0..3).map(|_| llama.continued(&greedy.prompt, 100)));
        for text in tokio::join!(texts, others(&llama, 8)).0 {
            let text = text.expect("generated");
            assert_eq!((text.ids, text.finish), (greedy.ids.clone(), Finish::Length), "{name}");
        }
    }
}

#[tokio::test]
async fn a_graph_that_cannot_share_its_buffer_writes_the_same_texts_side_by_side() {
    let name = RANDOM[1];
    let config = text_of(name, "genai_config.json");
    let separate =
        config.replace("\"past_present_share_buffer\": true", "\"past_present_share_buffer\": false");
    assert_ne!(config, separate);
    let folder = folder_with(name, &[("genai_config.json", &separate)]);
    let (llama, Golden { greedy, .. }) = (load(folder.path()), golden::<Golden>(name));
    let text = tokio::join!(llama.continued(&greedy.prompt, 100), others(&llama, 4)).0;
    assert_eq!(text.expect("generated").ids, greedy.ids);
}

#[tokio::test]
async fn the_same_seed_writes_the_same_text_alone_and_among_eight_others() {
    let llama = load(&model(RANDOM[0]));
    let prompt = [1, 90, 17, 204];
    let options = GenerateOptions {
        sampling: Sampling { top_p: 0.95, min_p: 0.01, repetition: 1.1, ..drawn(80, 42).sampling },
        ..drawn(80, 42)
    };
    let alone = llama.continued(&prompt, options.clone()).await.expect("generated");
    let among = tokio::join!(llama.continued(&prompt, options.clone()), others(&llama, 8)).0;
    assert_eq!(alone.ids, among.expect("generated").ids);
    let other = GenerateOptions { sampling: Sampling { seed: 43, ..options.sampling.clone() }, ..options };
    assert_ne!(alone.ids, llama.continued(&prompt, other).await.expect("generated").ids);
}

#[tokio::test]
async fn what_is_heard_while_a_text_grows_is_the_text() {
    let llama = llama("tiny-llama");
    let prompt = Prompt::chat(None, &[], "What is a lamassu?");
    let whole = llama.generate(&prompt, 60).await.expect("generated");
    let mut writing = llama.stream(&prompt, 60).await.expect("a stream");
    let (mut text, mut parts, mut end) = (String::new(), 0, None);
    while let Some(part) = writing.next().await {
        match part.expect("a part") {
            Written::Text(part) => {
                text.push_str(&part);
                parts += 1;
            }
            Written::End(generated) => end = Some(generated),
        }
    }
    let end: Generated = end.expect("an end");
    assert!(parts > 1, "in parts");
    assert_eq!((&end.text, &end.ids, end.finish), (&text, &whole.ids, whole.finish));
    assert_eq!(text, whole.text);
    assert_eq!(text, llama.tokenizer().detokenize(&whole.ids).expect("text"));
}

#[tokio::test]
async fn a_stop_string_cuts_the_text_before_it_wherever_tokens_part() {
    let llama = llama("tiny-llama");
    let prompt = Prompt::chat(None, &[], "What is a lamassu?");
    let whole = llama.generate(&prompt, 60).await.expect("generated").text;
    let (at, _) = whole.char_indices().nth(20).expect("a long text");
    // Across three characters, so that it is no token's own.
    let stop: String = whole[at..].chars().take(3).collect();
    let stops = vec!["never in it".to_owned(), stop.clone()];
    let cut = llama.generate(&prompt, GenerateOptions { stops, ..60.into() }).await.expect("generated");
    assert_eq!((cut.text.as_str(), cut.finish), (&whole[..whole.find(&stop).expect("it")], Finish::Stop));
}

/// A text in a form, from a model with random weights that would write anything.
async fn formed(seed: u64, constraint: Constraint) -> Generated {
    let constraint = Some(constraint);
    let options = GenerateOptions { constraint, ..drawn(200, seed) };
    let generated = llama(RANDOM[0]).generate(&Prompt::raw("the"), options).await.expect("generated");
    assert_eq!(generated.finish, Finish::End, "{:?}", generated.text);
    generated
}

#[tokio::test]
async fn a_text_has_the_form_that_is_asked_for() {
    let texts = ["safe", "unsafe", "I don't (quite) know", "é🙂"].map(str::to_owned);
    let schema = json!({
        "type": "object",
        "properties": {
            "severity": { "type": "integer", "minimum": 0, "maximum": 7 },
            "category": { "enum": ["hate", "none"] },
        },
        "required": ["severity", "category"],
        "additionalProperties": false,
    });
    let mut found = std::collections::BTreeSet::new();
    for seed in 0..12 {
        let one = formed(seed, Constraint::OneOf(texts.to_vec())).await.text;
        assert!(texts.contains(&one), "{one:?}");
        found.insert(one);
        let number = formed(seed, Constraint::Regex(r"-?[0-9]{2,4}(\.[0-9]{1,3})?!".to_owned())).await.text;
        let digits = number.strip_suffix('!').expect("its end");
        let whole = digits.trim_start_matches('-').split('.').next().expect("a number");
        assert!(digits.parse::<f64>().is_ok() && (2..=4).contains(&whole.len()), "{number:?}");
        let text = formed(seed, Constraint::JsonSchema(schema.clone())).await.text;
        let object: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert!((0..=7).contains(&object["severity"].as_i64().expect("a number")), "{text}");
        assert!(["hate", "none"].contains(&object["category"].as_str().expect("a category")), "{text}");
    }
    assert!(found.len() > 1, "chance still has its say: {found:?}");
}

#[tokio::test]
async fn a_form_that_cannot_be_followed_is_refused_at_once() {
    let llama = llama(RANDOM[0]);
    for constraint in [
        Constraint::Regex("(".to_owned()),
        Constraint::OneOf(Vec::new()),
        Constraint::JsonSchema(json!({"type": "lamassu"})),
    ] {
        let options = GenerateOptions { constraint: Some(constraint), ..5.into() };
        let error = llama.continued(&[1, 5], options).await.expect_err("no form");
        assert!(matches!(error, InferenceError::BadOption { option: "constraint", .. }), "{error}");
    }
}

#[tokio::test]
async fn options_that_cannot_work_are_refused_by_name() {
    let llama = llama(RANDOM[0]);
    let plain = Sampling::default();
    for (option, sampling) in [
        ("temperature", Sampling { temperature: f32::NAN, ..plain.clone() }),
        ("top_p", Sampling { top_p: 0.0, ..plain.clone() }),
        ("min_p", Sampling { min_p: 1.0, ..plain.clone() }),
        ("repetition", Sampling { repetition: 0.0, ..plain.clone() }),
        ("frequency", Sampling { frequency: 101.0, ..plain.clone() }),
        ("presence", Sampling { presence: -101.0, ..plain.clone() }),
        ("bias", Sampling { bias: vec![(5, f32::INFINITY)], ..plain.clone() }),
    ] {
        let options = GenerateOptions { sampling, ..5.into() };
        let error = llama.continued(&[1, 5], options).await.expect_err("no option");
        assert!(error.to_string().starts_with(&format!("`{option}` must be")), "{error}");
    }
    let sampling = Sampling { bias: vec![(288, 1.0)], ..plain };
    let error = llama.continued(&[1, 5], GenerateOptions { sampling, ..5.into() }).await;
    assert!(matches!(error, Err(InferenceError::UnknownToken { id: 288, .. })));
}

#[tokio::test]
async fn a_token_that_is_forbidden_does_not_come() {
    let Golden { greedy, .. } = golden(RANDOM[0]);
    let bias = greedy.ids[..3].iter().map(|id| (*id, f32::NEG_INFINITY)).collect();
    let options = GenerateOptions { sampling: Sampling { bias, ..Sampling::default() }, ..40.into() };
    let text = llama(RANDOM[0]).continued(&greedy.prompt, options).await.expect("generated");
    assert!(text.ids.iter().all(|id| !greedy.ids[..3].contains(id)), "{:?}", text.ids);
}

#[tokio::test]
async fn a_stream_that_is_dropped_makes_room_at_once() {
    let options = LlamaOptions { waiting: 2, ..options() };
    let llama = Llama::load(runtime(), &model("guard"), &options).expect("a LLaMA");
    let forever = Sampling { bias: vec![(2, f32::NEG_INFINITY)], ..Sampling::default() };
    let options = GenerateOptions { sampling: forever, ..3900.into() };
    let mut dropped = llama.stream(&Prompt::raw("the"), options.clone()).await.expect("a stream");
    let mut stays = llama.stream(&Prompt::raw("a"), options).await.expect("a stream");
    for writing in [&mut dropped, &mut stays] {
        assert!(matches!(writing.next().await, Some(Ok(Written::Text(_)))), "it grows");
    }
    let refused = llama.logits(&[1], &[5]).await;
    assert!(matches!(refused, Err(InferenceError::Overloaded)), "{refused:?}");
    drop(dropped);
    let mut parts = 0;
    loop {
        match llama.logits(&[1], &[5]).await {
            Ok(_) => break,
            Err(error) => assert!(matches!(error, InferenceError::Overloaded), "{error}"),
        }
        // The other one still grows: it would be there for thousands of tokens.
        assert!(matches!(stays.next().await, Some(Ok(Written::Text(_)))));
        parts += 1;
        assert!(parts < 3000, "the place is free");
    }
}

#[tokio::test]
async fn a_call_past_its_deadline_is_answered_so_and_no_other() {
    let llama = load(&model(RANDOM[0]));
    let late = llama.until(Instant::now());
    let error = late.logits(&[1], &[5]).await.expect_err("too late");
    assert!(matches!(error, InferenceError::DeadlinePassed), "{error}");
    let text = late.continued(&[1, 5], 9);
    let early = llama.until(Instant::now() + Duration::from_hours(1));
    let (text, other) = futures::join!(text, early.continued(&[1, 5], 9));
    assert!(matches!(text, Err(InferenceError::DeadlinePassed)));
    assert_eq!(other.expect("generated").ids.len(), 9);
}

#[tokio::test]
async fn no_tokens_asked_for_are_none_given() {
    let text = llama(RANDOM[0]).continued(&[1, 5], 0).await.expect("generated");
    assert_eq!((text.ids.len(), text.text.as_str(), text.finish), (0, "", Finish::Length));
}
