//! A graph that is tried out: opened as briefly as memory allows, and run on tokens.

use std::{path::Path, sync::Arc};

use half::f16;
use ort::{
    memory::Allocator,
    session::{Session, SessionInputValue},
    value::{DynValue, Tensor, TensorElementType},
};

use super::{decoder::Sizes, source::Source};
use crate::{InferenceError, Provider, Runtime, open::Opening};

/// Whether ONNX Runtime may copy weights into the order its kernels like best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    /// As it does when the model serves.
    Yes,
    /// They stay in their files, mapped into memory.
    No,
}

/// Keys and values of all layers, keys first; and for how many tokens.
pub(super) struct Past {
    values: Vec<DynValue>,
    tokens: usize,
}

/// A graph that reads tokens.
pub(super) struct Reader {
    session: Session,
    sizes: Sizes,
    layers: usize,
    positions: bool,
    is_half: bool,
}

impl Reader {
    /// Opens a graph of a model made of `source`.
    pub(super) fn open(
        runtime: &'static Runtime,
        source: &Source,
        graph: &Path,
        packing: Packing,
    ) -> Result<Self, InferenceError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let opening = Opening { runtime, provider: Provider::Cpu, threads, profile: None };
        let open = || -> Result<Session, ort::Error> {
            let mut builder = if packing == Packing::No { opening.lean()? } else { opening.builder()? };
            builder.commit_from_file(graph)
        };
        let session = open().map_err(run)?;
        let (sizes, layers) = (source.sizes(), source.config.num_hidden_layers);
        let positions = session.inputs().iter().any(|input| input.name() == "position_ids");
        let is_half = session.outputs().iter().any(|output| {
            output.name() == "logits" && output.dtype().tensor_type() == Some(TensorElementType::Float16)
        });
        Ok(Self { session, sizes, layers, positions, is_half })
    }

    fn names(&self, of: &str) -> Vec<String> {
        let kinds = ["key", "value"].into_iter();
        kinds.flat_map(|kind| (0..self.layers).map(move |layer| format!("{of}.{layer}.{kind}"))).collect()
    }

    /// Reads tokens behind what was read before: the logits of what follows, and all keys and values.
    pub(super) fn read(
        &mut self,
        past: Option<&Past>,
        ids: &[u32],
    ) -> Result<(Vec<f32>, Past), InferenceError> {
        self.try_read(past, ids).map_err(run)
    }

    fn try_read(&mut self, past: Option<&Past>, ids: &[u32]) -> Result<(Vec<f32>, Past), ort::Error> {
        let before = past.map_or(0, |past| past.tokens);
        let tokens = before + ids.len();
        let row = |numbers: Vec<i64>| Tensor::from_array(([1, numbers.len()], numbers));
        let names = self.names("past_key_values");
        let empty;
        let past = if let Some(past) = past {
            past
        } else {
            empty = self.empty(names.len())?;
            &empty
        };
        let ids = row(ids.iter().copied().map(i64::from).collect())?;
        let mask = row(vec![1; tokens])?;
        let position = |at: usize| i64::try_from(at).unwrap_or(i64::MAX);
        let positions = row((before..tokens).map(position).collect())?;
        let mut inputs: Vec<(&str, SessionInputValue<'_>)> =
            vec![("input_ids", (&ids).into()), ("attention_mask", (&mask).into())];
        if self.positions {
            inputs.push(("position_ids", (&positions).into()));
        }
        inputs.extend(names.iter().zip(&past.values).map(|(name, value)| (name.as_str(), value.into())));
        let present = self.names("present");
        let mut outputs = self.session.run(inputs)?;
        let logits = match outputs.get("logits") {
            Some(logits) if self.is_half => {
                logits.try_extract_tensor::<f16>()?.1.iter().map(|logit| logit.to_f32()).collect()
            }
            Some(logits) => logits.try_extract_tensor::<f32>()?.1.to_vec(),
            None => return Err(ort::Error::new("the graph has no output `logits`")),
        };
        let values: Option<Vec<DynValue>> = present.iter().map(|name| outputs.remove(name)).collect();
        let values = values.ok_or_else(|| ort::Error::new("the graph lacks keys or values"))?;
        Ok((logits, Past { values, tokens }))
    }

    /// Keys and values of no token.
    fn empty(&self, count: usize) -> Result<Past, ort::Error> {
        let shape = [1, self.sizes.key_value_heads, 0, self.sizes.head_room];
        let one = || -> Result<DynValue, ort::Error> {
            Ok(if self.is_half {
                Tensor::<f16>::new(&Allocator::default(), shape)?.into_dyn()
            } else {
                Tensor::<f32>::new(&Allocator::default(), shape)?.into_dyn()
            })
        };
        Ok(Past { values: (0..count).map(|_| one()).collect::<Result<_, _>>()?, tokens: 0 })
    }
}

fn run(error: ort::Error) -> InferenceError {
    InferenceError::Run(Arc::new(error))
}
