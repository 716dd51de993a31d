//! Why a case is not taken, and why a bank does not answer.

use indexes::IndexError;
use inference::InferenceError;
use policies::ContentError;

use super::State;

/// Why one case is refused. The bank is as it was.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Its text cannot be judged, so nothing can resemble it.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A field has a value it cannot have.
    #[error("`{field}`: {reason}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The same text is there with the opposite ruling.
    #[error(
        "case `{with}` decides the same text the other way ({ruling}); retract or reject one of them first"
    )]
    Conflict {
        /// The other case.
        with: String,
        /// Its ruling.
        ruling: String,
    },
    /// Another row has its id.
    #[error("the id `{id}` belongs to another row, of bank `{bank}`; choose another, or remove that one")]
    Taken {
        /// The id.
        id: String,
        /// Where it is in use.
        bank: String,
    },
    /// There is no such case.
    #[error("bank `{bank}` has no row `{id}`")]
    Unknown {
        /// The bank.
        bank: String,
        /// The id.
        id: String,
    },
    /// What was asked for does not go with the state it is in.
    #[error("case `{id}` is {}, so it cannot be {wanted}", .state.name())]
    Closed {
        /// The case.
        id: String,
        /// How far it has come.
        state: State,
        /// What was asked for.
        wanted: &'static str,
    },
    /// The first of two reviewers came again.
    #[error(
        "`{by}` has confirmed case `{id}` already; `{category}` is a floor, so another reviewer has to agree"
    )]
    SameReviewer {
        /// The reviewer.
        by: String,
        /// The case.
        id: String,
        /// Its category.
        category: String,
    },
}

/// Why a bank did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PrecedentError {
    /// The case is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The index does not answer.
    #[error("the bank does not answer")]
    Index(#[from] IndexError),
    /// The encoder does not answer.
    #[error("the text could not be embedded")]
    Embedding(#[from] InferenceError),
}
