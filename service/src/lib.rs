//! The door: HTTP, command line, configuration, wiring. The only room that knows JSON and status codes.
//!
//! Deliberately absent: decisions of its own. A verdict is `policies::Pipeline`'s; this room brings the text in and
//! the answer out.

pub mod abilities;
pub mod api;
pub mod chambers;
pub mod clerk;
pub mod cli;
pub mod config;
mod deadline;
pub mod decisions;
pub mod durable;
pub mod engine;
pub mod entra;
pub mod error;
pub mod eval;
pub mod fit;
pub mod grounds;
pub mod jobs;
pub mod json;
pub mod keys;
pub mod lists;
pub mod metrics;
pub mod models;
pub mod moderator;
pub mod protected;
pub mod quotas;
pub mod scribe;
pub mod shield;
mod stop;
pub mod summarizer;
pub mod telemetry;
pub mod vectors;
pub mod wiring;

/// An error and its causes as one sentence.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |said, cause| format!("{said}: {cause}"))
}
