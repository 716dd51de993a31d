//! Which graphs a model gets, and which weights go into which file.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::{
    ImportError, Precision,
    data::DataFile,
    decoder::{Decoder, Layer, Linear, Weights},
    matrix::Matrix,
    onnx::{Element, Place},
    pack::Blocks,
    rope,
    shards::Stored,
    source::Source,
};
use crate::Provider;

/// The graph that generates; where there is no other, it scores too.
pub(super) const MODEL: &str = "model.onnx";
/// The file of its weights.
pub(super) const MODEL_DATA: &str = "model.onnx.data";
/// The graph that reads what is to be judged.
pub(super) const SCORE: &str = "score.onnx";
/// The graph that reads what all judgments begin with, over the weights of [`SCORE`].
pub(super) const PREFIX: &str = "prefix.onnx";
/// The graph that others are compared with; it is removed in the end.
pub(super) const REFERENCE: &str = "reference.onnx";

/// Whether a device runs a precision.
pub(super) fn check(provider: Provider, precision: Precision) -> Result<(), ImportError> {
    if provider == Provider::DirectMl && !matches!(precision, Precision::Fp16 | Precision::Int4) {
        let (device, precision) = ("DirectML", precision.name());
        return Err(ImportError::Precision { device, precision, rather: "fp16 and int4" });
    }
    Ok(())
}

/// Whether there are graphs of their own to score with.
pub(super) fn scores_apart(provider: Provider, precision: Precision) -> bool {
    provider == Provider::Cpu && matches!(precision, Precision::Int8 | Precision::Int4)
}

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The graphs by their file names.
    pub(super) graphs: Vec<(&'static str, Decoder)>,
    pub(super) files: Vec<DataFile>,
    /// Files of the checkpoint that graphs point into, by their names in it.
    pub(super) shards: BTreeMap<Arc<str>, Arc<Path>>,
}

/// What a matrix is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// A step of a layer.
    Layer,
    /// The way from the hidden state to the logits.
    Head,
}

/// How one graph is made.
#[derive(Debug, Clone, Copy)]
struct Style {
    element: Element,
    has_positions: bool,
    /// Whether queries, keys and values are one product.
    is_joined: bool,
}

impl Plan {
    /// The plan of a model for a device.
    pub(super) fn new(
        source: &Source,
        provider: Provider,
        precision: Precision,
    ) -> Result<Self, ImportError> {
        let mut plan = Self::default();
        let element = match (provider, precision) {
            (_, Precision::Fp32) | (Provider::Cpu, Precision::Int8 | Precision::Int4) => Element::Float,
            _ => Element::Half,
        };
        let has_positions = provider == Provider::DirectMl;
        let is_packed = matches!(precision, Precision::Int8 | Precision::Int4);
        let style = Style { element, has_positions, is_joined: is_packed && !has_positions };
        let mut file = DataFile::new(MODEL_DATA);
        if !is_packed {
            let decoder = plan.whole(source, style, &mut file)?;
            plan.graphs.push((MODEL, decoder));
            plan.files.push(file);
            return Ok(plan);
        }
        let blocks = blocks(precision);
        let embedding = (file.plain(source.embedding()?, Element::Half), Element::Half);
        let in_blocks = |file: &mut DataFile, matrix: Matrix, used| {
            // On a processor the head takes 8 bits: it costs little, and logits are what rounding shows in first.
            let blocks = if used == Use::Head && provider == Provider::Cpu { HEAD } else { blocks };
            let (weights, scales) = file.blocks(matrix, blocks, element);
            Weights::Blocks { weights, scales, blocks }
        };
        let decoder = decoder(source, Start { style, embedding }, &mut file, in_blocks)?;
        plan.files.push(file);
        if scores_apart(provider, precision) {
            plan.scoring(source, style, &decoder)?;
        }
        plan.graphs.push((MODEL, decoder));
        Ok(plan)
    }

    /// The plan of the graph that others are compared with: the weights as they are, computed in fp32.
    pub(super) fn reference(source: &Source) -> Result<Self, ImportError> {
        let mut plan = Self::default();
        let mut file = DataFile::new("reference.onnx.data");
        let style = Style { element: Element::Float, has_positions: false, is_joined: false };
        let decoder = plan.whole(source, style, &mut file)?;
        plan.graphs.push((REFERENCE, decoder));
        plan.files.push(file);
        Ok(plan)
    }

    /// A graph over the checkpoint's own files, as far as they serve.
    fn whole(&mut self, source: &Source, style: Style, file: &mut DataFile) -> Result<Decoder, ImportError> {
        let table = source.embedding()?;
        let embedding = match self.unmodified(&table, style.element) {
            Some(kept) => kept,
            None => (file.plain(table, style.element), style.element),
        };
        let keep = |file: &mut DataFile, matrix: Matrix, _| match self.unmodified(&matrix, style.element) {
            Some((place, element)) => Weights::Float { place, element },
            None => Weights::Float { place: file.plain(matrix, style.element), element: style.element },
        };
        decoder(source, Start { style, embedding }, file, keep)
    }

    /// Where a matrix lies in the checkpoint, if it can be used from there: what is computed in fp32 can be widened on
    /// the way, but nothing is narrowed at every start.
    fn unmodified(&mut self, matrix: &Matrix, element: Element) -> Option<(Place, Element)> {
        let stored = matrix.unmodified()?;
        if element == Element::Half && stored.element != Element::Half {
            return None;
        }
        self.shards.insert(Arc::clone(&stored.name), Arc::clone(&stored.file));
        Some((place(stored), stored.element))
    }

    /// The two graphs that score: weights of 8 bits, a scale an output; embeddings and head are those of the graph that
    /// generates. What everything else is read behind is computed without any more rounding, and texts with their
    /// activations rounded to 8 bits too.
    ///
    /// *Source*: W8A8 as in Xiao et al. 2022, "`SmoothQuant`", <https://arxiv.org/abs/2211.10438>.
    fn scoring(&mut self, source: &Source, style: Style, model: &Decoder) -> Result<(), ImportError> {
        let mut file = DataFile::new("score.onnx.data");
        let in_channels = |file: &mut DataFile, matrix: Matrix, used| {
            if used == Use::Head {
                return model.head.weights.clone();
            }
            let (weights, scales) = file.channels(matrix);
            Weights::Rounded { weights, scales }
        };
        let start = Start { style, embedding: model.embedding.clone() };
        let score = decoder(source, start, &mut file, in_channels)?;
        let mut prefix = score.clone();
        for layer in &mut prefix.layers {
            let others = [&mut layer.output, &mut layer.gate, &mut layer.up, &mut layer.down];
            layer.attention.iter_mut().chain(others).for_each(exact);
        }
        self.graphs.extend([(SCORE, score), (PREFIX, prefix)]);
        self.files.push(file);
        Ok(())
    }
}

/// How a processor's graphs keep the head.
const HEAD: Blocks = Blocks { bits: 8, block: 32 };

/// How the generating graph keeps its weights.
fn blocks(precision: Precision) -> Blocks {
    if precision == Precision::Int4 { Blocks { bits: 4, block: 32 } } else { Blocks { bits: 8, block: 128 } }
}

fn exact(linear: &mut Linear) {
    if let Weights::Rounded { weights, scales } = &linear.weights {
        let (weights, scales) = (weights.clone(), scales.clone());
        linear.weights = Weights::Exact { weights, scales };
    }
}

fn place(stored: &Stored) -> Place {
    Place { file: stored.name.to_string(), offset: stored.offset, length: stored.length() }
}

/// What a graph begins with.
struct Start {
    style: Style,
    embedding: (Place, Element),
}

/// A graph whose matrices are kept as `keep` does, and whose small tensors go into `file`.
fn decoder(
    source: &Source,
    start: Start,
    file: &mut DataFile,
    mut keep: impl FnMut(&mut DataFile, Matrix, Use) -> Weights,
) -> Result<Decoder, ImportError> {
    let Start { style, embedding } = start;
    let mut linear = |file: &mut DataFile, matrix: Matrix, used| {
        let size = (matrix.height(), matrix.width());
        Linear { size, weights: keep(file, matrix, used) }
    };
    let tables = rope::tables(source.sizes(), source.config.rope_theta());
    let [cosines, sines] = tables.map(|table| file.numbers(&table, style.element));
    let mut layers = Vec::with_capacity(source.config.num_hidden_layers);
    for number in 0..source.config.num_hidden_layers {
        let [before_attention, before_mlp] =
            source.norms(number)?.map(|norm| file.numbers(&norm, style.element));
        let attention = source.attention(number)?;
        let attention = if style.is_joined { vec![joined(attention)] } else { attention.to_vec() };
        let attention = attention.into_iter().map(|matrix| linear(file, matrix, Use::Layer)).collect();
        let output = linear(file, source.output(number)?, Use::Layer);
        let [gate, up, down] = source.mlp(number)?.map(|matrix| linear(file, matrix, Use::Layer));
        layers.push(Layer { before_attention, attention, output, before_mlp, gate, up, down });
    }
    let last_norm = file.numbers(&source.last_norm()?, style.element);
    let head = linear(file, source.head()?, Use::Head);
    let Style { element, has_positions, .. } = style;
    Ok(Decoder {
        sizes: source.sizes(),
        element,
        has_positions,
        embedding,
        cosines,
        sines,
        layers,
        last_norm,
        head,
    })
}

/// Three matrices, one below the other.
fn joined(matrices: [Matrix; 3]) -> Matrix {
    let columns = matrices[0].columns;
    Matrix { parts: matrices.into_iter().flat_map(|matrix| matrix.parts).collect(), columns }
}
