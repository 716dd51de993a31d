//! One ONNX Runtime session of a LLaMA: opened on a device, proven there, and run on tokens.

use std::{path::Path, sync::Arc};

use half::f16;
use ort::{
    memory::MemoryInfo,
    session::{RunOptions, Session, SessionInputValue, builder::SessionBuilder},
    value::{DynValue, Tensor},
};

use super::{
    cache::Cache,
    folder::ModelFolder,
    genai::of_layer,
    graphs::GraphFile,
    kv::{Layout, Past},
};
use crate::{Provider, open::Probe};

/// Most tokens of one run: a caller who hangs up waits for no more than that, and logits of no more are computed.
const CHUNK: usize = 512;

/// A session of a LLaMA. One thread owns it.
#[derive(Debug)]
pub(super) struct LlamaSession {
    session: Session,
    layout: Arc<Layout>,
    input_ids: String,
    attention_mask: String,
    position_ids: Option<String>,
    logits: String,
    is_shared: bool,
    bos: u32,
}

impl LlamaSession {
    /// Opens a graph of `folder` from `file`, which is the graph's own or a copy of it.
    pub(super) fn of(
        folder: &ModelFolder,
        graph: &GraphFile,
        (provider, mut builder, file): (Provider, SessionBuilder, &Path),
    ) -> Result<Self, ort::Error> {
        let (inputs, outputs) = (&folder.config.model.decoder.inputs, &folder.config.model.decoder.outputs);
        Ok(Self {
            session: builder.commit_from_file(file)?,
            layout: Arc::new(layout(folder, provider)),
            input_ids: inputs.input_ids.clone(),
            attention_mask: inputs.attention_mask.clone(),
            position_ids: Some(inputs.position_ids.clone())
                .filter(|name| graph.outline.inputs.contains_key(name)),
            logits: outputs.logits.clone(),
            // A buffer in the processor's memory would be copied to another device and back at every run.
            is_shared: folder.shares_buffer() && provider != Provider::DirectMl,
            bos: folder.begin(),
        })
    }

    pub(super) fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.layout)
    }

    pub(super) fn raw(&self) -> &Session {
        &self.session
    }

    /// Whether keys and values stay where they are from run to run.
    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
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
        let past = cache.ids().len();
        let rows = [RowInput { ids, past }];
        let logits = if self.is_shared {
            cache.reserve(past + ids.len(), &self.layout, &self.session)?;
            self.run_shared(&mut cache.shared, &rows, options)?
        } else {
            self.run_separate(cache, &rows, options)?
        };
        logits.into_iter().next_back().ok_or_else(|| ort::Error::new("the logits are empty"))
    }

    /// The inputs of rows with equally many new tokens each.
    fn inputs(&self, rows: &[RowInput<'_>]) -> Result<Vec<(String, Tensor<i64>)>, ort::Error> {
        let new = rows.first().map_or(0, |row| row.ids.len());
        let total = rows.iter().map(|row| row.past + new).max().unwrap_or_default();
        let tensor = |width: usize, numbers: Vec<i64>| Tensor::from_array(([rows.len(), width], numbers));
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let ids = rows.iter().flat_map(|row| row.ids.iter().copied().map(i64::from)).collect();
        let mask = rows.iter().flat_map(|row| (0..total).map(|at| i64::from(at < row.past + new))).collect();
        let mut inputs = vec![
            (self.input_ids.clone(), tensor(new, ids)?),
            (self.attention_mask.clone(), tensor(total, mask)?),
        ];
        if let Some(name) = &self.position_ids {
            let positions = rows.iter().flat_map(|row| (row.past..row.past + new).map(number)).collect();
            inputs.push((name.clone(), tensor(new, positions)?));
        }
        Ok(inputs)
    }

    /// Runs on buffers that have room for the new tokens, and adds them there.
    ///
    /// - *Shape*: the result is `[rows]` of the logits behind the last token of each.
    pub(super) fn run_shared(
        &mut self,
        pasts: &mut [Past],
        rows: &[RowInput<'_>],
        options: &RunOptions,
    ) -> Result<Vec<Vec<f32>>, ort::Error> {
        let inputs = self.inputs(rows)?;
        // A binding for each run: no buffer belongs to a session, so several graphs add to the same, and a session
        // can be closed whatever was read.
        let mut binding = self.session.create_binding()?;
        for (name, tensor) in &inputs {
            binding.bind_input(name, tensor)?;
        }
        for (past, names) in pasts.iter_mut().zip(&self.layout.names) {
            past.bind(&mut binding, names)?;
        }
        binding.bind_output_to_device(&self.logits, &MemoryInfo::default())?;
        let outputs = self.session.run_binding_with_options(&binding, options)?;
        last_logits(outputs.get(&self.logits), rows.len())
    }

    fn run_separate(
        &mut self,
        cache: &mut Cache,
        rows: &[RowInput<'_>],
        options: &RunOptions,
    ) -> Result<Vec<Vec<f32>>, ort::Error> {
        if cache.separate.is_empty() || cache.ids().is_empty() {
            let none = |_: &(String, String)| Past::empty(1, 0, &self.layout);
            cache.separate = self.layout.names.iter().map(none).collect::<Result<_, _>>()?;
        }
        let inputs = self.inputs(rows)?;
        let mut values: Vec<(&str, SessionInputValue<'_>)> =
            inputs.iter().map(|(name, tensor)| (name.as_str(), tensor.into())).collect();
        for (past, (name, _)) in cache.separate.iter().zip(&self.layout.names) {
            values.push(match past {
                Past::Single(tensor) => (name, tensor.into()),
                Past::Half(tensor) => (name, tensor.into()),
            });
        }
        let mut outputs = self.session.run_with_options(values, options)?;
        let logits = last_logits(outputs.get(&self.logits), rows.len())?;
        let mut present = Vec::with_capacity(self.layout.names.len());
        for (_, name) in &self.layout.names {
            let value = outputs.remove(name).ok_or_else(|| no_output(name))?;
            present.push(Past::of_output(value, &self.layout)?);
        }
        cache.separate = present;
        Ok(logits)
    }
}

/// What one row of a run adds.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowInput<'a> {
    pub(super) ids: &'a [u32],
    /// Tokens already read.
    pub(super) past: usize,
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

fn layout(folder: &ModelFolder, provider: Provider) -> Layout {
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
    Layout {
        names,
        heads: shape.key_value_heads,
        head_size: shape.head_size,
        context: shape.context,
        is_half: folder.cache_precision() == "fp16",
        provider,
    }
}

fn no_output(name: &str) -> ort::Error {
    ort::Error::new(format!("the graph has no output `{name}`"))
}

/// The logits behind the last token of each row, of `[rows, tokens, vocabulary]` or `[rows, 1, vocabulary]`.
fn last_logits(logits: Option<&DynValue>, rows: usize) -> Result<Vec<Vec<f32>>, ort::Error> {
    let logits = logits.ok_or_else(|| no_output("logits"))?;
    let width =
        |shape: &[i64]| shape.last().and_then(|width| usize::try_from(*width).ok()).unwrap_or_default();
    let last: Vec<Vec<f32>> = if let Ok((shape, values)) = logits.try_extract_tensor::<f32>() {
        last_of(values, rows, width(shape)).map(<[f32]>::to_vec).collect()
    } else {
        let (shape, values) = logits.try_extract_tensor::<f16>()?;
        last_of(values, rows, width(shape))
            .map(|row| row.iter().map(|logit| logit.to_f32()).collect())
            .collect()
    };
    if last.len() == rows { Ok(last) } else { Err(ort::Error::new("the logits are fewer than the rows")) }
}

/// The last `width` values of each of `rows` equal parts.
fn last_of<T>(values: &[T], rows: usize, width: usize) -> impl Iterator<Item = &[T]> {
    let part = (values.len() / rows.max(1)).max(1);
    values.chunks_exact(part).filter_map(move |part| part.rchunks_exact(width.max(1)).next())
}
