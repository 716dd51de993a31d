//! One ONNX Runtime session of the encoder: opened on a device, proven there, and run on batches.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use ort::{
    session::{
        Session,
        builder::{AutoDevicePolicy, GraphOptimizationLevel},
    },
    value::Tensor,
};

use crate::{
    InferenceError, Provider, Runtime,
    device::{self, Device},
    worker::Encode,
};

/// Length of an embedding.
pub(crate) const DIMENSION: usize = 384;

/// What a session is opened from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) runtime: &'static Runtime,
    /// The graph's file, which holds no weights.
    pub(crate) graph: &'a Path,
    /// The graph's bytes.
    pub(crate) bytes: &'a [u8],
    /// The folder with the `model.safetensors` that the graph points into.
    pub(crate) weights: &'a Path,
    /// Threads that work on one run.
    pub(crate) threads: usize,
}

/// A session of the encoder. One thread owns it.
#[derive(Debug)]
pub(crate) struct EncoderSession {
    session: Session,
}

impl EncoderSession {
    /// Opens a session on the first of `providers` that really runs the graph.
    pub(crate) fn on_first(
        source: Source<'_>,
        providers: &[Provider],
    ) -> Result<(Self, Device), InferenceError> {
        let mut reasons = Vec::new();
        for (position, provider) in providers.iter().copied().enumerate() {
            match Self::proven(source, provider) {
                Ok((session, proof)) => {
                    let tried = providers.get(..=position).unwrap_or(providers);
                    reasons.insert(0, proof);
                    reasons.extend(device::untried(tried));
                    return Ok((session, Device { provider, detail: reasons.join("; ") }));
                }
                Err(reason) => {
                    tracing::warn!(%provider, reason, "a provider does not run the encoder");
                    reasons.push(format!("{provider}: {reason}"));
                }
            }
        }
        Err(InferenceError::NoDevice { graph: source.graph.to_owned(), reasons: reasons.join("; ") })
    }

    /// Another session like one that was proven.
    pub(crate) fn again(source: Source<'_>, provider: Provider) -> Result<Self, InferenceError> {
        Self::open(source, provider, None).map_err(|error| InferenceError::NoDevice {
            graph: source.graph.to_owned(),
            reasons: format!("{provider}: {error}"),
        })
    }

    fn proven(source: Source<'_>, provider: Provider) -> Result<(Self, String), String> {
        let prefix = profile_prefix();
        let mut opened = Self::open(source, provider, Some(&prefix)).map_err(|error| error.to_string())?;
        let probe =
            opened.encode(&[&[0, 0]]).map_err(|error| error.to_string()).and_then(|rows| sound(&rows));
        let profile = opened.session.end_profiling().map_err(|error| error.to_string());
        let proof = probe.and(profile).and_then(|profile| {
            let proof = device::proof(provider, Path::new(&profile));
            if let Err(error) = fs::remove_file(&profile) {
                tracing::debug!(profile, %error, "the probe's profile could not be removed");
            }
            proof
        })?;
        Ok((opened, proof))
    }

    fn open(source: Source<'_>, provider: Provider, profile: Option<&Path>) -> Result<Self, ort::Error> {
        let mut builder = Session::builder(source.runtime.environment())?
            .with_auto_device(AutoDevicePolicy::PreferCPU)?
            .with_execution_providers([provider.registration()])?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(source.threads)?
            .with_inter_threads(1)?
            .with_parallel_execution(false)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            .with_config_entry(
                "session.model_external_initializers_file_folder_path",
                source.weights.to_string_lossy(),
            )?;
        if provider == Provider::DirectMl {
            builder = builder.with_memory_pattern(false)?;
        }
        if let Some(prefix) = profile {
            builder = builder.with_profiling(prefix)?;
        }
        Ok(Self { session: builder.commit_from_memory(source.bytes)? })
    }
}

impl Encode for EncoderSession {
    /// Embeds a batch, padded to its longest row.
    ///
    /// - *Shape*: `rows` is `[n]` of token ids; the result is `[n, 384]`.
    /// - *Units*: every row has length 1 (L2).
    fn encode(&mut self, rows: &[&[u32]]) -> Result<Vec<Arc<[f32]>>, Arc<ort::Error>> {
        let longest = rows.iter().map(|row| row.len()).max().unwrap_or_default();
        let padded = |fill: &dyn Fn(&u32) -> i64| -> Vec<i64> {
            let width = |row: &[u32]| longest - row.len();
            rows.iter()
                .flat_map(|row| {
                    row.iter().map(fill).chain(std::iter::repeat_n(0, width(row))).collect::<Vec<_>>()
                })
                .collect()
        };
        let shape = [rows.len(), longest];
        let mut run = || -> Result<Vec<Arc<[f32]>>, ort::Error> {
            let outputs = self.session.run(ort::inputs! {
                "input_ids" => Tensor::from_array((shape, padded(&|id| i64::from(*id))))?,
                "attention_mask" => Tensor::from_array((shape, padded(&|_| 1)))?,
            })?;
            let Some(embedding) = outputs.get("embedding") else {
                return Err(ort::Error::new("the graph has no output `embedding`"));
            };
            let (found, values) = embedding.try_extract_tensor::<f32>()?;
            if values.len() != rows.len() * DIMENSION {
                return Err(ort::Error::new(format!("the output has the shape {found:?}")));
            }
            Ok(values.chunks_exact(DIMENSION).map(Arc::from).collect())
        };
        run().map_err(Arc::new)
    }
}

/// Whether the vectors of the probe run have the length they should: a broken driver computes anything.
fn sound(rows: &[Arc<[f32]>]) -> Result<(), String> {
    let length = |row: &Arc<[f32]>| row.iter().map(|value| value * value).sum::<f32>().sqrt();
    match rows.iter().map(length).find(|length| !(0.99..=1.01).contains(length)) {
        Some(length) => Err(format!("the probe run gave a vector of length {length}, not 1")),
        None => Ok(()),
    }
}

/// A name in the temporary folder that no other probe uses; ONNX Runtime adds the time and `.json`.
fn profile_prefix() -> PathBuf {
    static PROBES: AtomicU32 = AtomicU32::new(0);
    let number = PROBES.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("lamassu-probe-{}-{number}", std::process::id()))
}
