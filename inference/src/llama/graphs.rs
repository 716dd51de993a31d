//! The graphs of a model folder: one generates, and others over the same keys and values may score.

use std::path::{Path, PathBuf};

use super::{
    card::ModelCard,
    checks::{bad, check_names, outline, refuse_other_layouts},
    genai::{self, GenaiConfig},
    graph::Outline,
};
use crate::InferenceError;

/// What a graph is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// To add tokens to a text.
    Generate,
    /// To read what is to be scored.
    Score,
    /// To read the prefix of what is to be scored.
    Prefix,
}

/// An ONNX graph and what it says about itself.
#[derive(Debug)]
pub(super) struct GraphFile {
    pub(super) path: PathBuf,
    pub(super) outline: Outline,
}

impl GraphFile {
    fn read(path: PathBuf, config: &GenaiConfig) -> Result<Self, InferenceError> {
        let outline = outline(&path)?;
        refuse_other_layouts(&outline, &path)?;
        check_names(config, &outline, &path)?;
        let graph = Self { path, outline };
        let missing = graph.data_files().find(|data| !data.is_file());
        match missing {
            Some(data) => {
                let reason = format!("its weights are in `{}`, which is missing", data.display());
                Err(bad(&graph.path, reason))
            }
            None => Ok(graph),
        }
    }

    /// Files beside the graph that hold its weights.
    pub(super) fn data_files(&self) -> impl Iterator<Item = PathBuf> {
        let folder = self.path.parent().map(Path::to_owned).unwrap_or_default();
        self.outline.data_files.iter().map(move |name| folder.join(name))
    }

    /// How many of its layers can add to a buffer of keys and values where it is.
    pub(super) fn attentions(&self) -> usize {
        self.outline.operators.get("GroupQueryAttention").copied().unwrap_or_default()
    }

    /// Element type of keys and values.
    pub(super) fn cache_precision(&self, config: &GenaiConfig) -> &'static str {
        let name = genai::of_layer(&config.model.decoder.inputs.past_key_names, 0);
        self.outline.inputs.get(&name).map_or("another type", |kind| kind.name())
    }
}

/// Which graph does which part; a file that does several is there once.
#[derive(Debug)]
pub(super) struct PartGraphs {
    generate: GraphFile,
    others: Vec<GraphFile>,
    /// Places in `generate` and `others`, counted through.
    score: usize,
    prefix: usize,
}

impl PartGraphs {
    /// Reads the graph that the configuration names, and those of the card.
    pub(super) fn read(
        folder: &Path,
        config: &GenaiConfig,
        card: &ModelCard,
    ) -> Result<Self, InferenceError> {
        let generate = GraphFile::read(folder.join(&config.model.decoder.filename), config)?;
        let mut graphs = Self { generate, others: Vec::new(), score: 0, prefix: 0 };
        if let Some(name) = &card.graphs.score {
            graphs.score = graphs.add((folder, config), "score", name)?;
        }
        graphs.prefix = match &card.graphs.prefix {
            Some(name) => graphs.add((folder, config), "prefix", name)?,
            None => graphs.score,
        };
        Ok(graphs)
    }

    fn add(
        &mut self,
        (folder, config): (&Path, &GenaiConfig),
        field: &str,
        name: &str,
    ) -> Result<usize, InferenceError> {
        if name.is_empty() || name == ".." || name.contains(['/', '\\', ':']) {
            let reason = format!("`graphs.{field}` is `{name}`, and only a file of this folder can be named");
            return Err(bad(&folder.join("lamassu.json"), reason));
        }
        let path = folder.join(name);
        if let Some(known) = self.all().iter().position(|graph| graph.path == path) {
            return Ok(known);
        }
        let graph = GraphFile::read(path, config)?;
        let (own, first) = (graph.cache_precision(config), self.generate.cache_precision(config));
        if own != first {
            let reason = format!("its keys and values are {own}, and those of the generating graph {first}");
            return Err(bad(&graph.path, reason));
        }
        self.others.push(graph);
        Ok(self.others.len())
    }

    /// Every graph once, the generating one first.
    pub(super) fn all(&self) -> Vec<&GraphFile> {
        std::iter::once(&self.generate).chain(&self.others).collect()
    }

    /// The graph that does a part.
    pub(super) fn of(&self, part: Part) -> &GraphFile {
        let place = self.place(part);
        place.checked_sub(1).and_then(|other| self.others.get(other)).unwrap_or(&self.generate)
    }

    /// The place of a part's graph among all.
    pub(super) fn place(&self, part: Part) -> usize {
        match part {
            Part::Generate => 0,
            Part::Score => self.score,
            Part::Prefix => self.prefix,
        }
    }

    /// Whether a graph reads prefixes and nothing else: it runs once for many scores, and is kept for its precision.
    pub(super) fn reads_only_prefixes(&self, place: usize) -> bool {
        place == self.prefix && place != 0 && place != self.score
    }
}
