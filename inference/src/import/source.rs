//! A checkpoint, checked: its measures, its weights by what they do, its tokenizer.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{
    ImportError,
    config::{Config, ids},
    decoder::Sizes,
    matrix::{Matrix, Part, Spread},
    shards::{Shards, Stored},
};
use crate::{
    InferenceError,
    llama::{LlamaTokenizer, Template, refuse_llama_2_onnx},
};

/// What `GroupQueryAttention` wants a head's size to be a multiple of.
const HEAD_STEP: usize = 16;
/// Tokens that a vocabulary may be filled up with to a round number.
const FILLED_UP: usize = 256;

/// A checkpoint that can be imported.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) folder: PathBuf,
    pub(super) config: Config,
    /// `generation_config.json`; null where there is none.
    pub(super) generation: Value,
    pub(super) tokenizer: LlamaTokenizer,
    pub(super) template: Template,
    shards: Shards,
}

impl Source {
    /// Reads everything but the weights themselves.
    pub(super) fn read(folder: &Path) -> Result<Self, ImportError> {
        refuse_other_layouts(folder)?;
        let config = Config::read(&folder.join("config.json"))?;
        let shards = Shards::open(folder)?;
        let tokenizer = tokenizer(folder, &config)?;
        let generation = json(&folder.join("generation_config.json"))?;
        let source = Self {
            folder: folder.to_owned(),
            config,
            generation,
            tokenizer,
            template: template(folder)?,
            shards,
        };
        source.check_ids()?;
        Ok(source)
    }

    /// The control tokens must be of this vocabulary.
    fn check_ids(&self) -> Result<(), ImportError> {
        let vocabulary = self.config.vocab_size;
        let all = self.ends().into_iter().chain([self.begin()]);
        match all.into_iter().find(|id| usize::try_from(*id).is_ok_and(|id| id >= vocabulary)) {
            None => Ok(()),
            Some(id) => Err(ImportError::Checkpoint {
                path: self.folder.join("config.json"),
                reason: format!("the control token {id} is not among its {vocabulary} tokens"),
            }),
        }
    }

    /// The id of BOS.
    pub(super) fn begin(&self) -> u32 {
        self.control("bos_token_id", self.config.bos_token_id.as_ref()).first().copied().unwrap_or(1)
    }

    /// The ids of EOS.
    pub(super) fn ends(&self) -> Vec<u32> {
        let ends = self.control("eos_token_id", self.config.eos_token_id.as_ref());
        if ends.is_empty() { vec![2] } else { ends }
    }

    /// The id of what rows are filled up with; EOS where there is none.
    pub(super) fn padding(&self) -> u32 {
        let padding = self.control("pad_token_id", self.config.pad_token_id.as_ref()).first().copied();
        padding.or_else(|| self.ends().first().copied()).unwrap_or(2)
    }

    /// What the generation's configuration says wins, as in transformers.
    fn control(&self, name: &str, other: Option<&Value>) -> Vec<u32> {
        let said = self.generation.get(name).map(ids).filter(|ids| !ids.is_empty());
        said.or_else(|| other.map(ids)).unwrap_or_default()
    }

    /// The measures a graph needs.
    pub(super) fn sizes(&self) -> Sizes {
        let config = &self.config;
        Sizes {
            hidden: config.hidden_size,
            heads: config.num_attention_heads,
            key_value_heads: config.key_value_heads(),
            head_size: config.head_size(),
            head_room: config.head_size().next_multiple_of(HEAD_STEP),
            vocabulary: config.vocab_size,
            context: config.max_position_embeddings,
            epsilon: config.rms_norm_eps,
        }
    }

    /// Queries, keys and values of a layer.
    pub(super) fn attention(&self, layer: usize) -> Result<[Matrix; 3], ImportError> {
        let hidden = Spread::Whole(self.config.hidden_size);
        let [queries, keys, values] = self.head_spreads();
        Ok([
            self.matrix(&of_layer(layer, "self_attn.q_proj"), queries, hidden)?,
            self.matrix(&of_layer(layer, "self_attn.k_proj"), keys, hidden)?,
            self.matrix(&of_layer(layer, "self_attn.v_proj"), values, hidden)?,
        ])
    }

    /// What attention gives back, of a layer.
    pub(super) fn output(&self, layer: usize) -> Result<Matrix, ImportError> {
        let sizes = self.sizes();
        let heads = Spread::heads(sizes.heads, sizes.head_size, sizes.head_room, false);
        self.matrix(&of_layer(layer, "self_attn.o_proj"), Spread::Whole(sizes.hidden), heads)
    }

    /// Gate, up and down of a layer.
    pub(super) fn mlp(&self, layer: usize) -> Result<[Matrix; 3], ImportError> {
        let hidden = Spread::Whole(self.config.hidden_size);
        let inner = Spread::Whole(self.config.intermediate_size);
        Ok([
            self.matrix(&of_layer(layer, "mlp.gate_proj"), inner, hidden)?,
            self.matrix(&of_layer(layer, "mlp.up_proj"), inner, hidden)?,
            self.matrix(&of_layer(layer, "mlp.down_proj"), hidden, inner)?,
        ])
    }

    /// The embeddings of the tokens.
    pub(super) fn embedding(&self) -> Result<Matrix, ImportError> {
        self.of_vocabulary("model.embed_tokens.weight")
    }

    /// From the hidden state to the logits.
    pub(super) fn head(&self) -> Result<Matrix, ImportError> {
        if self.config.tie_word_embeddings { self.embedding() } else { self.of_vocabulary("lm_head.weight") }
    }

    /// The weights of the norms of a layer: before attention, and before the rest.
    pub(super) fn norms(&self, layer: usize) -> Result<[Vec<f32>; 2], ImportError> {
        let before_attention = self.norm(&of_layer(layer, "input_layernorm"))?;
        Ok([before_attention, self.norm(&of_layer(layer, "post_attention_layernorm"))?])
    }

    /// The weights of the norm before the head.
    pub(super) fn last_norm(&self) -> Result<Vec<f32>, ImportError> {
        self.norm("model.norm.weight")
    }

    fn head_spreads(&self) -> [Spread; 3] {
        let Sizes { heads, key_value_heads, head_size, head_room, .. } = self.sizes();
        let spread = |heads, is_turned| Spread::heads(heads, head_size, head_room, is_turned);
        [spread(heads, true), spread(key_value_heads, true), spread(key_value_heads, false)]
    }

    fn of_vocabulary(&self, name: &str) -> Result<Matrix, ImportError> {
        self.matrix(name, Spread::Whole(self.config.vocab_size), Spread::Whole(self.config.hidden_size))
    }

    fn norm(&self, name: &str) -> Result<Vec<f32>, ImportError> {
        let width = self.config.hidden_size;
        let stored = self.shards.get(name, &[width])?;
        Stored { shape: vec![width, 1], ..stored.clone() }.rows(0..width)
    }

    fn matrix(&self, name: &str, rows: Spread, columns: Spread) -> Result<Matrix, ImportError> {
        let stored = self.shards.get(name, &[rows.stored(), columns.stored()])?.clone();
        Ok(Matrix { parts: vec![Part { stored, rows }], columns })
    }
}

fn of_layer(layer: usize, name: &str) -> String {
    format!("model.layers.{layer}.{name}.weight")
}

/// Folders that hold a model in another form are refused with what to do with them.
fn refuse_other_layouts(folder: &Path) -> Result<(), ImportError> {
    let refused =
        |reason: &str| ImportError::Checkpoint { path: folder.to_owned(), reason: reason.to_owned() };
    if folder.join("genai_config.json").is_file() {
        return Err(refused("it is servable as it is (`genai_config.json`): there is nothing to import"));
    }
    if folder.join("config.json").is_file() {
        return Ok(());
    }
    match refuse_llama_2_onnx(folder) {
        Ok(()) => Err(refused("it has no `config.json`: name the folder of a Hugging Face checkpoint")),
        Err(InferenceError::Format { path, .. }) => Err(ImportError::Checkpoint {
            path,
            reason: "it is laid out as microsoft/Llama-2-Onnx, whose graph takes embeddings and not tokens: import the \
                     Hugging Face checkpoint of the same model"
                .to_owned(),
        }),
        Err(InferenceError::Read { path, source }) => Err(ImportError::Read { path, source }),
        Err(other) => Err(other.into()),
    }
}

fn tokenizer(folder: &Path, config: &Config) -> Result<LlamaTokenizer, ImportError> {
    let path = folder.join("tokenizer.json");
    let refused = |reason: String| ImportError::Checkpoint { path: path.clone(), reason };
    if !path.is_file() {
        return Err(refused(
            "it is missing: fetch it, or write it with transformers' \
             `AutoTokenizer.from_pretrained(…).save_pretrained(…)`"
                .to_owned(),
        ));
    }
    let tokenizer = LlamaTokenizer::load(&path).map_err(|error| match error {
        InferenceError::Format { reason, .. } => refused(reason),
        other => other.into(),
    })?;
    let (tokens, rows) = (tokenizer.vocabulary(), config.vocab_size);
    if tokens > rows || tokens.next_multiple_of(FILLED_UP) < rows {
        return Err(refused(format!(
            "it has {tokens} tokens and the model {rows}: it is another model's tokenizer"
        )));
    }
    Ok(tokenizer)
}

/// A JSON file; null where there is none.
fn json(path: &Path) -> Result<Value, ImportError> {
    if !path.is_file() {
        return Ok(Value::Null);
    }
    let bytes = std::fs::read(path).map_err(|source| ImportError::Read { path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| ImportError::Checkpoint { path: path.to_owned(), reason: error.to_string() })
}

/// How the model wants its prompts, by the words of its chat template.
fn template(folder: &Path) -> Result<Template, ImportError> {
    let apart = folder.join("chat_template.jinja");
    if apart.is_file() {
        let words =
            std::fs::read_to_string(&apart).map_err(|source| ImportError::Read { path: apart, source })?;
        return Ok(Template::of_words(&words));
    }
    let config = json(&folder.join("tokenizer_config.json"))?;
    Ok(match config.get("chat_template") {
        None => Template::None,
        Some(Value::String(words)) => Template::of_words(words),
        Some(other) => Template::of_words(&other.to_string()),
    })
}
