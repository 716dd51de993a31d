//! The `lamassu` command as a user has it: a process, its input, its output.

#![expect(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod raw;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

/// The command, with data of its own and none of this machine's environment.
pub(crate) fn lamassu(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lamassu"));
    let is_ours = |name: &str| name.starts_with("LAMASSU_") || name.starts_with("OTEL_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command.arg("--data").arg(data).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A folder for one test.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Runs `command` with `input`.
pub(crate) fn run_with(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it has an input");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    // It may stop reading before the end of the input: that is the test's to see.
    let _ = writer.join().expect("the writer does not panic");
    output
}

/// Standard output as text.
pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is UTF-8")
}

/// Standard error as text.
pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("errors are UTF-8")
}

/// The JSON lines of standard output.
pub(crate) fn json_lines(output: &Output) -> Vec<Value> {
    out(output).lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// Asserts that `output` is a failure that says `sentence` in one line and does not panic.
pub(crate) fn assert_fails(output: &Output, sentence: &str) {
    let said = err(output);
    assert!(!output.status.success(), "it should fail; it said: {said}");
    assert!(said.contains(sentence), "`{sentence}` is not in: {said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(output.stdout.is_empty(), "an answer was given all the same: {}", out(output));
}

/// A file of that content.
pub(crate) fn file(folder: &TempDir, name: &str, content: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).expect("the file is written");
    path
}

/// A service of its own on a free port; stopped when dropped.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub(crate) address: String,
    data: Arc<TempDir>,
}

impl Server {
    /// Starts the service and waits until it listens.
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_in(Arc::new(folder()), arguments, environment)
    }

    /// The same with a folder for data that another may have left.
    pub(crate) fn start_in(data: Arc<TempDir>, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = lamassu(data.path());
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments).envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::null()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("it has an error output")).lines();
        let first = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
        // The rest must be read, or the service would wait for somebody who does.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: first.expect("it says where it listens"), data }
    }

    /// Kills the service as a crash would, and leaves its folder.
    pub(crate) fn kill(self) -> Arc<TempDir> {
        Arc::clone(&self.data)
    }

    /// Its folder for data.
    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Posts `body` to the native endpoint: status, headers by name, JSON.
    pub(crate) fn moderate(&self, body: &[u8]) -> Answer {
        self.moderate_with(body, &[])
    }

    /// The same with headers.
    pub(crate) fn moderate_with(&self, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        let mut request = agent().post(format!("{}/v1/lamassu/moderate", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send(body))
    }

    /// Gets a path.
    pub(crate) fn get(&self, path: &str) -> Answer {
        Answer::of(agent().get(format!("{}{path}", self.address)).call())
    }

    /// Sends any request.
    #[expect(clippy::too_many_arguments, reason = "a request has as many parts")]
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.address));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        Answer::of(agent().run(request.body(body).expect("a request")))
    }

    /// Sends the service a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("kill is there").success());
    }

    /// Asks the service to stop, as a service manager does, and waits: whether it ended cleanly.
    #[cfg(unix)]
    pub(crate) fn stop(mut self) -> bool {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status().expect("kill is there");
        asked.success() && self.child.wait().expect("it ends").success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have stopped by itself: then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    fn of(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Self {
        let mut response = response.expect("the service answers");
        let body =
            response.body_mut().with_config().limit(64 << 20).read_to_string().expect("a whole answer");
        Self { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}
