//! Long documents summarized through a service by many clients: how fast, how evenly, and is every citation the cited text?
//!
//! ```console
//! $ cargo build --release && cargo run --release -p benches --example summaries -- --documents FILE.jsonl
//! ```
//!
//! Takes the texts of JSON lines (`{"text"}`), makes 200 documents of 20,000 characters of them, and has 16 clients post
//! each to `target/release/lamassu serve`, which it starts on a free port of this machine and stops. Prints summaries a
//! second, the 50th and 99th percentile of the time one takes, the service's CPU-seconds, and its private memory
//! (`RssAnon`) at a quarter, at half and at the end of the run. Fails if an answer is not 200 or is degraded, if a
//! citation's bytes are not the sentence that cites them, or if memory at the end is more than a tenth above that at half.

#![expect(clippy::print_stdout, reason = "a program that prints figures")]
#![expect(clippy::cast_precision_loss, reason = "figures of a few digits")]

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

struct Wanted {
    lamassu: PathBuf,
    documents: PathBuf,
    count: usize,
    chars: usize,
    clients: usize,
}

/// A service of our own; stopped when dropped.
struct Service {
    child: Child,
    address: String,
    _data: tempfile::TempDir,
}

#[derive(Default)]
struct Figures {
    took: Vec<Duration>,
    citations: usize,
    wrong: Vec<String>,
    memory: Vec<(usize, u64)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = wanted()?;
    let documents = documents(&wanted)?;
    let service = start(&wanted.lamassu)?;
    // Models are loaded and packed before the first figure.
    ask(&service.address, &documents[0])?;
    let (next, figures) = (AtomicUsize::new(0), Mutex::new(Figures::default()));
    let (begun, cpu) = (Instant::now(), cpu_seconds(service.child.id()));
    std::thread::scope(|scope| {
        for _ in 0..wanted.clients {
            scope.spawn(|| {
                while let Some(document) = documents.get(next.fetch_add(1, Ordering::Relaxed)) {
                    one(&service, document, &figures);
                }
            });
        }
    });
    let (took, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds(service.child.id()) - cpu);
    let mut figures = figures.into_inner().map_err(|_| "a client panicked")?;
    figures.took.sort();
    report(&figures, &wanted, (took, cpu))
}

fn wanted() -> Result<Wanted, Box<dyn Error>> {
    let mut wanted = Wanted {
        lamassu: "target/release/lamassu".into(),
        documents: PathBuf::new(),
        count: 200,
        chars: 20_000,
        clients: 16,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("`{name}` needs a value"))?;
        match name.as_str() {
            "--lamassu" => wanted.lamassu = value.into(),
            "--documents" => wanted.documents = value.into(),
            "--count" => wanted.count = value.parse()?,
            "--chars" => wanted.chars = value.parse()?,
            "--clients" => wanted.clients = value.parse()?,
            _ => return Err(format!("`{name}` is not known").into()),
        }
    }
    if wanted.documents.as_os_str().is_empty() {
        return Err("name JSON lines with texts: --documents FILE.jsonl".into());
    }
    Ok(wanted)
}

/// Texts one behind the other, cut into documents; from the beginning again where they do not suffice.
fn documents(wanted: &Wanted) -> Result<Vec<String>, Box<dyn Error>> {
    let lines = fs::read_to_string(&wanted.documents)?;
    let text = |line: &str| Some(serde_json::from_str::<Value>(line).ok()?.get("text")?.as_str()?.to_owned());
    let texts: Vec<String> = lines.lines().filter_map(text).filter(|text| !text.is_empty()).collect();
    if texts.is_empty() {
        return Err("the file has no texts".into());
    }
    let mut next = texts.iter().cycle();
    let document = |number: usize| {
        // Of the same texts, no two documents are alike.
        let mut document = format!("Report number {number}.\n\n");
        while document.chars().count() < wanted.chars {
            document.push_str(next.next().map_or("", String::as_str));
            document.push_str("\n\n");
        }
        document.chars().take(wanted.chars).collect()
    };
    Ok((0..wanted.count).map(document).collect())
}

fn start(lamassu: &PathBuf) -> Result<Service, Box<dyn Error>> {
    let data = tempfile::tempdir()?;
    let mut child = Command::new(lamassu)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path())
        .env("LAMASSU_LIMITS__DEADLINE_MS", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stderr.take().ok_or("it has no error output")?).lines();
    let listening = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
    std::thread::spawn(move || lines.for_each(drop));
    Ok(Service { child, address: listening.ok_or("it does not say where it listens")?, _data: data })
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ask(address: &str, document: &str) -> Result<Value, Box<dyn Error>> {
    let body = json!({"documents": [{"id": "d", "text": document}], "mode": "extractive"});
    let mut answer =
        ureq::post(format!("{address}/v1/lamassu/summarize")).send(body.to_string().as_bytes())?;
    Ok(serde_json::from_str(&answer.body_mut().read_to_string()?)?)
}

fn one(service: &Service, document: &str, figures: &Mutex<Figures>) {
    let begun = Instant::now();
    let answer = ask(&service.address, document);
    let took = begun.elapsed();
    let Ok(mut figures) = figures.lock() else { return };
    figures.took.push(took);
    let done = figures.took.len();
    figures.memory.push((done, rss_anon(service.child.id())));
    match answer {
        Ok(answer) => check(&answer, document, &mut figures),
        Err(error) => figures.wrong.push(error.to_string()),
    }
}

/// Every sentence is what its citation's bytes are.
fn check(answer: &Value, document: &str, figures: &mut Figures) {
    if answer["record"]["degraded"] != json!(false) {
        figures.wrong.push(format!("degraded: {}", answer["record"]["stages"]));
    }
    for sentence in answer["sentences"].as_array().into_iter().flatten() {
        for citation in sentence["citations"].as_array().into_iter().flatten() {
            let at = |name: &str| {
                citation[name].as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or(usize::MAX)
            };
            figures.citations += 1;
            if document.get(at("start")..at("end")) != sentence["text"].as_str() {
                figures.wrong.push(format!("bytes {} to {} are not the sentence", at("start"), at("end")));
            }
        }
    }
    if answer["sentences"].as_array().is_none_or(Vec::is_empty) {
        figures.wrong.push("an empty summary".to_owned());
    }
}

fn report(figures: &Figures, wanted: &Wanted, (took, cpu): (f64, f64)) -> Result<(), Box<dyn Error>> {
    let Figures { took: each, citations, wrong, memory } = figures;
    let last = each.len().saturating_sub(1);
    let at = |hundredths: usize| each.get(last * hundredths / 100).map_or(0.0, Duration::as_secs_f64);
    let memory_at = |quarters: usize| {
        let until = each.len() * quarters / 4;
        memory.iter().filter(|(done, _)| *done <= until).map(|(_, bytes)| *bytes).next_back().unwrap_or(0)
    };
    println!(
        "{} documents of {} characters, {} clients: {:.2}/s, p50 {:.2} s, p99 {:.2} s, {:.2} CPU-s each; {citations} citations",
        each.len(),
        wanted.chars,
        wanted.clients,
        each.len() as f64 / took,
        at(50),
        at(99),
        cpu / each.len() as f64,
    );
    let [quarter, half, end] = [1, 2, 4].map(memory_at);
    println!("RssAnon at a quarter {quarter} MB, at half {half} MB, at the end {end} MB");
    for wrong in wrong.iter().take(10) {
        println!("wrong: {wrong}");
    }
    if !wrong.is_empty() {
        return Err(format!("{} answers are wrong", wrong.len()).into());
    }
    if end > half + half / 10 {
        return Err("memory grows".into());
    }
    println!("every citation's bytes are the sentence; memory is flat");
    Ok(())
}

/// Private memory of a process, MB.
fn rss_anon(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Processor time of a process so far, in seconds at the usual hundred ticks.
fn cpu_seconds(id: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<f64>().ok()).sum::<f64>() / 100.0
}
