//! What a job is: documents, what is to be said of them, and what was.

use plugins::extract::Unit;
use policies::{Length, SortBy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::now;

/// A job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Its name, which holds when it was made.
    pub id: Uuid,
    /// The name of the key that handed it in; nobody else may ask after it.
    pub by: String,
    /// What its owner calls it.
    pub name: Option<String>,
    /// When it came. *Units*: Unix seconds.
    pub created: u64,
    /// When it last changed. *Units*: Unix seconds.
    pub updated: u64,
    /// How it stands.
    pub status: Status,
    /// The documents; without their texts once it has ended.
    pub documents: Vec<Given>,
    /// What is to be said of each of them.
    pub tasks: Vec<Task>,
    /// Whether a stage that should have run did not.
    pub degraded: bool,
    /// Digest of the policy that it was done by.
    pub policy: Option<String>,
}

/// A document of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Given {
    /// Its name; no other of the job has it.
    pub id: String,
    /// What it says.
    pub text: String,
    /// ISO 639-1, if it is known.
    pub language: Option<String>,
    /// How long it is. *Units*: grapheme clusters.
    pub characters: usize,
}

/// How a job or a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It waits.
    NotStarted,
    /// It is being done.
    Running,
    /// It is done.
    Succeeded,
    /// It is to stop.
    Cancelling,
    /// It was stopped.
    Cancelled,
}

impl Status {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Succeeded | Self::Cancelled)
    }
}

/// Whose words a summary is to be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The document's.
    Extractive,
    /// A language model's.
    Abstractive,
}

/// What is to be said of each document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// Whose words it is to be in.
    pub kind: Kind,
    /// What its owner calls it.
    pub name: Option<String>,
    /// Sentences at most.
    pub sentences: Option<usize>,
    /// How long it is to be, by name.
    pub length: Option<String>,
    /// Whether the most important come first, and not the first.
    pub by_rank: bool,
    /// What places are counted in: `codePoint`, `utf16`, `grapheme`.
    pub unit: UnitName,
    /// How it stands.
    pub status: Status,
    /// When it last changed. *Units*: Unix seconds.
    pub updated: u64,
    /// What was said, document by document.
    pub outcomes: Vec<Outcome>,
}

/// What places are counted in, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UnitName {
    /// Unicode code points.
    CodePoint,
    /// UTF-16 code units.
    Utf16,
    /// Extended grapheme clusters.
    Grapheme,
}

impl UnitName {
    pub(super) fn unit(self) -> Unit {
        match self {
            Self::CodePoint => Unit::CodePoint,
            Self::Utf16 => Unit::Utf16,
            Self::Grapheme => Unit::Grapheme,
        }
    }
}

/// What was said of one document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// Its own sentences.
    Extracted(Vec<Extracted>, Vec<Warning>),
    /// A summary; none if nothing may or can be said.
    Written(Option<Said>, Vec<Warning>),
    /// There is nothing to read in it.
    Empty,
    /// It could not be summarized: why, for its owner.
    Failed(String),
}

/// A sentence of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Extracted {
    /// What it says.
    pub text: String,
    /// How important it is, `0.0..=1.0`.
    pub rank: f64,
    /// *Units*: the task's.
    pub offset: usize,
    /// *Units*: the task's.
    pub length: usize,
}

/// A summary in new words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// What it says.
    pub text: String,
    /// Offset and length of what it rests on. *Units*: the task's.
    pub contexts: Vec<(usize, usize)>,
}

/// Something that its owner should know of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// What kind of thing.
    pub code: String,
    /// A sentence.
    pub message: String,
}

/// How many tasks stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Done.
    pub completed: usize,
    /// Stopped before they were done.
    pub failed: usize,
    /// The others.
    pub in_progress: usize,
}

impl Task {
    /// A task that nothing is said about but whose words it is to be in.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            name: None,
            sentences: None,
            length: None,
            by_rank: false,
            unit: UnitName::Grapheme,
            status: Status::NotStarted,
            updated: now(),
            outcomes: Vec::new(),
        }
    }

    pub(super) fn length(&self) -> Length {
        self.length.as_deref().and_then(Length::named).unwrap_or_default()
    }

    pub(super) fn sort_by(&self) -> SortBy {
        if self.by_rank { SortBy::Rank } else { SortBy::Offset }
    }
}

impl Job {
    /// A new job of `by`.
    #[must_use]
    pub fn new(by: &str, documents: Vec<Given>, tasks: Vec<Task>) -> Self {
        let now = now();
        Self {
            id: Uuid::now_v7(),
            by: by.to_owned(),
            name: None,
            created: now,
            updated: now,
            status: Status::NotStarted,
            documents,
            tasks,
            degraded: false,
            policy: None,
        }
    }

    /// How many of its tasks stand how.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let of = |wanted: Status| self.tasks.iter().filter(|task| task.status == wanted).count();
        let (completed, failed) = (of(Status::Succeeded), of(Status::Cancelled));
        Counts { completed, failed, in_progress: self.tasks.len() - completed - failed }
    }

    pub(super) fn end(&mut self) {
        self.close(Status::Succeeded);
    }

    pub(super) fn cancelled(&mut self) {
        for task in self.tasks.iter_mut().filter(|task| !task.status.is_end()) {
            task.status = Status::Cancelled;
            task.updated = now();
            task.outcomes.clear();
        }
        self.close(Status::Cancelled);
    }

    fn close(&mut self, status: Status) {
        self.status = status;
        self.documents.iter_mut().for_each(|document| document.text = String::new());
    }
}
