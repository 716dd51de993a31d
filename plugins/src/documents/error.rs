//! Why a bank of documents does not answer.

use indexes::IndexError;
use inference::InferenceError;

use crate::precedents::Refusal;

/// Why a bank did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The document is refused, or not there.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The index does not answer.
    #[error("the bank does not answer")]
    Index(#[from] IndexError),
    /// The encoder does not answer.
    #[error("the text could not be embedded")]
    Embedding(#[from] InferenceError),
}
