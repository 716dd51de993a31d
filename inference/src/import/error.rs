//! Why a checkpoint could not be made servable.

use std::{io, path::PathBuf};

use crate::InferenceError;

/// Why an import failed. Nothing is left behind in its place.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file could not be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write `{path}`, and nothing is left of the import")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The checkpoint is not one that can be imported.
    #[error("`{path}` cannot be imported: {reason}")]
    Checkpoint {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it, and the way out.
        reason: String,
    },
    /// There is something where the model is to go.
    #[error("`{path}` is there already: name a folder that is not, or remove it first")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// The device does not run that precision.
    #[error("{device} runs no {precision}: it runs {rather}")]
    Precision {
        /// The device.
        device: &'static str,
        /// What was asked for.
        precision: &'static str,
        /// What it runs.
        rather: &'static str,
    },
    /// What was written answers otherwise than the weights do.
    #[error(
        "the log-probabilities of `{graph}` are {median:.3} off in the median, and {limit} is the most that is \
         accepted: choose a higher precision"
    )]
    Drift {
        /// The graph.
        graph: String,
        /// Median of the differences, natural logarithms.
        median: f64,
        /// The largest median accepted.
        limit: f64,
    },
    /// The caller changed its mind.
    #[error("the import was cancelled, and nothing is left of it")]
    Cancelled,
    /// What was written could not be tried out.
    #[error("the imported model could not be tried out")]
    Trial(#[from] InferenceError),
}
