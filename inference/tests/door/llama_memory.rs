//! What a LLaMA remembers: for whom, and how much.

use inference::{InferenceError, Llama, LlamaOptions, Prompt};

use crate::{
    llama_support::{Golden, golden, llama, load, options},
    support::{model, runtime},
};

/// Bytes of keys and values of the room for 256 tokens that each text of this model has at least.
const ROOM: u64 = 2 * 2 * 256 * 32 * 4;
const MHA: &str = "golden-llama/mha";

fn with(options: &LlamaOptions) -> Llama {
    Llama::load(runtime(), &model(MHA), options).expect("a LLaMA")
}

/// Tokens of `prefix` that were known.
async fn known(llama: &Llama, prefix: &str) -> usize {
    let scored = llama.score(prefix, &[" a".to_owned()], &[" t".to_owned()]).await.expect("scores");
    assert!(scored.cached_tokens == 0 || scored.cached_tokens == scored.prefix_tokens);
    scored.cached_tokens
}

#[tokio::test]
async fn scopes_do_not_share_what_is_remembered() {
    let llama = load(&model(MHA));
    let (one, other) = (llama.scoped("a policy of one"), llama.scoped("a policy of another"));
    assert_eq!(known(&one, "the same prefix").await, 0);
    assert_eq!(known(&other, "the same prefix").await, 0);
    assert_eq!(known(&llama, "the same prefix").await, 0);
    assert!(known(&one, "the same prefix").await > 0);
    assert!(known(&llama.scoped("a policy of another"), "the same prefix").await > 0);
}

#[tokio::test]
async fn prefixes_are_remembered_up_to_a_number_of_bytes_the_latest_first() {
    let llama = with(&LlamaOptions { score_bytes: 2 * ROOM, ..options() });
    for prefix in ["one", "two"] {
        assert_eq!(known(&llama, prefix).await, 0);
    }
    assert!(known(&llama, "one").await > 0 && known(&llama, "two").await > 0);
    assert!(known(&llama, "one").await > 0);
    // The third takes the place of the one used longest ago.
    assert_eq!(known(&llama, "three").await, 0);
    assert!(known(&llama, "one").await > 0);
    assert_eq!(known(&llama, "two").await, 0);
}

#[tokio::test]
async fn what_can_never_fit_is_refused_with_both_numbers() {
    let llama = with(&LlamaOptions { score_bytes: ROOM - 1, generate_bytes: 2 * ROOM - 1, ..options() });
    let error = llama.logits(&[1], &[5]).await.expect_err("too much");
    let text = error.to_string();
    assert!(matches!(error, InferenceError::MemoryFull { option: "score_bytes", .. }), "{text}");
    assert!(text.contains(&ROOM.to_string()) && text.contains(&(ROOM - 1).to_string()), "{text}");
    let error = llama.continued(&[1, 5], 9).await.expect_err("too much");
    assert!(matches!(error, InferenceError::MemoryFull { option: "generate_bytes", .. }), "{error}");
}

#[tokio::test]
async fn texts_that_do_not_fit_side_by_side_wait_for_each_other() {
    // Room for one that is read and one that grows, or for two that grow, and no more.
    let llama = with(&LlamaOptions { generate_bytes: 2 * ROOM, ..options() });
    let Golden { greedy, .. } = golden(MHA);
    let calls = (0..6).map(|_| llama.continued(&greedy.prompt, 60));
    for generated in futures::future::join_all(calls).await {
        assert_eq!(generated.expect("generated").ids, greedy.ids[..60]);
    }
}

#[tokio::test]
async fn a_prompt_that_begins_like_an_earlier_one_is_not_read_anew() {
    let llama = load(&model("guard"));
    let long = "You should be kind to all who live in this house. ".repeat(12);
    let prompt = |end: &str| Prompt::raw(&format!("{long}{end}"));
    let first = llama.generate(&prompt("One"), 12).await.expect("generated");
    let second = llama.generate(&prompt("Two"), 12).await.expect("generated");
    assert_eq!(first.cached_tokens, 0);
    assert!(second.cached_tokens >= 128 && second.cached_tokens % 128 == 0, "{}", second.cached_tokens);
    let fresh = load(&model("guard")).generate(&prompt("Two"), 12).await.expect("generated");
    assert_eq!((fresh.cached_tokens, fresh.ids), (0, second.ids));
    let other = llama.scoped("other").generate(&prompt("Two"), 1).await.expect("generated");
    assert_eq!(other.cached_tokens, 0);
}

#[tokio::test]
async fn sessions_opened_anew_lose_no_call_and_change_no_answer() {
    for name in [MHA, "golden-llama/gqa"] {
        let options = LlamaOptions { recycle_above_bytes: Some(1), ..options() };
        let llama = Llama::load(runtime(), &model(name), &options).expect("a LLaMA");
        let Golden { greedy, cached, .. } = golden(name);
        let texts = futures::future::join_all((0..3).map(|_| llama.continued(&greedy.prompt, 100)));
        let logits = async {
            let mut all = Vec::new();
            for _ in 0..30 {
                all.push(llama.logits(&cached.prefix, &cached.suffixes[0].ids).await.expect("logits"));
            }
            all
        };
        let (texts, logits) = tokio::join!(texts, logits);
        for text in texts {
            assert_eq!(text.expect("generated").ids, greedy.ids);
        }
        assert!(logits.iter().all(|one| one == &logits[0]));
        assert!(llama.recycled() > 0);
    }
    assert_eq!(llama("tiny-llama").recycled(), 0);
}
