//! A LLaMA at its public door: how calls share it, and what it refuses.

use inference::{Finish, InferenceError, Llama, LlamaOptions, Prompt, Provider};

use crate::{
    llama_support::{Golden, folder_with, golden, llama, load, options, text_of},
    support::{model, runtime},
};

/// A copy of a model that never ends a text by itself.
fn endless(name: &str) -> tempfile::TempDir {
    let config = text_of(name, "genai_config.json");
    let endless = config.replace("\"eos_token_id\": 2", "\"eos_token_id\": []");
    assert_ne!(config, endless);
    folder_with(name, &[("genai_config.json", &endless)])
}

#[tokio::test]
async fn a_prefix_is_computed_once_and_counted_as_cached_from_then_on() {
    let llama = load(&model("tiny-llama"));
    let suffixes = [" Say hello.", " What is a lamassu?"].map(str::to_owned);
    let choices = [" A".to_owned()];
    let first = llama.score("[INST] Please now", &suffixes, &choices).await.expect("scores");
    let second = llama.score("[INST] Please now", &suffixes, &choices).await.expect("scores");
    assert_eq!((first.cached_tokens, second.cached_tokens), (0, first.prefix_tokens));
    assert_eq!(first.computed_tokens, first.prefix_tokens + second.computed_tokens);
    assert_eq!(first.suffix_tokens, second.suffix_tokens);
    assert_eq!(first.log_probabilities, second.log_probabilities);
}

#[tokio::test]
async fn what_does_not_fit_the_context_is_refused_with_both_numbers() {
    let llama = llama("golden-llama/mha");
    let ids = vec![5; 257];
    let error = llama.logits(&ids[..200], &ids[200..]).await.expect_err("too long");
    assert!(matches!(error, InferenceError::ContextFull { tokens: 257, limit: 256 }), "{error}");
    assert!(error.to_string().contains("257 tokens") && error.to_string().contains("256"), "{error}");
    llama.logits(&ids[..200], &ids[200..256]).await.expect("the whole context");
    let long = Prompt::raw(&"~".repeat(300));
    assert!(matches!(llama.generate(&long, 1).await, Err(InferenceError::ContextFull { .. })));
}

#[tokio::test]
async fn a_text_ends_where_the_context_does_and_says_so() {
    let folder = endless("golden-llama/mha");
    let llama = load(folder.path());
    let Golden { greedy, .. } = golden("golden-llama/mha");
    let generated = llama.continued(&greedy.prompt, 1000).await.expect("generated");
    assert_eq!(generated.finish, Finish::Context);
    // The last token needs no place: nothing is computed behind it.
    assert_eq!(generated.ids.len() + greedy.prompt.len(), 257);
    assert_eq!(generated.ids[..100], greedy.ids);
}

#[tokio::test]
async fn a_token_the_model_does_not_have_is_refused() {
    let error = llama("golden-llama/mha").logits(&[1], &[288]).await.expect_err("no such token");
    assert!(matches!(error, InferenceError::UnknownToken { id: 288, vocabulary: 288 }), "{error}");
    assert!(llama("golden-llama/mha").logits(&[], &[]).await.is_err(), "no tokens at all");
}

#[tokio::test]
async fn one_call_more_than_may_wait_is_overloaded_at_once() {
    let options = LlamaOptions { waiting: 1, ..options() };
    let llama = Llama::load(runtime(), &model("guard"), &options).expect("a LLaMA");
    let long = vec![5; 3000];
    let (long, other) = tokio::join!(llama.logits(&[1], &long), llama.logits(&[1], &[5]));
    assert!(matches!(other, Err(InferenceError::Overloaded)));
    assert!(long.is_ok());
    llama.logits(&[1], &[5]).await.expect("there is room again");
}

#[tokio::test]
async fn a_caller_who_hangs_up_gives_the_model_back_at_once() {
    // Its own, so that no other test keeps it busy.
    let llama = load(&model("guard"));
    let long = vec![5; 4000];
    let began = std::time::Instant::now();
    llama.logits(&[1], &long).await.expect("logits");
    let whole = began.elapsed();
    let hung_up = tokio::time::timeout(whole / 8, llama.logits(&[1, 2], &long)).await;
    assert!(hung_up.is_err(), "it takes longer");
    let began = std::time::Instant::now();
    llama.logits(&[1], &[5]).await.expect("logits");
    assert!(began.elapsed() < whole * 3 / 4, "{:?} of {whole:?}", began.elapsed());
}

#[tokio::test]
async fn a_caller_who_hangs_up_while_waiting_makes_room() {
    let folder = endless("guard");
    let options = LlamaOptions { waiting: 2, ..options() };
    let llama = Llama::load(runtime(), folder.path(), &options).expect("a LLaMA");
    let busy = llama.continued(&[1, 500, 600], 4000);
    let waiting = async {
        let hung_up = tokio::time::timeout(std::time::Duration::ZERO, llama.continued(&[1], 9)).await;
        assert!(hung_up.is_err(), "it waits behind the other");
        while matches!(llama.logits(&[1], &[5]).await, Err(InferenceError::Overloaded)) {
            tokio::task::yield_now().await;
        }
    };
    // Whoever is done first: the other generation would go on for long.
    tokio::select! {
        _ = busy => panic!("there was room only after the generation"),
        () = waiting => {}
    }
}

#[tokio::test]
async fn a_long_generation_does_not_hold_up_a_score() {
    let endless = endless("guard");
    let llama = load(endless.path());
    let long = llama.continued(&[1, 500, 600], 1000);
    let scores = async {
        for _ in 0..5 {
            llama.logits(&[1], &[5]).await.expect("logits");
        }
        std::time::Instant::now()
    };
    let whole = async { (long.await, std::time::Instant::now()) };
    let (generated, quick) = tokio::join!(whole, scores);
    assert_eq!(generated.0.expect("generated").ids.len(), 1000);
    assert!(quick < generated.1, "the scores were done first");
}

#[test]
fn the_device_is_stated_and_a_required_one_insisted_on() {
    let llama = llama("tiny-llama");
    assert_eq!(llama.device().provider, Provider::Cpu);
    assert!(llama.device().detail.contains("nodes of the probe run"), "{}", llama.device().detail);
    let folder = model("tiny-llama");
    let wants = LlamaOptions { providers: vec![Provider::Cuda, Provider::Cpu], ..options() };
    let fallen_back = Llama::load(runtime(), &folder, &wants).expect("a LLaMA");
    if fallen_back.device().provider == Provider::Cpu {
        assert!(fallen_back.device().detail.contains("cuda: "), "{}", fallen_back.device().detail);
        let required = LlamaOptions { require: Some(Provider::Cuda), ..wants };
        let error = Llama::load(runtime(), &folder, &required).expect_err("no such device");
        assert!(matches!(error, InferenceError::DeviceRequired { .. }), "{error}");
        let only = LlamaOptions { providers: vec![Provider::Cuda], ..options() };
        let error = Llama::load(runtime(), &folder, &only).expect_err("no device");
        assert!(matches!(error, InferenceError::NoDevice { .. }), "{error}");
    }
    let none = LlamaOptions { score_bytes: 0, ..options() };
    let error = Llama::load(runtime(), &folder, &none).expect_err("an option that cannot work");
    assert_eq!(error.to_string(), "`score_bytes` must be at least 1");
}

#[test]
fn windows_of_a_text_cover_it_and_each_fits() {
    let llama = llama("guard");
    let text = "Ein Satz mit Wörtern, 漢字 und 🙂👍🏽, dann  zwei Leerzeichen\nund «viel mehr». ".repeat(60)
        + &"x".repeat(900);
    for (window, overlap) in [(128, 16), (20, 30), (1, 0), (3, 1)] {
        let windows = llama.windows(&text, window, overlap).expect("windows");
        assert_eq!(windows.first().map(|first| first.start), Some(0));
        assert_eq!(windows.last().map(|last| last.end), Some(text.len()));
        assert!(windows.windows(2).all(|pair| pair[1].start <= pair[0].end && pair[1].end > pair[0].end));
        for range in windows {
            let part = &text[range];
            assert!(llama.count(part).expect("tokens") <= window || part.chars().count() == 1, "{part:?}");
        }
    }
    assert_eq!(llama.windows("", 8, 2).expect("windows"), vec![0..0; 1]);
    assert!(llama.windows("a", 0, 0).is_err());
}
