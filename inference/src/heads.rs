//! Reading the classifier's heads from their file.

use std::{fs, path::Path};

use data_encoding::HEXLOWER;
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

use crate::{InferenceError, Weights, session::DIMENSION};

/// The value of `format` in the file's metadata.
const FORMAT: &str = "lamassu-heads-2";

/// Severities run from 0 to this many.
pub(crate) const CUTS: usize = 7;

/// More buckets than this are a mistake, not a model.
const MOST_BUCKETS: u32 = 1 << 24;

/// The heads: one linear model for each label, over vector, reading and hashed features.
#[derive(Debug)]
pub(crate) struct Heads {
    pub(crate) labels: Vec<String>,
    /// Number of buckets.
    pub(crate) buckets: u32,
    /// `[labels][768]`, flat: 384 for the vector, then 384 for the reading.
    pub(crate) dense: Vec<f32>,
    /// `[buckets][labels]`, flat: the weights of one bucket lie side by side, because they are read together.
    pub(crate) ngrams: Vec<i8>,
    /// One record for each label.
    pub(crate) tail: Vec<Tail>,
    /// The weights the heads were trained on.
    pub(crate) weights: Weights,
    /// SHA-256 of the file.
    pub(crate) digest: String,
}

/// What a label has besides its weights.
#[derive(Debug)]
pub(crate) struct Tail {
    /// Unit of the label's integer weights.
    pub(crate) scale: f32,
    pub(crate) bias: f32,
    /// Slope and offset of the logistic curve that makes a probability of a logit.
    pub(crate) calibration: [f32; 2],
    /// Ascending probabilities; the severity is how many of them a probability reaches.
    pub(crate) cuts: [f32; CUTS],
}

impl Heads {
    pub(crate) fn load(path: &Path) -> Result<Self, InferenceError> {
        let file = fs::read(path).map_err(|source| InferenceError::Read { path: path.to_owned(), source })?;
        Self::read(&file).map_err(|reason| InferenceError::Format { path: path.to_owned(), reason })
    }

    fn read(file: &[u8]) -> Result<Self, String> {
        let (_, header) = SafeTensors::read_metadata(file).map_err(|error| error.to_string())?;
        let tensors = SafeTensors::deserialize(file).map_err(|error| error.to_string())?;
        let metadata = header.metadata().as_ref().ok_or("it has no metadata")?;
        let named = |name: &str| metadata.get(name).ok_or(format!("its metadata has no `{name}`"));
        let format = named("format")?;
        if format != FORMAT {
            return Err(format!("its format is `{format}`, this program reads `{FORMAT}`"));
        }
        let labels: Vec<String> =
            serde_json::from_str(named("labels")?).map_err(|error| format!("its labels: {error}"))?;
        let buckets: u32 = named("buckets")?.parse().map_err(|_| "`buckets` is not a number")?;
        if labels.is_empty() || !(1..=MOST_BUCKETS).contains(&buckets) {
            return Err("it has no labels, or a number of buckets that cannot be".to_owned());
        }
        let (rows, columns) = (labels.len(), buckets as usize);
        let floats = |name, shape: &[usize]| floats(&tensors, name, shape);
        let (scale, bias) = (floats("ngram_scale", &[rows])?, floats("bias", &[rows])?);
        let calibration = floats("calibration", &[rows, 2])?;
        let cuts = floats("severity_cuts", &[rows, CUTS])?;
        let tail = scale.iter().zip(&bias).zip(calibration.as_chunks().0).zip(cuts.as_chunks().0);
        let tail: Vec<Tail> = tail
            .map(|(((scale, bias), calibration), cuts)| Tail {
                scale: *scale,
                bias: *bias,
                calibration: *calibration,
                cuts: *cuts,
            })
            .collect();
        if !tail.iter().all(|tail| tail.cuts.is_sorted()) {
            return Err("its `severity_cuts` do not ascend".to_owned());
        }
        Ok(Self {
            buckets,
            dense: floats("dense", &[rows, 2 * DIMENSION])?,
            ngrams: bucket_major(bytes(&tensors, "ngrams", Dtype::I8, &[rows, columns])?, columns),
            tail,
            weights: Weights { encoder: named("encoder")?.clone(), reader: named("reader")?.clone() },
            digest: HEXLOWER.encode(&Sha256::digest(file)),
            labels,
        })
    }
}

/// The bytes of a tensor that has the type and shape it should.
fn bytes<'a>(
    tensors: &SafeTensors<'a>,
    name: &str,
    dtype: Dtype,
    shape: &[usize],
) -> Result<&'a [u8], String> {
    let tensor = tensors.tensor(name).map_err(|_| format!("it has no tensor `{name}`"))?;
    if tensor.dtype() == dtype && tensor.shape() == shape {
        Ok(tensor.data())
    } else {
        let (found, size) = (tensor.dtype(), tensor.shape());
        Err(format!("its tensor `{name}` is {found:?} {size:?}, not {dtype:?} {shape:?}"))
    }
}

fn floats(tensors: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
    let (numbers, _) = bytes(tensors, name, Dtype::F32, shape)?.as_chunks();
    let values: Vec<f32> = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(format!("its tensor `{name}` has values that are not finite"))
    }
}

/// `[labels][buckets]` turned into `[buckets][labels]`.
fn bucket_major(label_major: &[u8], buckets: usize) -> Vec<i8> {
    let labels: Vec<&[u8]> = label_major.chunks_exact(buckets).collect();
    (0..buckets)
        .flat_map(|bucket| {
            labels.iter().filter_map(move |row| row.get(bucket)).map(|weight| weight.cast_signed())
        })
        .collect()
}
