//! Text in, numbers out: the one room that knows ONNX Runtime and the tokenizers.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use inference::{Classifier, Embedder, EmbedderOptions, Runtime, SetUp};
//!
//! let set_up = SetUp::for_this_user()?;
//! let runtime = Runtime::load(&set_up.runtime()?)?;
//! let graph = "models/encoder/model.onnx".as_ref();
//! let embedder = Embedder::load(runtime, &set_up.encoder()?, graph, &EmbedderOptions::default())?;
//! let heads = Classifier::load("models/heads/heads.safetensors".as_ref(), embedder.weights())?;
//!
//! let text = "What a lovely day.";
//! for embedding in embedder.embed(&[text]).await? {
//!     let scores = heads.classify(&embedding, text);
//!     assert_eq!(scores.len(), heads.labels().len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A LLaMA 2 scores continuations and generates text:
//!
//! ```no_run
//! # async fn example(runtime: &'static inference::Runtime) -> Result<(), Box<dyn std::error::Error>> {
//! use inference::{GuardCase, GuardPrompt, Llama, LlamaOptions, Role};
//!
//! let llama = Llama::load(runtime, "models/guard".as_ref(), &LlamaOptions::default())?;
//! let guard = llama.guard().ok_or("no guard")?;
//! let suffix = guard.suffix(&GuardCase { text: "What a lovely day.", ..GuardCase::default() });
//! let choices = [GuardPrompt::SAFE, GuardPrompt::UNSAFE].map(str::to_owned);
//! let scored = llama.score(&guard.prefix(Role::User), &[suffix], &choices).await?;
//! assert_eq!(scored.log_probabilities[0].len(), choices.len());
//! # Ok(())
//! # }
//! ```
//!
//! Texts are heard as they grow, may be left to chance, and have a form where one is asked for:
//!
//! ```no_run
//! # async fn example(llama: inference::Llama) -> Result<(), Box<dyn std::error::Error>> {
//! use inference::{Constraint, GenerateOptions, Prompt, Sampling, Written};
//!
//! let sampling = Sampling { temperature: 0.7, top_p: 0.9, seed: 7, ..Sampling::default() };
//! let form = Constraint::OneOf(["lion", "bull"].map(str::to_owned).to_vec());
//! let options = GenerateOptions { new: 20, sampling, constraint: Some(form), ..GenerateOptions::default() };
//! let prompt = Prompt::chat(None, &[], "Which body has a lamassu?");
//! let mut writing = llama.scoped("a tenant's policy").stream(&prompt, options).await?;
//! while let Some(part) = writing.next().await {
//!     match part? {
//!         Written::Text(text) => drop(text),
//!         Written::End(generated) => assert!(["lion", "bull"].contains(&generated.text.as_str())),
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod anatomy;
mod assets;
mod batch;
mod classifier;
mod device;
mod digest;
mod embedder;
mod embedding;
mod error;
mod features;
mod heads;
mod import;
mod llama;
mod open;
mod places;
mod protobuf;
mod queue;
mod recent;
mod runtime;
mod session;
pub mod setup;
mod tokens;
mod windows;
mod worker;

pub use assets::Weights;
pub use classifier::{Classifier, Score};
pub use device::{Device, Provider, UnknownProvider};
pub use embedder::{Embedder, EmbedderOptions};
pub use embedding::Embedding;
pub use error::InferenceError;
pub use import::{
    Drift, Import, ImportError, Imported, MOST_DRIFT, Precision, TrialPrompt, UnknownPrecision, import,
};
pub use llama::{
    Ability, Branched, Calibration, Constraint, Finish, GenerateOptions, Generated, Graphs, GuardCase,
    GuardCategory, GuardClause, GuardPrecedent, GuardPrompt, Llama, LlamaOptions, LlamaTokenizer, ModelCard,
    ModelFile, ModelFolder, Prompt, Role, Sampling, Scored, Shape, Template, Turn, Verb, Writing, Written,
};
pub use runtime::Runtime;
pub use setup::{Flavour, SetUp, SetUpError};
pub use tokens::Word;
