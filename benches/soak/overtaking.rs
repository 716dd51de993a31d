//! How much later a verdict is while four long texts are being generated.
//!
//! ```console
//! $ cargo run --release -p benches --example overtaking -- --verdicts 400
//! ```
//!
//! One client asks the guard that ships for one verdict after the other, with its prefix remembered, first alone and
//! then beside four generations that do not end. Prints the 50th and 99th percentile of both in milliseconds of wall
//! time, and their ratio.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]

use std::error::Error;
use std::time::Instant;

use inference::{
    GenerateOptions, GuardCase, GuardPrompt, Llama, LlamaOptions, Prompt, Role, Sampling, Written,
};

const WORDS: [&str; 8] = ["kettle", "garden", "stupid", "hate", "lovely", "Freitag", "winner", "doctor"];

/// Milliseconds that each of so many verdicts took, in ascending order.
async fn verdicts(llama: &Llama, count: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    let prompt = llama.guard().ok_or("no guard")?;
    let choices = [GuardPrompt::SAFE, GuardPrompt::UNSAFE].map(str::to_owned);
    let prefix = prompt.prefix(Role::User);
    let mut took = Vec::with_capacity(count);
    for number in 0..count {
        let text = format!("{} {}", benches::MESSAGE, WORDS[number % WORDS.len()]);
        let suffix = prompt.suffix(&GuardCase { text: &text, ..GuardCase::default() });
        let began = Instant::now();
        llama.score(&prefix, &[suffix], &choices).await?;
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    took.sort_by(f64::total_cmp);
    Ok(took)
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
}

/// Writes until it is dropped, one text after the other.
async fn write_for_ever(llama: Llama, number: u32) -> Result<(), inference::InferenceError> {
    let endless = Sampling { bias: vec![(2, f32::NEG_INFINITY)], ..Sampling::default() };
    let options = GenerateOptions { new: 3000, sampling: endless, ..GenerateOptions::default() };
    loop {
        let mut writing =
            llama.stream(&Prompt::raw(&format!("Once upon a time {number}")), options.clone()).await?;
        while let Some(part) = writing.next().await {
            if let Written::End(_) = part? {
                break;
            }
        }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--verdicts");
    let count = arguments.nth(1).and_then(|value| value.parse().ok()).unwrap_or(400);
    let options = LlamaOptions { threads: 1, ..LlamaOptions::default() };
    let llama = Llama::load(benches::runtime()?, &benches::models().join("guard"), &options)?;
    verdicts(&llama, 20).await?;
    let mut ratios = Vec::new();
    for round in 1..=3 {
        let idle = verdicts(&llama, count).await?;
        let writers: Vec<_> =
            (0..4).map(|number| tokio::spawn(write_for_ever(llama.clone(), number))).collect();
        // Until all of them grow.
        verdicts(&llama, 20).await?;
        let busy = verdicts(&llama, count).await?;
        for writer in writers {
            if writer.is_finished() {
                writer.await??;
            } else {
                writer.abort();
            }
        }
        let [idle_50, idle_99, busy_50, busy_99] = [(&idle, 50), (&idle, 99), (&busy, 50), (&busy, 99)]
            .map(|(took, percent)| percentile(took, percent));
        println!(
            "round {round}: idle p50 {idle_50:.2} ms, p99 {idle_99:.2} ms; beside four texts p50 {busy_50:.2} ms, \
             p99 {busy_99:.2} ms; p99 ratio {:.2}, p50 ratio {:.2}",
            busy_99 / idle_99,
            busy_50 / idle_50
        );
        ratios.push(busy_99 / idle_99);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median p99 ratio {:.2}", percentile(&ratios, 50));
    Ok(())
}
