//! Summaries: the stages that make them, and where their documents come from.
//!
//! *documents → `passages` → `extract` → `summarize` → `ground` → `judge` → summary.* Each is a seat of a
//! `Pipeline<Assignment>`, ordered by a policy's `[[summary]]`.

mod embedded;
mod extract;
mod ground;
mod judge;
mod library;
mod passages;
mod summarize;
mod withhold;

pub(crate) use extract::Config as ExtractConfig;
pub(crate) use ground::Config as GroundConfig;
pub(crate) use judge::Config as JudgeConfig;
pub use library::{Given, Retrieved};
pub use passages::AT_ONCE as PASSAGES_AT_ONCE;
pub(crate) use passages::Config as PassagesConfig;
pub(crate) use summarize::Config as SummarizeConfig;

use policies::Passages;

/// Why there is nothing to summarize, if there is nothing.
fn nothing_left(passages: Option<&Passages>) -> Option<String> {
    let Some(passages) = passages else { return Some("no stage gave passages to summarize".to_owned()) };
    if !passages.shown.is_empty() {
        return None;
    }
    Some(if passages.withheld.is_empty() {
        "the documents hold nothing to summarize".to_owned()
    } else {
        "everything was withheld".to_owned()
    })
}
