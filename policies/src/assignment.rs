//! What is to be summarized, and how.

use std::fmt::{self, Debug};
use std::sync::Arc;

use async_trait::async_trait;

use crate::{Passage, Source, Span, StageError, Stated, Subject};

/// Documents to be summarized, and what the caller wants of it.
pub struct Assignment {
    /// Where the documents are.
    pub library: Arc<dyn Library>,
    /// What the summary is to answer, if it is to answer something.
    pub query: Option<Arc<str>>,
    /// What the summary is to be like.
    pub wish: Wish,
    /// Who hears each sentence as soon as it is checked, if somebody does.
    pub listener: Option<Arc<dyn Listener>>,
}

/// What a summary is to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// In the documents' own words, or in a language model's.
    pub mode: Wanted,
    /// Sentences at most; as [`Wish::length`] says unless given.
    pub sentences: Option<usize>,
    /// How long it is to be.
    pub length: Length,
    /// In which order sentences of the documents are given.
    pub sort_by: SortBy,
    /// The language to answer in, ISO 639-1.
    pub language: Arc<str>,
}

/// Whose words are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// A language model's where one is able, else the documents'.
    #[default]
    Best,
    /// The documents'.
    Extractive,
    /// A language model's. Where none is able, the answer is in the documents' words and says why.
    Abstractive,
}

/// How long a summary is to be; the names are those of Azure AI Language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Length {
    /// One sentence.
    OneSentence,
    /// Two or three sentences.
    Short,
    /// Four or five sentences.
    #[default]
    Medium,
    /// Eight to ten sentences.
    Long,
}

/// An order of sentences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// As they stand in the documents.
    #[default]
    Offset,
    /// The most important first.
    Rank,
}

/// What a library gave: documents, and those parts of them that are to be summarized.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shelf {
    /// The documents.
    pub sources: Vec<Source>,
    /// Their parts, in the order in which a reader should meet them.
    pub passages: Vec<Passage>,
}

/// Where documents are: in the request, or in a bank.
#[async_trait]
pub trait Library: Send + Sync {
    /// The documents and the parts that are to be summarized.
    ///
    /// # Errors
    ///
    /// A bank or a model does not answer.
    async fn open(&self) -> Result<Shelf, StageError>;
}

/// Who hears a summary's sentences as soon as they are checked.
pub trait Listener: Send + Sync {
    /// The next sentence. It has passed all later stages.
    fn hear(&self, sentence: &Stated, sources: &[Source]);
}

impl Length {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::OneSentence, Self::Short, Self::Medium, Self::Long];

    /// Its name, in requests and policies.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OneSentence => "oneSentence",
            Self::Short => "short",
            Self::Medium => "medium",
            Self::Long => "long",
        }
    }

    /// The length of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|length| length.name() == name)
    }

    /// Sentences it has at most.
    #[must_use]
    pub fn sentences(self) -> usize {
        match self {
            Self::OneSentence => 1,
            Self::Short => 3,
            Self::Medium => 5,
            Self::Long => 10,
        }
    }
}

impl SortBy {
    /// Its name, in requests.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Offset => "Offset",
            Self::Rank => "Rank",
        }
    }

    /// The order of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Offset, Self::Rank].into_iter().find(|order| order.name() == name)
    }
}

impl Wish {
    /// Sentences at most.
    #[must_use]
    pub fn most(&self) -> usize {
        self.sentences.unwrap_or_else(|| self.length.sentences())
    }
}

impl Subject for Assignment {
    fn language(&self) -> &str {
        &self.wish.language
    }

    /// Findings are of single passages and of the summary: none points into documents.
    fn holds(&self, _: Span) -> bool {
        false
    }

    fn listener(&self) -> Option<&dyn Listener> {
        self.listener.as_deref()
    }
}

/// Neither the documents nor the query: they are what is judged.
impl Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assignment").field("wish", &self.wish).finish_non_exhaustive()
    }
}
