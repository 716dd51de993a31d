//! What a policy is, and how it judges.
//!
//! A raw text becomes a [`Content`]; a [`Pipeline`] hands its [`Dossier`] from [`Stage`] to stage and
//! always returns a [`Judgment`]: an answer, and who could not give one. In the same way an [`Assignment`], documents to be
//! summarized, leads to a [`Summarized`].
//!
//! Deliberately absent: input and output, models, indexes, HTTP, and `Serialize` on any of these types.

mod assignment;
mod category;
mod content;
mod dossier;
mod finding;
mod pipeline;
mod policy;
mod record;
mod rewrite;
mod stage;
mod subject;
mod summary;
mod verdict;

pub use assignment::{Assignment, Length, Library, Listener, Shelf, SortBy, Wanted, Wish};
pub use category::{Category, UnknownCategory};
pub use content::*;
pub use dossier::Dossier;
pub use finding::{Evidence, Finding, Score, Severity};
pub use pipeline::{Ask, Pipeline, Seat};
pub use policy::{
    Bounds, Case, CategoryRule, Clause, Fault, LanguageLines, Lines, ListSpec, OnlyIf, Policy, PolicyError,
    PrecedentText, StageSpec, Thresholds,
};
pub use record::{Record, StageRun, Status, merge_spans};
pub use rewrite::{Replacement, Rewrite, Rewritten};
pub use stage::{Entry, Examination, Precedent, Retrieved, Revision, Ruling, Stage, StageError, Tokens};
pub use subject::Subject;
pub use summary::{
    Citation, Mode, Part, Passage, Passages, Plan, Sentence, Source, Stated, Summarized, Summary, Withheld,
};
pub use verdict::{Action, Judgment, Verdict};
