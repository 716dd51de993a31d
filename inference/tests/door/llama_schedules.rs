//! A score depends neither on what runs beside it nor on what was remembered.

use std::collections::HashMap;

use inference::{GuardCase, GuardPrompt, Llama, LlamaOptions, Role};
use proptest::prelude::*;

use crate::{
    llama_support::{llama, options},
    support::{model, runtime},
};

const TEXTS: [&str; 4] = [
    "Hi.",
    "You are a worthless idiot and nobody here wants you.",
    "Wer hat morgen Zeit, mit mir den Garten umzugraben? Danach gibt es Kuchen und Kaffee für alle, die helfen.",
    "漢字 🙂 and so on",
];

/// One call: the place of its prefix, the texts it scores, and whether its caller hangs up at once.
type Plan = (usize, Vec<usize>, bool);

struct Scene {
    prefixes: Vec<String>,
    suffixes: Vec<String>,
    choices: Vec<String>,
}

fn scene(llama: &Llama) -> Scene {
    let prompt = llama.guard().expect("a guard").clone();
    let few = prompt.clone().with_categories(prompt.categories()[..3].to_vec());
    Scene {
        prefixes: vec![prompt.prefix(Role::User), few.prefix(Role::User), String::new()],
        suffixes: TEXTS
            .iter()
            .map(|text| prompt.suffix(&GuardCase { text, ..GuardCase::default() }))
            .collect(),
        choices: vec![
            GuardPrompt::SAFE.to_owned(),
            GuardPrompt::UNSAFE.to_owned(),
            " unsafe\nO3,O1".to_owned(),
        ],
    }
}

/// What each text scores behind each prefix when nothing else runs and nothing is remembered.
async fn alone(scene: &Scene) -> HashMap<(usize, usize), Vec<f64>> {
    let mut scores = HashMap::new();
    for (at, prefix) in scene.prefixes.iter().enumerate() {
        for (text, suffix) in scene.suffixes.iter().enumerate() {
            let fresh = Llama::load(runtime(), &model("guard"), &options()).expect("a LLaMA");
            let answer = fresh.score(prefix, std::slice::from_ref(suffix), &scene.choices).await;
            scores.insert((at, text), answer.expect("scores").log_probabilities.remove(0));
        }
    }
    scores
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let plan = (0..3_usize, prop::collection::vec(0..TEXTS.len(), 1..4), prop::bool::weighted(0.15));
    prop::collection::vec(plan, 1..65)
}

fn difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn a_score_is_the_same_alone_and_among_others_remembered_or_not() {
    let tokio =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    let guard = llama("guard");
    let scene = scene(&guard);
    let expected = tokio.block_on(alone(&scene));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 3,
        max_shrink_iters: 8,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let holds = runner.run(&(plans(), 1..4_u64), |(plans, prefixes)| {
        // Room for so many prefixes of this model, with their suffixes.
        let options = LlamaOptions { score_bytes: prefixes * (8 << 20), ..options() };
        let llama = Llama::load(runtime(), &model("guard"), &options).expect("a LLaMA");
        let worst = tokio.block_on(run(&llama, &scene, &plans, &expected));
        prop_assert!(worst < f64::MIN_POSITIVE, "equal to the last bit, and not off by {worst:e}");
        Ok(())
    });
    holds.expect("every schedule gives the same scores");
}

/// Runs all plans at once beside a generation; the largest difference from `expected`.
async fn run(
    llama: &Llama,
    scene: &Scene,
    plans: &[Plan],
    expected: &HashMap<(usize, usize), Vec<f64>>,
) -> f64 {
    let calls = plans.iter().map(|(prefix, texts, hangs_up)| {
        let llama = llama.clone();
        let prefix = scene.prefixes[*prefix].clone();
        let suffixes: Vec<String> = texts.iter().map(|text| scene.suffixes[*text].clone()).collect();
        let choices = scene.choices.clone();
        let call = tokio::spawn(async move { llama.score(&prefix, &suffixes, &choices).await });
        if *hangs_up {
            call.abort();
        }
        call
    });
    let calls: Vec<_> = calls.collect();
    let generated = llama.continued(&[1, 500, 600], 20).await.expect("generated");
    let mut worst: f64 = 0.0;
    for (call, (prefix, texts, hangs_up)) in calls.into_iter().zip(plans) {
        let Ok(scored) = call.await else {
            assert!(hangs_up, "a call broke");
            continue;
        };
        for (found, text) in scored.expect("scores").log_probabilities.iter().zip(texts) {
            worst = worst.max(difference(found, &expected[&(*prefix, *text)]));
        }
    }
    let again = llama.continued(&[1, 500, 600], 20).await.expect("generated");
    assert_eq!(generated.ids, again.ids);
    worst
}
