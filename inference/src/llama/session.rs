//! One ONNX Runtime session of a LLaMA: opened on a device, proven there, and run on tokens.

use half::f16;
use ort::{
    memory::MemoryInfo,
    session::{RunOptions, Session, SessionInputValue},
    value::{DynValue, Tensor},
};

use super::{
    folder::ModelFolder,
    genai::of_layer,
    kv::{Cache, Layout, Past},
};
use crate::{
    Provider, Runtime,
    device::Device,
    error::InferenceError,
    open::{self, Opening, Probe},
};

/// Most tokens of one run: a caller who hangs up waits for no more than that, and logits of no more are computed.
const CHUNK: usize = 512;

/// A session of a LLaMA. One thread owns it.
#[derive(Debug)]
pub(super) struct LlamaSession {
    session: Session,
    layout: Layout,
    input_ids: String,
    attention_mask: String,
    position_ids: Option<String>,
    logits: String,
    is_shared: bool,
    bos: u32,
}

impl LlamaSession {
    /// Opens a session on the first of `providers` that really runs the graph.
    pub(super) fn on_first(
        runtime: &'static Runtime,
        folder: &ModelFolder,
        threads: usize,
        providers: &[Provider],
    ) -> Result<(Self, Device), InferenceError> {
        let graph = folder.graph();
        open::on_first(&graph, providers, |provider, profile| {
            Self::open(folder, Opening { runtime, provider, threads, profile })
        })
    }

    fn open(folder: &ModelFolder, opening: Opening<'_>) -> Result<Self, ort::Error> {
        let session = opening.builder()?.commit_from_file(folder.graph())?;
        let (decoder, shape) = (&folder.config.model.decoder, folder.shape());
        let (inputs, outputs) = (&decoder.inputs, &decoder.outputs);
        let pairs = [
            (&inputs.past_key_names, &outputs.present_key_names),
            (&inputs.past_value_names, &outputs.present_value_names),
        ];
        let layers = 0..shape.layers;
        let names = layers
            .flat_map(|layer| pairs.map(|(past, present)| (of_layer(past, layer), of_layer(present, layer))))
            .collect();
        Ok(Self {
            session,
            layout: Layout {
                names,
                heads: shape.key_value_heads,
                head_size: shape.head_size,
                context: shape.context,
                is_half: folder.cache_precision() == "fp16",
                provider: opening.provider,
            },
            input_ids: inputs.input_ids.clone(),
            attention_mask: inputs.attention_mask.clone(),
            position_ids: Some(inputs.position_ids.clone())
                .filter(|name| folder.outline.inputs.contains_key(name)),
            logits: outputs.logits.clone(),
            // A buffer in the processor's memory would be copied to another device and back at every run.
            is_shared: folder.shares_buffer() && opening.provider != Provider::DirectMl,
            bos: folder.config.model.bos_token_id,
        })
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Reads `ids`, of which there is at least one, behind what `cache` holds.
    ///
    /// - *Shape*: the result is the logits, `[vocabulary]`, of what follows the last of them.
    pub(super) fn read(
        &mut self,
        cache: &mut Cache,
        ids: &[u32],
        options: &RunOptions,
    ) -> Result<Vec<f32>, ort::Error> {
        let mut logits = Vec::new();
        for chunk in ids.chunks(CHUNK) {
            logits = self.run(cache, chunk, options)?;
            cache.added(chunk);
        }
        Ok(logits)
    }

    fn run(&mut self, cache: &mut Cache, ids: &[u32], options: &RunOptions) -> Result<Vec<f32>, ort::Error> {
        let (past, total) = (cache.ids().len(), cache.ids().len() + ids.len());
        let row = |numbers: Vec<i64>| Tensor::from_array(([1, numbers.len()], numbers));
        let mut inputs = vec![
            (self.input_ids.clone(), row(ids.iter().copied().map(i64::from).collect())?),
            (self.attention_mask.clone(), row(vec![1; total])?),
        ];
        if let Some(name) = &self.position_ids {
            let position = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
            inputs.push((name.clone(), row((past..total).map(position).collect())?));
        }
        if self.is_shared {
            cache.reserve(total, &self.layout, &self.session)?;
            self.run_shared(cache, &inputs, options)
        } else {
            self.run_separate(cache, &inputs, options)
        }
    }

    fn run_shared(
        &mut self,
        cache: &mut Cache,
        inputs: &[(String, Tensor<i64>)],
        options: &RunOptions,
    ) -> Result<Vec<f32>, ort::Error> {
        let Some(buffers) = &mut cache.shared else {
            return Err(ort::Error::new("there is no buffer for keys and values"));
        };
        for (name, tensor) in inputs {
            buffers.binding.bind_input(name, tensor)?;
        }
        // Bound anew each time: the buffer of the run before has another shape.
        buffers.binding.bind_output_to_device(&self.logits, &MemoryInfo::default())?;
        let outputs = self.session.run_binding_with_options(&buffers.binding, options)?;
        last_row(outputs.get(&self.logits))
    }

    fn run_separate(
        &mut self,
        cache: &mut Cache,
        inputs: &[(String, Tensor<i64>)],
        options: &RunOptions,
    ) -> Result<Vec<f32>, ort::Error> {
        if cache.separate.is_empty() || cache.ids().is_empty() {
            let none = |_: &(String, String)| Past::empty(0, &self.layout);
            cache.separate = self.layout.names.iter().map(none).collect::<Result<_, _>>()?;
        }
        let mut values: Vec<(&str, SessionInputValue<'_>)> =
            inputs.iter().map(|(name, tensor)| (name.as_str(), tensor.into())).collect();
        for (past, (name, _)) in cache.separate.iter().zip(&self.layout.names) {
            values.push(match past {
                Past::Single(tensor) => (name, tensor.into()),
                Past::Half(tensor) => (name, tensor.into()),
            });
        }
        let mut outputs = self.session.run_with_options(values, options)?;
        let logits = last_row(outputs.get(&self.logits))?;
        let mut present = Vec::with_capacity(self.layout.names.len());
        for (_, name) in &self.layout.names {
            let value = outputs.remove(name).ok_or_else(|| no_output(name))?;
            present.push(Past::of_output(value, &self.layout)?);
        }
        cache.separate = present;
        Ok(logits)
    }
}

impl Probe for LlamaSession {
    fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    fn probe(&mut self) -> Result<(), String> {
        let options = RunOptions::new().map_err(|error| error.to_string())?;
        let ids = [self.bos; 3];
        let logits = self.read(&mut Cache::default(), &ids, &options).map_err(|error| error.to_string())?;
        match logits.iter().find(|logit| !logit.is_finite()) {
            Some(logit) => Err(format!("the probe run gave the logit {logit}")),
            None => Ok(()),
        }
    }
}

fn no_output(name: &str) -> ort::Error {
    ort::Error::new(format!("the graph has no output `{name}`"))
}

/// The logits behind the last token, of `[1, tokens, vocabulary]` or `[1, 1, vocabulary]`.
fn last_row(logits: Option<&DynValue>) -> Result<Vec<f32>, ort::Error> {
    let logits = logits.ok_or_else(|| no_output("logits"))?;
    let width =
        |shape: &[i64]| shape.last().and_then(|width| usize::try_from(*width).ok()).unwrap_or_default();
    let row = if let Ok((shape, values)) = logits.try_extract_tensor::<f32>() {
        values.rchunks_exact(width(shape).max(1)).next().map(<[f32]>::to_vec)
    } else {
        let (shape, values) = logits.try_extract_tensor::<f16>()?;
        let last = values.rchunks_exact(width(shape).max(1)).next();
        last.map(|row| row.iter().map(|logit| logit.to_f32()).collect())
    };
    row.ok_or_else(|| ort::Error::new("the logits are empty"))
}
