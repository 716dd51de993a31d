//! After and during many requests of all kinds, some of them given up, a LLaMA still answers as the reference.

use std::time::{Duration, Instant};

use inference::{GenerateOptions, InferenceError, Llama, LlamaOptions, Sampling};

use crate::{
    llama_support::{Golden, golden, kept, options},
    support::{distance, model, runtime},
};

/// Requests of a run; `benches/soak` has the long ones.
const REQUESTS: u64 = 250;

/// A sequence of numbers that a seed begins; *source*: Knuth's MMIX.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn ids(&mut self, most: u64) -> Vec<u32> {
        let length = 1 + self.roll(most);
        (0..length).map(|_| 3 + u32::try_from(self.roll(280)).expect("small")).collect()
    }
}

/// A request that need not be answered as the reference, only without a fault.
async fn any(llama: Llama, kind: u64, ids: Vec<u32>) {
    let done = match kind {
        0 => llama.logits(&ids[..ids.len() / 2], &ids[ids.len() / 2..]).await.map(drop),
        1 => {
            let sampling = Sampling { temperature: 0.9, top_k: 40, seed: 5, ..Sampling::default() };
            let options = GenerateOptions { new: ids.len(), sampling, ..GenerateOptions::default() };
            llama.continued(&ids, options).await.map(drop)
        }
        2 => {
            let soon = llama.until(Instant::now() + Duration::from_millis(3));
            match soon.continued(&ids, 50).await {
                Err(InferenceError::DeadlinePassed) => Ok(()),
                other => other.map(drop),
            }
        }
        _ => {
            let texts = ["the ", "a hat in the "].map(str::to_owned);
            let choices = ["he", "in", "then some"].map(str::to_owned);
            llama.scoped("other").score_endings(("so it is", &texts), &texts, &choices).await.map(drop)
        }
    };
    done.expect("an answer");
}

async fn ended(call: tokio::task::JoinHandle<()>) {
    if let Err(error) = call.await {
        assert!(error.is_cancelled(), "{error}");
    }
}

async fn assert_as_the_reference(llama: Llama, golden: &Golden, at: usize) {
    let Golden { cached, greedy, logit_indices, .. } = golden;
    let suffix = &cached.suffixes[at % cached.suffixes.len()];
    let (logits, text) =
        tokio::join!(llama.logits(&cached.prefix, &suffix.ids), llama.continued(&greedy.prompt, 60));
    let off = distance(&kept(&logits.expect("logits"), logit_indices), &suffix.logits);
    assert!(off < 1e-3, "{off}");
    assert_eq!(text.expect("generated").ids, greedy.ids[..60]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_stay_those_of_the_reference_through_mixed_requests_and_cancels() {
    for (name, seed) in [("golden-llama/mha", 11), ("golden-llama/gqa", 12)] {
        // Little memory, so that things are forgotten and texts wait; new sessions now and then.
        let options = LlamaOptions {
            score_bytes: 2 << 20,
            generate_bytes: 3 << 20,
            rows: 6,
            recycle_above_bytes: Some(1),
            ..options()
        };
        let llama = Llama::load(runtime(), &model(name), &options).expect("a LLaMA");
        let golden: Golden = golden(name);
        let mut dice = Dice(seed);
        let mut running = std::collections::VecDeque::new();
        for number in 0..REQUESTS {
            let (kind, ids) = (dice.roll(4), dice.ids(90));
            let call = tokio::spawn(any(llama.clone(), kind, ids));
            if dice.roll(5) == 0 {
                // Sometimes before it begins, sometimes in the middle.
                tokio::time::sleep(Duration::from_millis(dice.roll(4))).await;
                call.abort();
            }
            running.push_back(call);
            if number % 25 == 0 {
                let at = usize::try_from(number).expect("small");
                assert_as_the_reference(llama.clone(), &golden, at).await;
            }
            if running.len() > 12 {
                ended(running.pop_front().expect("a call")).await;
            }
        }
        for call in running {
            ended(call).await;
        }
        for at in 0..golden.cached.suffixes.len() {
            assert_as_the_reference(llama.clone(), &golden, at).await;
        }
    }
}
