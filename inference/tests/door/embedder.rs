//! The encoder at its public door.

use std::sync::Arc;

use crate::support::{distance, embedder, forgetful, golden, load};
use inference::{EmbedderOptions, Embedding, InferenceError, Provider};

async fn both(texts: &[&str]) -> Vec<Embedding> {
    embedder().embed(texts).await.expect("embeddings")
}

async fn embed(texts: &[&str]) -> Vec<Arc<[f32]>> {
    both(texts).await.into_iter().map(|embedding| embedding.vector).collect()
}

/// The largest difference between two embeddings.
fn apart(one: &Embedding, other: &Embedding) -> f32 {
    distance(&one.vector, &other.vector).max(distance(&one.reading, &other.reading))
}

#[tokio::test]
async fn fifty_sentences_embed_as_in_the_reference_implementation() {
    let golden = golden();
    assert_eq!(golden.texts.len(), 50);
    let texts: Vec<&str> = golden.texts.iter().map(String::as_str).collect();
    assert_eq!((golden.embeddings.len(), golden.readings.len()), (50, 50));
    let mut worst: f32 = 0.0;
    for (text, (vector, reading)) in texts.iter().zip(golden.embeddings.iter().zip(&golden.readings)) {
        let [found] = &both(&[text]).await[..] else { panic!("one embedding") };
        let expected = Embedding {
            vector: vector.as_slice().into(),
            reading: reading.as_slice().into(),
            cached: found.cached,
        };
        worst = worst.max(apart(found, &expected));
    }
    println!("largest difference from the reference: {worst:e}");
    assert!(worst < 1e-4, "{worst}");
}

#[tokio::test]
async fn vector_and_reading_depend_on_neither_neighbours_nor_order() {
    let golden = golden();
    let texts: Vec<&str> = golden.texts.iter().map(String::as_str).collect();
    let reversed: Vec<&str> = texts.iter().rev().copied().collect();
    let together = both(&texts).await;
    let backwards = both(&reversed).await;
    let mut worst: f32 = 0.0;
    for (text, (found, other)) in texts.iter().zip(together.iter().zip(backwards.iter().rev())) {
        let alone = &both(&[text]).await[0];
        worst = worst.max(apart(found, other)).max(apart(found, alone));
    }
    println!("largest difference between batches: {worst:e}");
    assert!(worst < 1e-5, "{worst}");
}

#[tokio::test]
async fn vectors_have_length_one() {
    for vector in embed(&["", " ", "a", "Guten Morgen", "🙂🙂🙂", "\u{0}"]).await {
        assert_eq!(vector.len(), embedder().dimension());
        let length: f32 = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        assert!((length - 1.0).abs() < 1e-5, "{length}");
    }
}

#[tokio::test]
async fn readings_have_mean_zero_and_variance_one() {
    let count = 384.0;
    for Embedding { reading, .. } in both(&["", "a", "Guten Morgen", "🙂🙂🙂"]).await {
        assert_eq!(reading.len(), embedder().dimension());
        let mean = reading.iter().sum::<f32>() / count;
        let variance = reading.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count;
        assert!(mean.abs() < 1e-4 && (variance - 1.0).abs() < 1e-3, "{mean} {variance}");
    }
}

#[tokio::test]
async fn a_text_of_more_than_one_window_is_refused_and_not_cut_off() {
    let text = "word ".repeat(255);
    let error = embedder().embed(&["short", &text]).await.expect_err("too long");
    assert!(matches!(error, InferenceError::TooLong { tokens: 257, limit: 256 }), "{error}");
    embedder().embed(&[&"word ".repeat(254)]).await.expect("one window exactly");
}

#[tokio::test]
async fn the_names_of_special_tokens_in_a_text_are_ordinary_text() {
    let [pair, shouted] = &embed(&["good [SEP] bad", "good [sep] bad"]).await[..] else {
        panic!("two vectors")
    };
    assert!(distance(pair, shouted) < 1e-6);
}

#[tokio::test]
async fn a_text_seen_before_comes_from_memory_with_the_same_vector_and_reading() {
    let embedder = load(&EmbedderOptions { cache: 100, ..forgetful() }).expect("an encoder");
    let first = embedder.embed(&["seen", "unseen"]).await.expect("embeddings");
    let second = embedder.embed(&["new", "seen"]).await.expect("embeddings");
    assert_eq!(first.iter().map(|embedding| embedding.cached).collect::<Vec<_>>(), [false, false]);
    assert_eq!(second.iter().map(|embedding| embedding.cached).collect::<Vec<_>>(), [false, true]);
    assert_eq!(Embedding { cached: true, ..first[0].clone() }, second[1]);
}

#[tokio::test]
async fn one_call_more_than_the_queue_holds_is_overloaded_at_once() {
    let embedder = load(&EmbedderOptions { queue: 2, ..forgetful() }).expect("an encoder");
    let long = "many words to read ".repeat(60);
    let windows = vec![long.as_str(); 40];
    let calls = [embedder.embed(&windows), embedder.embed(&windows), embedder.embed(&windows)];
    let [first, second, third] = calls.map(Box::pin);
    let (first, second, third) = tokio::join!(first, second, async {
        let asked = std::time::Instant::now();
        (third.await, asked.elapsed())
    });
    assert!(first.is_ok() && second.is_ok());
    let (refused, waited) = third;
    assert!(matches!(refused, Err(InferenceError::Overloaded)));
    assert!(waited.as_millis() < 50, "{waited:?}");
    embedder.embed(&["later"]).await.expect("there is room again");
}

#[tokio::test]
async fn clones_share_one_queue_and_may_be_used_from_many_tasks() {
    let alone = &embed(&["shared"]).await[0];
    let tasks: Vec<_> = (0..32).map(|_| tokio::spawn(async { embed(&["shared"]).await })).collect();
    for task in tasks {
        assert!(distance(alone, &task.await.expect("a finished task")[0]) < 1e-5);
    }
}

#[test]
fn the_device_is_stated_with_its_proof() {
    let embedder = embedder();
    assert_eq!(embedder.device().provider, Provider::Cpu);
    let detail = &embedder.device().detail;
    println!("{detail}");
    assert!(detail.contains("nodes of the probe run ran on it"), "{detail}");
    assert!(detail.contains("cuda: not in this build"), "{detail}");
}

#[test]
fn a_provider_that_is_not_there_is_named_and_the_next_is_taken() {
    let providers = vec![Provider::Cuda, Provider::Cpu];
    let embedder =
        load(&EmbedderOptions { providers: providers.clone(), ..forgetful() }).expect("an encoder");
    assert_eq!(embedder.device().provider, Provider::Cpu);
    println!("{}", embedder.device().detail);
    assert!(embedder.device().detail.contains("cuda: "), "{}", embedder.device().detail);

    let strict = EmbedderOptions { providers, require: Some(Provider::Cuda), ..forgetful() };
    let refused = load(&strict).expect_err("a required device that is not there");
    assert!(
        refused.to_string().starts_with("`cuda` is required, but the graph runs on `cpu`: "),
        "{refused}"
    );

    let alone = EmbedderOptions { providers: vec![Provider::Cuda], ..forgetful() };
    let nowhere = load(&alone).expect_err("no device at all");
    assert!(matches!(nowhere, InferenceError::NoDevice { .. }), "{nowhere}");
}

#[test]
fn options_that_cannot_work_are_refused_by_name() {
    for (options, option) in [
        (EmbedderOptions { window_tokens: 257, ..forgetful() }, "window_tokens"),
        (EmbedderOptions { overlap: 200, ..forgetful() }, "window_tokens"),
        (EmbedderOptions { queue: 0, ..forgetful() }, "queue"),
        (EmbedderOptions { providers: Vec::new(), ..forgetful() }, "providers"),
    ] {
        let error = load(&options).expect_err("an option that cannot work");
        assert!(error.to_string().starts_with(&format!("`{option}` must be ")), "{error}");
    }
}

#[test]
fn a_missing_or_damaged_file_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let graph = crate::support::model("encoder/model.onnx");
    let refused = |expected: &str| {
        let load = inference::Embedder::load(crate::support::runtime(), folder.path(), &graph, &forgetful());
        let error = load.expect_err("a file is missing or damaged").to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused("tokenizer.json");
    std::fs::write(folder.path().join("tokenizer.json"), "{}").expect("written");
    refused("tokenizer.json");
    let tokenizer = crate::support::set_up().encoder().expect("the encoder").join("tokenizer.json");
    std::fs::copy(tokenizer, folder.path().join("tokenizer.json")).expect("copied");
    refused("model.safetensors");
    std::fs::write(folder.path().join("model.safetensors"), "short").expect("written");
    refused("no device runs");
}
