//! From a Hugging Face checkpoint to a folder that can be served, without Python.
//!
//! Weights are read piece by piece, rounded in parallel and written where the graphs expect them. Where fp32 or fp16
//! is asked for, the graphs point into the checkpoint's own files as far as these serve.

mod config;
mod data;
mod decoder;
mod error;
mod matrix;
mod onnx;
mod pack;
mod plan;
mod reader;
mod rope;
mod shards;
mod source;
mod staging;
mod trial;
mod words;

use std::{cmp::Ordering, fmt, fs, path::Path, str::FromStr, sync::atomic::AtomicBool};

pub use error::ImportError;
pub use trial::{Drift, TrialPrompt};

use crate::{Provider, Runtime};
use plan::Plan;
use source::Source;
use staging::Staging;
use trial::Trial;

/// The largest median drift of the graph that scores that is accepted without being told to, natural logarithms.
pub const MOST_DRIFT: f64 = 0.05;

/// How weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits: exactly what the checkpoint says.
    Fp32,
    /// 16 bits.
    Fp16,
    /// 8 bits.
    Int8,
    /// 4 bits to generate; on a processor, 8 to score.
    Int4,
}

impl Precision {
    /// Every precision there is.
    pub const ALL: [Self; 4] = [Self::Fp32, Self::Fp16, Self::Int8, Self::Int4];

    /// The name used on the command line: `fp32`, `fp16`, `int8` or `int4`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Fp16 => "fp16",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
        }
    }

    /// What suits a device best.
    #[must_use]
    pub fn of_device(provider: Provider) -> Self {
        if provider == Provider::Cpu { Self::Int4 } else { Self::Fp16 }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no precision's.
#[derive(Debug, thiserror::Error)]
#[error("there is no precision `{0}`: there are fp32, fp16, int8 and int4")]
pub struct UnknownPrecision(String);

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(name: &str) -> Result<Self, UnknownPrecision> {
        let found = Self::ALL.into_iter().find(|precision| precision.name() == name);
        found.ok_or_else(|| UnknownPrecision(name.to_owned()))
    }
}

/// What is to be imported, and how.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// The folder of the checkpoint.
    pub from: &'a Path,
    /// The folder to make; there must be nothing yet.
    pub to: &'a Path,
    /// The device that is to run it.
    pub provider: Provider,
    /// How weights are kept; what suits the device best where it is not said.
    pub precision: Option<Precision>,
    /// Questions on which the result is compared with the unmodified weights; none, and nothing is compared.
    pub prompts: &'a [TrialPrompt],
    /// The answers compared.
    pub choices: &'a [String],
    /// Whether any drift is accepted; the card says so.
    pub accepts_drift: bool,
    /// Set, the import stops at the next step and leaves nothing behind.
    pub cancelled: &'a AtomicBool,
}

/// What was imported.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// How weights are kept.
    pub precision: Precision,
    /// How far each graph is off, the one that scores first; empty where the weights are used exactly as they are, and
    /// where there were no questions.
    pub drifts: Vec<Drift>,
}

/// Makes a checkpoint servable. Blocking, and it takes all cores.
///
/// # Errors
///
/// [`ImportError`] in a sentence for the person who asked, with the way out. Whatever went wrong, there is nothing where
/// the model was to be.
pub fn import(runtime: &'static Runtime, import: &Import<'_>) -> Result<Imported, ImportError> {
    let precision = import.precision.unwrap_or(Precision::of_device(import.provider));
    plan::check(import.provider, precision)?;
    staging::check_free(import.to)?;
    let source = Source::read(import.from)?;
    let plan = Plan::new(&source, import.provider, precision)?;
    let staging = Staging::beside(import.to)?;
    write(&plan, staging.folder(), import.cancelled)?;
    staging.take_over(import.from)?;
    staging.write("genai_config.json", &words::genai_config(&source, import.provider))?;
    // What is computed in fp32 from the weights as they are has nothing to be compared with.
    let drifts = if import.prompts.is_empty() || precision == Precision::Fp32 {
        Vec::new()
    } else {
        tried(runtime, import, &source, staging.folder())?
    };
    if let Some(drift) = drifts.first()
        && !import.accepts_drift
        // A median that is no number is too much as well.
        && drift.median.partial_cmp(&MOST_DRIFT).is_none_or(Ordering::is_gt)
    {
        let (graph, median) = (drift.graph.clone(), drift.median);
        return Err(ImportError::Drift { graph, median, limit: MOST_DRIFT });
    }
    staging.write("lamassu.json", &words::card(&source, import, precision, &drifts))?;
    staging.finish()?;
    Ok(Imported { precision, drifts })
}

/// Writes all files of a plan into a folder.
fn write(plan: &Plan, folder: &Path, cancelled: &AtomicBool) -> Result<(), ImportError> {
    for (name, file) in &plan.shards {
        staging::link(file, folder, name)?;
    }
    for file in &plan.files {
        file.write(folder, cancelled)?;
    }
    for (name, decoder) in &plan.graphs {
        let path = folder.join(name);
        fs::write(&path, decoder.to_model()).map_err(|source| ImportError::Write { path, source })?;
    }
    Ok(())
}

/// Compares what was written with the unmodified weights.
fn tried(
    runtime: &'static Runtime,
    import: &Import<'_>,
    source: &Source,
    folder: &Path,
) -> Result<Vec<Drift>, ImportError> {
    let Import { prompts, choices, cancelled, .. } = *import;
    let trial = Trial { runtime, source, prompts, choices, cancelled };
    let inner = tempfile::Builder::new().prefix("reference-").tempdir_in(folder);
    let inner = inner.map_err(|source| ImportError::Write { path: folder.to_owned(), source })?;
    write(&Plan::reference(source)?, inner.path(), cancelled)?;
    let reference = trial.reference(inner.path())?;
    inner.close().map_err(|source| ImportError::Write { path: folder.to_owned(), source })?;
    trial.drifts(folder, &reference)
}
