//! A model folder as onnxruntime-genai lays it out, checked before anything is loaded.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{
    card::{ModelCard, Template},
    checks::{bad, check, json, refuse_llama_2_onnx},
    genai::GenaiConfig,
    graphs::{Part, PartGraphs},
    optimum::OptimumConfig,
};
use crate::{InferenceError, digest};

/// A LLaMA as a folder: `genai_config.json`, the ONNX graph with its weights, `tokenizer.json`, and, where there are
/// such, `tokenizer_config.json` and our card `lamassu.json`.
#[derive(Debug)]
pub struct ModelFolder {
    folder: PathBuf,
    pub(super) config: GenaiConfig,
    card: ModelCard,
    template: Template,
    graphs: PartGraphs,
}

/// Our card.
const CARD: &str = "lamassu.json";

/// The measures of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Transformer layers.
    pub layers: usize,
    /// Width of the hidden state.
    pub hidden: usize,
    /// Attention heads.
    pub heads: usize,
    /// Heads of keys and values; fewer than `heads` when groups share them.
    pub key_value_heads: usize,
    /// Numbers of one head.
    pub head_size: usize,
    /// Tokens of the vocabulary.
    pub vocabulary: usize,
    /// Tokens the model can look at, at most.
    pub context: usize,
}

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

impl ModelFolder {
    /// Reads everything but the weights and says what is wrong with it.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Read`] and [`InferenceError::Format`] name the file, and the field where it is one: a file
    /// that is missing, an architecture other than `llama`, a graph with other inputs.
    pub fn read(folder: &Path) -> Result<Self, InferenceError> {
        let config = described(folder)?;
        let card_path = folder.join(CARD);
        let card: ModelCard = if card_path.is_file() { json(&card_path)? } else { ModelCard::default() };
        let template = template(folder, &card)?;
        if template == Template::LlamaGuard1 && card.template.is_some() && card.categories.is_empty() {
            return Err(bad(&card_path, "`categories` is empty, and a guard has categories".to_owned()));
        }
        let graphs = PartGraphs::read(folder, &config, &card)?;
        Ok(Self { folder: folder.to_owned(), config, card, template, graphs })
    }

    /// What the card says; nothing where there is none.
    #[must_use]
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// How the model wants its prompts: by its card, or else by the words of its tokenizer's chat template.
    #[must_use]
    pub fn template(&self) -> Template {
        self.template
    }

    /// The measures of the model.
    #[must_use]
    pub fn shape(&self) -> Shape {
        let decoder = &self.config.model.decoder;
        Shape {
            layers: decoder.num_hidden_layers,
            hidden: decoder.hidden_size,
            heads: decoder.num_attention_heads,
            key_value_heads: decoder.num_key_value_heads,
            head_size: decoder.head_size,
            vocabulary: self.config.model.vocab_size,
            context: self.config.model.context_length,
        }
    }

    /// How the weights of the generating graph are kept: `fp32`, `fp16`, `int8` or `int4`.
    #[must_use]
    pub fn precision(&self) -> String {
        self.graphs.of(Part::Generate).outline.precision()
    }

    /// Element type of keys, values and logits: `fp32` or `fp16`.
    #[must_use]
    pub fn cache_precision(&self) -> &'static str {
        self.graphs.of(Part::Generate).cache_precision(&self.config)
    }

    /// Whether keys and values are kept in one buffer that the graphs add to, rather than copied at every run.
    #[must_use]
    pub fn shares_buffer(&self) -> bool {
        let layers = self.shape().layers;
        self.config.search.past_present_share_buffer
            && self.graphs.all().iter().all(|graph| graph.attentions() == layers)
    }

    /// The files that the digest names, in its order: the graph, its weights, the tokenizer, then the graphs for scoring
    /// with theirs, and our card where there is one, since prompts and scores depend on it.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Read`] when one is missing.
    pub fn files(&self) -> Result<Vec<ModelFile>, InferenceError> {
        let mut paths = Vec::new();
        for (position, graph) in self.graphs.all().iter().enumerate() {
            // Weights that two graphs share count once.
            let files = std::iter::once(graph.path.clone()).chain(graph.data_files());
            for path in files.chain((position == 0).then(|| self.tokenizer())) {
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
        }
        let card = Some(self.folder.join(CARD)).filter(|card| card.is_file());
        paths
            .into_iter()
            .chain(card)
            .map(|path| match path.metadata() {
                Ok(metadata) => Ok(ModelFile { bytes: metadata.len(), path }),
                Err(source) => Err(InferenceError::Read { path, source }),
            })
            .collect()
    }

    /// SHA-256, in hexadecimal, that names all of [`Self::files`] together. Reads them.
    ///
    /// # Errors
    ///
    /// [`InferenceError::Read`] when one cannot be read.
    pub fn digest(&self) -> Result<String, InferenceError> {
        let mut digests = Vec::new();
        for ModelFile { path, .. } in self.files()? {
            digests.push(digest::of_file(&path).map_err(|source| InferenceError::Read { path, source })?);
        }
        Ok(digest::of_parts(&digests.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    /// The ONNX graph that generates.
    #[must_use]
    pub fn graph(&self) -> PathBuf {
        self.graphs.of(Part::Generate).path.clone()
    }

    pub(super) fn graphs(&self) -> &PartGraphs {
        &self.graphs
    }

    /// `tokenizer.json`.
    #[must_use]
    pub fn tokenizer(&self) -> PathBuf {
        self.folder.join("tokenizer.json")
    }

    /// The id of BOS.
    pub(super) fn begin(&self) -> u32 {
        self.config.model.bos_token_id
    }

    /// The ids of EOS.
    pub(super) fn ends(&self) -> Vec<u32> {
        self.config.model.eos_token_id.ids().to_vec()
    }
}

/// What a folder says of its graph: in `genai_config.json`, or in `config.json` where optimum made it.
fn described(folder: &Path) -> Result<GenaiConfig, InferenceError> {
    let (path, optimum) = (folder.join("genai_config.json"), folder.join("config.json"));
    if !path.is_file() {
        refuse_llama_2_onnx(folder)?;
        if optimum.is_file() && folder.join("model.onnx").is_file() {
            let config = json::<OptimumConfig>(&optimum)?.into();
            check(&config, &optimum)?;
            return Ok(config);
        }
    }
    let config: GenaiConfig = json(&path)?;
    check(&config, &path)?;
    Ok(config)
}

/// The fields of `tokenizer_config.json` that matter here.
#[derive(Deserialize)]
struct TokenizerConfig {
    chat_template: Option<serde_json::Value>,
}

fn template(folder: &Path, card: &ModelCard) -> Result<Template, InferenceError> {
    let path = folder.join("tokenizer_config.json");
    if let Some(template) = card.template {
        return Ok(template);
    }
    if !path.is_file() {
        return Ok(Template::None);
    }
    let config: TokenizerConfig = json(&path)?;
    // A string, or a list of named ones.
    Ok(config.chat_template.map_or(Template::None, |template| match template {
        serde_json::Value::String(words) => Template::of_words(&words),
        other => Template::of_words(&other.to_string()),
    }))
}
