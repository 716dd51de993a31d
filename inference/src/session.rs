//! One ONNX Runtime session of the encoder: opened on a device, proven there, and run on batches.

use std::{path::Path, sync::Arc};

use ort::{
    session::{Session, SessionOutputs},
    value::Tensor,
};

use crate::{
    Embedding, InferenceError, Provider, Runtime,
    assets::{Assets, READING, VECTOR},
    device::Device,
    open::{self, Opening, Probe},
    worker::Encode,
};

/// Length of a vector, and of a reading.
pub(crate) const DIMENSION: usize = 384;

/// Length of 384 numbers of mean 0 and variance 1: the root of 384.
const READING_LENGTH: f32 = 19.595_918;

/// What a session is opened from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) runtime: &'static Runtime,
    /// The graph's file, which holds no weights.
    pub(crate) graph: &'a Path,
    /// What was read of the files.
    pub(crate) assets: &'a Assets,
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
        open::on_first(source.graph, providers, |provider, profile| Self::open(source, provider, profile))
    }

    /// Another session like one that was proven.
    pub(crate) fn again(source: Source<'_>, provider: Provider) -> Result<Self, InferenceError> {
        Self::open(source, provider, None).map_err(|error| InferenceError::NoDevice {
            graph: source.graph.to_owned(),
            reasons: format!("{provider}: {error}"),
        })
    }

    fn open(source: Source<'_>, provider: Provider, profile: Option<&Path>) -> Result<Self, ort::Error> {
        let Source { runtime, assets, weights, threads, .. } = source;
        let folder = ("session.model_external_initializers_file_folder_path", weights.to_string_lossy());
        let mut builder = Opening { runtime, provider, threads, profile }
            .builder()?
            .with_config_entry(folder.0, folder.1)?;
        for (name, value) in &assets.reader {
            builder = builder.with_external_initializer(name, Arc::clone(value))?;
        }
        Ok(Self { session: builder.commit_from_memory(&assets.graph)? })
    }
}

impl Probe for EncoderSession {
    fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    fn probe(&mut self) -> Result<(), String> {
        let rows = self.encode(&[&[0, 0]]).map_err(|error| error.to_string())?;
        sound(&rows)
    }
}

impl Encode for EncoderSession {
    /// Embeds a batch, padded to its longest row.
    ///
    /// - *Shape*: `rows` is `[n]` of token ids; the result is `[n]`.
    /// - *Units*: as [`Embedding`] has them.
    fn encode(&mut self, rows: &[&[u32]]) -> Result<Vec<Embedding>, Arc<ort::Error>> {
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
        let mut run = || -> Result<Vec<Embedding>, ort::Error> {
            let outputs = self.session.run(ort::inputs! {
                "input_ids" => Tensor::from_array((shape, padded(&|id| i64::from(*id))))?,
                "attention_mask" => Tensor::from_array((shape, padded(&|_| 1)))?,
            })?;
            let (vectors, readings) =
                (output(&outputs, VECTOR, rows.len())?, output(&outputs, READING, rows.len())?);
            let pairs = vectors.into_iter().zip(readings);
            Ok(pairs.map(|(vector, reading)| Embedding { vector, reading, cached: false }).collect())
        };
        run().map_err(Arc::new)
    }
}

/// One output of a run, a row for each of `rows` texts.
fn output(outputs: &SessionOutputs<'_>, name: &str, rows: usize) -> Result<Vec<Arc<[f32]>>, ort::Error> {
    let missing = || ort::Error::new(format!("the graph has no output `{name}`"));
    let (found, values) = outputs.get(name).ok_or_else(missing)?.try_extract_tensor::<f32>()?;
    if values.len() != rows * DIMENSION {
        return Err(ort::Error::new(format!("the output `{name}` has the shape {found:?}")));
    }
    Ok(values.chunks_exact(DIMENSION).map(Arc::from).collect())
}

/// Whether what the probe run gave has the length it should: a broken driver computes anything.
fn sound(rows: &[Embedding]) -> Result<(), String> {
    let length = |row: &[f32]| row.iter().map(|value| value * value).sum::<f32>().sqrt();
    for Embedding { vector, reading, .. } in rows {
        for (what, length, expected) in
            [("vector", length(vector), 1.0), ("reading", length(reading), READING_LENGTH)]
        {
            if !(0.99..=1.01).contains(&(length / expected)) {
                return Err(format!("the probe run gave a {what} of length {length}, not {expected}"));
            }
        }
    }
    Ok(())
}
