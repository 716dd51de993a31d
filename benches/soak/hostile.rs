//! A service under requests that no honest client sends: does it live, keep quiet about the texts, and stay as it is?
//!
//! ```console
//! $ cargo build --release -p service && cargo run --release -p benches --example hostile -- --requests 100000 --seed 7
//! ```
//!
//! It starts the real binary with the default policy and the real models, and sends it what
//! `service/tests/hostile/campaign` makes of the seed: malformed JSON, wrong types, deep nesting, huge numbers, lone surrogates,
//! slow bodies, pipelining, header floods, lying chunks and encodings, clients that hang up, over every facade's paths. Every text holds a
//! mark. It fails when the service panics, does not answer or end cleanly, answers a 5xx other than 503 with
//! `Retry-After`, when the mark is in an error, a header, a log line, a metric, the decision log or a span, and when
//! memory or open files are not what they were after the first fifth.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]
#![expect(clippy::expect_used, reason = "a program that cannot start can only stop")]

#[path = "../../service/tests/hostile/campaign/mod.rs"]
mod campaign;

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use campaign::{Figures, House};

/// Memory that the last four fifths may take more than the first: allocators do not give all of it back.
const GROWTH: f64 = 1.10;
/// Requests are under way at once.
const CLIENTS: usize = 16;

/// The value of an option `--name VALUE`.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn number(name: &str, otherwise: u64) -> u64 {
    option(name).and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Beside the folder of the examples, where cargo puts it.
fn binary() -> PathBuf {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("lamassu"));
    option("--binary").map(PathBuf::from).or_else(beside).unwrap_or_default()
}

/// What it takes when nobody asks anything: connections that were left are gone.
fn at_rest(house: &House) -> Option<(u64, usize)> {
    // What lingers on connections that were left takes a moment to be seen.
    std::thread::sleep(Duration::from_secs(5));
    let mut takes = house.takes();
    for _ in 0..60 {
        std::thread::sleep(Duration::from_millis(500));
        let now = house.takes();
        if now.zip(takes).is_some_and(|(now, before)| now.1 >= before.1) {
            return now;
        }
        takes = now;
    }
    takes
}

fn print(name: &str, figures: &Figures, (began, house): (Instant, &House)) {
    let seconds = began.elapsed().as_secs();
    println!("{name}: {} requests in {seconds} s, {} wrong answers", figures.requests, figures.faults);
    println!("  answers by status: {:?}", figures.statuses);
    if let Some((own, files)) = at_rest(house) {
        println!("  at rest: {own} KiB of its own, {files} open files");
    }
    figures.told.iter().for_each(|fault| println!("  {fault}"));
}

fn main() -> Result<(), Box<dyn Error>> {
    let (requests, seed) = (number("--requests", 100_000), number("--seed", 1));
    let house = House::start(&binary());
    let began = Instant::now();
    let warm = campaign::run(house.address, seed, 0..requests / 5, CLIENTS);
    print("the first fifth", &warm, (began, &house));
    let before = at_rest(&house);
    let rest = campaign::run(house.address, seed, requests / 5..requests, CLIENTS);
    print("the rest", &rest, (began, &house));
    let after = at_rest(&house);
    house
        .metrics()?
        .lines()
        .filter(|line| line.starts_with("lamassu_requests_total"))
        .for_each(|line| println!("  {line}"));
    let mut faults = house.stop();
    for fault in &faults {
        println!("  {fault}");
    }
    if let Some((before, after)) = before.zip(after) {
        #[expect(clippy::cast_precision_loss, reason = "figures of a few digits")]
        let growth = after.0 as f64 / before.0 as f64;
        println!(
            "memory: {growth:.3} of what it was after the first fifth; {} open files, then {}",
            before.1, after.1
        );
        if growth > GROWTH || after.1 > before.1 {
            faults.push("it takes more and more".to_owned());
        }
    }
    if warm.faults + rest.faults > 0 || !faults.is_empty() {
        return Err(
            format!("{} wrong answers, {} other faults", warm.faults + rest.faults, faults.len()).into()
        );
    }
    println!("no panic, no failure, no text given away");
    Ok(())
}
