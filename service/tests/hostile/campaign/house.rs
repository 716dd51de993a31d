//! The service under attack: a process, what it says, and what it takes.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::KEY;
use super::collector::Collector;
use super::heard::holds_mark;

/// A service with the default policy and the real models, which logs all that it ever logs.
pub(crate) struct House {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    data: TempDir,
    collector: Collector,
    said: Arc<Mutex<Vec<String>>>,
    listener: Option<std::thread::JoinHandle<()>>,
}

/// What each room logs, and no library: those that others write are off unless somebody asks for them.
const LOG: &str = "info,service=trace,policies=trace,plugins=trace,indexes=trace,inference=trace";

impl House {
    pub(crate) fn start(binary: &Path) -> Self {
        let (data, collector) = (tempfile::tempdir().expect("a folder"), Collector::start());
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars_os() {
            let shown = name.to_string_lossy();
            if shown.starts_with("LAMASSU_") || shown.starts_with("OTEL_") {
                command.env_remove(&name);
            }
        }
        command.arg("--data").arg(data.path()).args(["serve", "--listen", "127.0.0.1:0"]);
        let variables = [
            ("LAMASSU_API_KEY", KEY),
            ("LAMASSU_LOG", LOG),
            ("LAMASSU_TELEMETRY__ENDPOINT", &collector.address),
            // What is remembered is full soon: what grows after that is lost.
            ("LAMASSU_DECISIONS__KEEP", "500"),
            ("LAMASSU_INFERENCE__CACHE", "512"),
            // A machine that is busy with other things is no fault of the service.
            ("LAMASSU_LIMITS__DEADLINE_MS", "0"),
        ];
        let command = command.envs(variables).stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the service starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it has an error output"));
        let (address, said) = (listening(&mut lines), Arc::new(Mutex::new(Vec::new())));
        let heard = Arc::clone(&said);
        let listener = std::thread::spawn(move || keep_faults(lines, &heard));
        Self { child, address, data, collector, said, listener: Some(listener) }
    }

    /// What it has of its counters, by which it also shows that it lives.
    pub(crate) fn metrics(&self) -> Result<String, String> {
        let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
        let answer = agent.get(format!("http://{}/metrics", self.address)).call();
        answer.and_then(|mut answer| answer.body_mut().read_to_string()).map_err(|error| error.to_string())
    }

    /// Whether an honest request is answered.
    pub(crate) fn judges(&self) -> Result<(), String> {
        let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
        let request = agent.post(format!("http://{}/v1/lamassu/moderate", self.address));
        let answer = request.header("api-key", KEY).send(r#"{"text": "Good morning!"}"#);
        answer.map(drop).map_err(|error| error.to_string())
    }

    /// Memory of its own in KiB, and open files, where the system says so. The models are files that are mapped: more and
    /// more of them is resident the more is asked, and that is the system's to take back.
    pub(crate) fn takes(&self) -> Option<(u64, usize)> {
        let folder = Path::new("/proc").join(self.child.id().to_string());
        let status = std::fs::read_to_string(folder.join("status")).ok()?;
        let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
        let own = own.trim().trim_end_matches(" kB").parse().ok()?;
        Some((own, std::fs::read_dir(folder.join("fd")).ok()?.count()))
    }

    /// Asks it to stop, and says what went wrong in its time: a panic, a text in what it said, kept or told others.
    pub(crate) fn stop(mut self) -> Vec<String> {
        let mut faults = Vec::new();
        match self.metrics() {
            Ok(metrics) if holds_mark(metrics.as_bytes()) => {
                faults.push("a metric holds the text".to_owned());
            }
            Ok(_) => {}
            Err(error) => faults.push(format!("it does not answer any more: {error}")),
        }
        if let Err(error) = self.judges() {
            faults.push(format!("it does not judge any more: {error}"));
        }
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if !asked.is_ok_and(|asked| asked.success()) || !self.child.wait().is_ok_and(|ended| ended.success())
        {
            faults.push("it does not end cleanly".to_owned());
        }
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        faults.extend(self.said.lock().expect("nobody panicked").drain(..));
        let log = self.data.path().join("decisions/decisions.jsonl");
        match std::fs::read(log) {
            Ok(log) if log.is_empty() => faults.push("nothing was decided".to_owned()),
            Ok(log) if holds_mark(&log) => faults.push("the decision log holds the text".to_owned()),
            Ok(_) => {}
            Err(error) => faults.push(format!("the decision log cannot be read: {error}")),
        }
        if self.collector.bodies("/v1/traces").is_empty() {
            faults.push("no span was told of".to_owned());
        }
        if holds_mark(&self.collector.everything()) {
            faults.push("a span or a metric that was sent holds the text".to_owned());
        }
        faults
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // It may have ended: then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listening(lines: &mut impl BufRead) -> SocketAddr {
    let mut before = String::new();
    loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).expect("a line") > 0, "it does not start: {before}");
        if let Some(address) = line.trim().strip_prefix("listening on http://") {
            return address.parse().expect("an address");
        }
        before.push_str(&line);
    }
}

/// Reads all that is said, and keeps what should not have been.
fn keep_faults(mut lines: impl BufRead, kept: &Mutex<Vec<String>>) {
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
        let said = String::from_utf8_lossy(&line);
        if said.contains("panicked") {
            kept.lock().expect("nobody panicked").push(said.into_owned());
        } else if holds_mark(&line) {
            kept.lock().expect("nobody panicked").push(format!("a log line holds the text: {said}"));
        }
        line.clear();
    }
}
