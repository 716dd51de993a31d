//! Documents from files and folders.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use anyhow::Context as _;
use serde_json::json;
use tokio::io::{AsyncRead, BufReader, ReadBuf};

use super::door::{Ask, Door};
use super::intake::{Totals, bar, concluded, tally};
use crate::cli::Outcome;
use crate::cli::lines::{self, Line};

/// Documents sent at once, at most.
const AT_ONCE: usize = 64;
/// And bytes from which on no more are added.
const BYTES_AT_ONCE: usize = 2 << 20;

/// What a file's ending says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One document in this format.
    Document(&'static str),
    /// Documents as JSON lines.
    Lines,
}

impl Kind {
    fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "txt" | "text" => Some(Self::Document("text")),
            "md" | "markdown" => Some(Self::Document("markdown")),
            "html" | "htm" | "xhtml" => Some(Self::Document("html")),
            "jsonl" | "ndjson" => Some(Self::Lines),
            _ => None,
        }
    }
}

/// The files that were named, or lie in the folders that were named.
#[derive(Default)]
struct Found {
    /// By the id that a document gets.
    files: BTreeMap<String, (PathBuf, Kind)>,
    /// Files in folders that are of no kind that is read.
    passed_over: usize,
}

impl Found {
    fn named(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut found = Self::default();
        for path in paths {
            let about = path.metadata().with_context(|| format!("`{}`", path.display()))?;
            if about.is_dir() {
                found.folder(path, path)?;
                continue;
            }
            let unknown = || format!("`{}` is neither .txt, .md, .html nor .jsonl", path.display());
            let kind = Kind::of(path).with_context(unknown)?;
            found.keep(path, path.parent().unwrap_or(Path::new("")), kind)?;
        }
        Ok(found)
    }

    /// Links are not followed: they may lead in a circle, or out of the folder.
    fn folder(&mut self, folder: &Path, root: &Path) -> anyhow::Result<()> {
        let unreadable = || format!("`{}` cannot be read", folder.display());
        for entry in folder.read_dir().with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let (path, kind) = (entry.path(), entry.file_type().with_context(unreadable)?);
            if kind.is_dir() {
                self.folder(&path, root)?;
            } else if let Some(kind) = Kind::of(&path).filter(|_| kind.is_file()) {
                self.keep(&path, root, kind)?;
            } else {
                self.passed_over += 1;
            }
        }
        Ok(())
    }

    fn keep(&mut self, path: &Path, root: &Path, kind: Kind) -> anyhow::Result<()> {
        let within = path.strip_prefix(root).unwrap_or(path);
        let parts: Option<Vec<&str>> = within.components().map(|part| part.as_os_str().to_str()).collect();
        let id = parts.with_context(|| format!("`{}`: its name is not UTF-8", path.display()))?.join("/");
        if let Some((other, _)) = self.files.insert(id.clone(), (path.to_owned(), kind)) {
            anyhow::bail!("`{}` and `{}` would both be the document `{id}`", other.display(), path.display());
        }
        Ok(())
    }
}

/// Documents on their way.
struct Sending<'a> {
    door: &'a Door,
    bank: &'a str,
    limit: usize,
    lines: Vec<u8>,
    /// Where each line comes from.
    places: Vec<String>,
    totals: Totals,
}

/// Hands in files and folders.
pub(super) async fn run(
    door: &Door,
    (bank, limit): (&str, usize),
    paths: &[PathBuf],
) -> anyhow::Result<Outcome> {
    let found = Found::named(paths)?;
    let (started, bar) = (Instant::now(), bar()?);
    let totals = Totals::from([("embedded", 0)]);
    let mut sending = Sending { door, bank, limit, lines: Vec::new(), places: Vec::new(), totals };
    for (id, (path, kind)) in &found.files {
        match kind {
            Kind::Document(format) => sending.document(id, path, format).await?,
            Kind::Lines => sending.lines_of(path).await?,
        }
        bar.inc(1);
    }
    sending.send().await?;
    bar.finish_and_clear();
    if found.passed_over > 0 {
        writeln!(anstream::stderr(), "{} files of other kinds passed over", found.passed_over)?;
    }
    concluded(bank, &sending.totals, started)
}

impl Sending<'_> {
    async fn document(&mut self, id: &str, path: &Path, format: &str) -> anyhow::Result<()> {
        let place = path.display().to_string();
        match text_of(path, self.limit) {
            Err(reason) => self.refuse(&place, &reason),
            Ok(text) => {
                let line = json!({"id": id, "text": text, "format": format, "source": &place}).to_string();
                self.add(line.as_bytes(), place).await
            }
        }
    }

    async fn lines_of(&mut self, path: &Path) -> anyhow::Result<()> {
        let file = std::fs::File::open(path).with_context(|| format!("`{}`", path.display()))?;
        let (mut input, mut number) = (BufReader::new(OnDisk(file)), 0_u64);
        while let Some(line) = lines::next(&mut input, self.limit).await? {
            number += 1;
            let place = format!("{}, line {number}", path.display());
            match line {
                Line::Whole(line) if line.iter().all(u8::is_ascii_whitespace) => {}
                Line::Whole(line) => self.add(&line, place).await?,
                Line::TooLong => self.refuse(&place, &too_long(self.limit))?,
            }
        }
        Ok(())
    }

    async fn add(&mut self, line: &[u8], place: String) -> anyhow::Result<()> {
        if line.len() > self.limit {
            return self.refuse(&place, &too_long(self.limit));
        }
        self.lines.extend_from_slice(line);
        self.lines.push(b'\n');
        self.places.push(place);
        if self.places.len() >= AT_ONCE || self.lines.len() >= BYTES_AT_ONCE.min(self.limit) {
            self.send().await?;
        }
        Ok(())
    }

    fn refuse(&mut self, place: &str, reason: &str) -> anyhow::Result<()> {
        for name in ["lines", "refused"] {
            *self.totals.entry(name).or_insert(0) += 1;
        }
        Ok(writeln!(anstream::stderr(), "{place}: {reason}")?)
    }

    async fn send(&mut self) -> anyhow::Result<()> {
        if self.places.is_empty() {
            return Ok(());
        }
        let (lines, places) = (std::mem::take(&mut self.lines), std::mem::take(&mut self.places));
        let report = self.door.ask(Ask::Import(self.bank, &lines)).await?;
        tally(&mut self.totals, &report);
        let mut err = anstream::stderr().lock();
        for error in report["errors"].as_array().into_iter().flatten() {
            let number = error["line"].as_u64().and_then(|line| usize::try_from(line).ok()).unwrap_or(1);
            let place = places.get(number.saturating_sub(1)).map_or("-", String::as_str);
            writeln!(err, "{place}: {}", error["error"]["message"].as_str().unwrap_or_default())?;
        }
        Ok(())
    }
}

/// A file that is read where it is asked for: whoever waits for it has nothing else to do.
struct OnDisk(std::fs::File);

impl AsyncRead for OnDisk {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Ready(self.0.read(buffer.initialize_unfilled()).map(|read| buffer.advance(read)))
    }
}

/// The text of a file, or why it cannot be a document.
fn text_of(path: &Path, limit: usize) -> Result<String, String> {
    let about = path.metadata().map_err(|error| error.to_string())?;
    if usize::try_from(about.len()).is_ok_and(|bytes| bytes > limit) {
        return Err(too_long(limit));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

fn too_long(limit: usize) -> String {
    format!("it has more than {limit} bytes (limits.max_body_bytes)")
}
