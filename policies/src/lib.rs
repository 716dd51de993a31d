//! What a policy is, and how it judges.
//!
//! A raw text becomes a [`Content`]; a [`Pipeline`] hands its [`Dossier`] from [`Stage`] to stage and
//! always returns a [`Judgment`]: an answer, and who could not give one.
//!
//! Deliberately absent: input and output, models, indexes, HTTP, and `Serialize` on any of these types.

mod category;
mod content;
mod finding;
mod pipeline;
mod policy;
mod record;
mod stage;
mod verdict;

pub use category::{Category, UnknownCategory};
pub use content::*;
pub use finding::{Evidence, Finding, Score, Severity};
pub use pipeline::{Ask, Pipeline, Seat};
pub use policy::{
    Bounds, Case, CategoryRule, Clause, Fault, Lines, ListSpec, OnlyIf, Policy, PolicyError, PrecedentText,
    StageSpec, Thresholds,
};
pub use record::{Record, StageRun, Status, merge_spans};
pub use stage::{
    Dossier, Entry, Examination, Precedent, Retrieved, Revision, Ruling, Stage, StageError, Tokens,
};
pub use verdict::{Action, Judgment, Verdict};
