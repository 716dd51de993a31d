//! Passages of documents, and a summary of them in which every sentence knows its sources.

use std::sync::Arc;

use crate::Action;
use crate::{Category, Record, Score, Span};

/// A document that is summarized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The caller's name for it.
    pub id: Arc<str>,
    /// What it is called.
    pub title: Option<Arc<str>>,
    /// All of it, as it was sent.
    pub text: Arc<str>,
}

/// A sentence of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Bytes of the document as it was sent.
    pub span: Span,
    /// What a reader sees of them: the same, unless the document has markup.
    pub text: Arc<str>,
    /// Whether it is a heading or a title: it says what follows is about, and nothing by itself.
    pub heading: bool,
}

/// Sentences that belong together: judged as one, and shown to a model as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// Which of the sources it is of, counted from 0.
    pub document: usize,
    /// Ascending, apart; at least one.
    pub sentences: Vec<Sentence>,
}

/// What of the documents may be summarized, and what was kept out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Passages {
    /// The documents.
    pub sources: Vec<Source>,
    /// What may be shown.
    pub shown: Vec<Passage>,
    /// What may not.
    pub withheld: Vec<Withheld>,
}

/// Something was kept out of an answer: what kind of thing, how often, and never its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Withheld {
    /// What was kept out.
    pub what: Part,
    /// The harm it is; none if it could not be judged, or was not supported.
    pub category: Option<Category>,
    /// How many.
    pub count: usize,
}

/// What can be kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A passage of a document.
    Passage,
    /// A sentence of a document; the rest of its passage is there.
    Sentence,
    /// A sentence of the summary.
    Statement,
}

impl Part {
    /// Its name in answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Passage => "passage",
            Self::Sentence => "sentence",
            Self::Statement => "statement",
        }
    }
}

/// Whose words a summary is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The documents'.
    Extractive,
    /// A language model's.
    Abstractive,
}

impl Mode {
    /// Its name in answers and requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Extractive => "extractive",
            Self::Abstractive => "abstractive",
        }
    }
}

/// Bytes of a document that a sentence rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Citation {
    /// Which of the sources, counted from 0.
    pub document: usize,
    /// Its bytes, as it was sent.
    pub span: Span,
}

/// A sentence of a summary.
#[derive(Clone, Debug, PartialEq)]
pub struct Stated {
    /// What it says.
    pub text: Arc<str>,
    /// How important it is among the documents' sentences; for sentences of documents.
    pub rank: Option<Score>,
    /// What it rests on, best first.
    pub citations: Vec<Citation>,
    /// How likely the documents say so; none while nobody has looked.
    pub support: Option<Score>,
    /// Whether it is marked as not supported.
    pub unsupported: bool,
}

/// How a text longer than a model's context was summarized.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Tokens that the model can read at once, its answer included.
    pub context: usize,
    /// For each round, the numbers of what was summarized together: in the first round passages, later summaries of the
    /// round before. One round with one group is a summary in one go.
    pub rounds: Vec<Vec<Vec<usize>>>,
}

/// A summary.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Whose words it is in.
    pub mode: Mode,
    /// Its sentences.
    pub sentences: Vec<Stated>,
    /// Sentences of it that were kept out.
    pub withheld: Vec<Withheld>,
    /// How a language model was asked, if one was.
    pub plan: Option<Plan>,
    /// Why it is in other words than were asked for, if a stage knows.
    pub reason: Option<String>,
}

/// A summary, what was kept out of it, and how it came about. There is always one, whatever failed on the way.
#[derive(Clone, Debug)]
pub struct Summarized {
    /// What to do with it; at [`Action::Block`] it is empty.
    pub action: Action,
    /// The summary; empty if nothing may or can be said.
    pub summary: Summary,
    /// Why it is empty, or not in the words that were asked for.
    pub reason: Option<String>,
    /// What it is of.
    pub sources: Vec<Source>,
    /// What was kept out, of documents and of the summary.
    pub withheld: Vec<Withheld>,
    /// Who did what, and who could not.
    pub record: Record,
}

impl Passage {
    /// What a reader sees of it: headings on lines of their own.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut after_heading = false;
        for sentence in &self.sentences {
            if !text.is_empty() {
                text.push(if sentence.heading || after_heading { '\n' } else { ' ' });
            }
            text.push_str(&sentence.text);
            after_heading = sentence.heading;
        }
        text
    }
}

impl Summary {
    /// A summary that says nothing.
    #[must_use]
    pub fn empty(mode: Mode) -> Self {
        Self { mode, sentences: Vec::new(), withheld: Vec::new(), plan: None, reason: None }
    }

    /// All its sentences as one text.
    #[must_use]
    pub fn text(&self) -> String {
        self.sentences.iter().map(|sentence| &*sentence.text).collect::<Vec<_>>().join(" ")
    }
}

impl Withheld {
    /// Counts one more of its kind in a list, which stays in order.
    pub fn count(list: &mut Vec<Self>, what: Part, category: Option<Category>) {
        match list.iter_mut().find(|entry| entry.what == what && entry.category == category) {
            Some(entry) => entry.count += 1,
            None => list.push(Self { what, category, count: 1 }),
        }
        list.sort();
    }
}
