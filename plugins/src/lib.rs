//! The stages. Each is one file: its options, the stage built from them, and its tests.
//!
//! This room joins the three leaves: it knows what a policy orders, what a model computes and what an
//! index finds. Deliberately absent: HTTP, and any list of stages but [`builtin`].

mod adjudicate;
mod answer;
mod bank;
mod banks;
mod blocklist;
mod brief;
mod classify;
mod documents;
pub mod extract;
mod folding;
pub mod ground;
mod kept;
mod lanes;
mod neighbours;
mod pattern;
pub mod pii;
mod precedents;
mod reading;
mod registry;
mod retrieve;
mod sentences;
pub mod shield;
pub mod summarize;
mod summary;

pub use bank::{CLAUSES, DOCUMENTS, PRECEDENTS, embed_whole, policy_bank, terms};
pub use banks::{BankError, Banks, Kind, Manner, language};
pub use blocklist::Blocklist;
pub use documents::{
    Document, DocumentError, Documents, Format, Indexed, Kept, Passage, Question, Shelf, Sight,
};
pub use ground::{
    Citation, Features, GroundError, Grounded, GroundedSentence, Grounder, Passages, SourceSentence, Sources,
    Support, ground_text,
};
pub use lanes::{Unread, aside};
pub use neighbours::{NEIGHBOUR_FROM, Voice, ramp, vote};
pub use precedents::{
    Account, Alert, Case, Entered, FloodOptions, Line, Opinion, PrecedentError, PrecedentOptions, Precedents,
    Refusal, Review, Standing, State, fit, own_tags,
};
pub use registry::{ADJUDICATE, Ordered, PluginError, Registry, Resources, SHIELD, SUMMARIZE, StageConfig};
pub use sentences::sentences;
pub use summary::{Given, PASSAGES_AT_ONCE, Retrieved};

use policies::Assignment;

/// Builds what texts are read with that no policy orders, so that the first text need not wait for it: patterns of attacks
/// and of personal data. Blocking, for a tenth of a second.
pub fn prepare() {
    pii::prepare();
    shield::prepare();
}

/// Every stage that ships with the service and judges texts.
#[must_use]
pub fn builtin() -> Registry {
    Registry::default()
        .with::<blocklist::Config>()
        .with::<pii::Config>()
        .with::<shield::Config>()
        .with::<retrieve::Config>()
        .with::<classify::Config>()
        .with::<adjudicate::Config>()
}

/// Every stage that ships with the service and summarizes documents.
#[must_use]
pub fn summarizing() -> Registry<Assignment> {
    Registry::default()
        .with::<summary::PassagesConfig>()
        .with::<summary::ExtractConfig>()
        .with::<summary::SummarizeConfig>()
        .with::<summary::GroundConfig>()
        .with::<summary::JudgeConfig>()
}
