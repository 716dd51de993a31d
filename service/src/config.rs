//! One configuration: a TOML file, then the environment, then the command line; read once, here.
//!
//! Every option is also an environment variable: `LAMASSU_` and its name, `__` between a table and its
//! option (`LAMASSU_LIMITS__MAX_CHARS`). An option that does not exist is refused by name.

mod chat;
mod decisions;
mod index;
mod limits;
mod models;
mod perspective;
mod proxies;
mod telemetry;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use plugins::FloodOptions;
use serde::Deserialize;

pub use chat::Chat;
pub use decisions::Decisions;
pub use index::{EngineName, Index, Reading, Writing};
pub use limits::Limits;
pub use models::{Inference, LlamaSeat, SetUp};
pub use perspective::Perspective;
pub use proxies::Proxies;
pub use telemetry::Telemetry;

use crate::keys::{self, KeyEntry};

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file, a variable or a value is wrong.
    #[error("the configuration cannot be used: {0}")]
    Unusable(#[from] config::ConfigError),
    /// Two options contradict each other.
    #[error("the configuration contradicts itself: {0}")]
    Contradiction(String),
    /// There is no folder for the user's data on this machine.
    #[error("this machine has no folder for user data; say where with --data DIR or LAMASSU_DATA")]
    NoDataFolder,
    /// The models that ship with the service are not where they should be.
    #[error("no models in any of {}; say where they are with --models DIR or LAMASSU_MODELS", .0.join(", "))]
    NoModels(Vec<String>),
}

/// Everything that can be set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where `serve` listens.
    pub listen: SocketAddr,
    /// Where callers reach this service, if that is not where it listens: `https://filter.example`. Links in answers begin
    /// with it.
    pub public_url: Option<String>,
    /// Proxies whose word is taken for the address that a caller used (`Forwarded`, or `X-Forwarded-Proto` and
    /// `X-Forwarded-Host`), where there is no `public_url`: addresses, and networks like `10.0.0.0/8`.
    pub trusted_proxies: Proxies,
    /// Folder for banks and whatever else must last; the user's data folder unless given.
    pub data: Option<PathBuf>,
    /// Folder of the models that ship with the service; beside the executable unless given.
    pub models: Option<PathBuf>,
    /// One key with every scope. Without it `serve` listens on loopback only.
    pub api_key: Option<String>,
    /// More keys, each with a name and scopes of its own; in the file only.
    pub key: Vec<KeyEntry>,
    /// Which engine holds the banks.
    pub index: Index,
    /// When a precedent matches so much of the traffic that it is stopped.
    pub flood: Flood,
    /// What texts must not repeat.
    pub protected: Protected,
    /// Which log lines to write, as `tracing` filters: `warn`, `info`, `service=debug`.
    pub log: String,
    /// How to write them: `text` or `json`.
    pub log_format: LogFormat,
    /// Which policies there are.
    pub policies: Policies,
    /// What is refused, and when.
    pub limits: Limits,
    /// How callers of the Perspective API are served.
    pub perspective: Perspective,
    /// How the models run.
    pub inference: Inference,
    /// The LLaMA that adjudicates.
    pub llama: LlamaSeat,
    /// How a LLaMA that answers is watched.
    pub chat: Chat,
    /// Which decisions can be asked for, and their log.
    pub decisions: Decisions,
    /// Where traces and metrics are sent.
    pub telemetry: Telemetry,
    /// Where ONNX Runtime and the encoder come from.
    pub setup: SetUp,
    /// Tokens of Entra ID beside keys, if they are taken.
    pub entra: Option<crate::entra::Config>,
    /// TLS, if the service is to speak it.
    pub tls: Option<Tls>,
}

/// `[protected]`: texts that others must not repeat at length.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Protected {
    /// The bank of documents that holds them; without one nothing is looked for.
    pub bank: Option<String>,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `[flood]`: a precedent that matches more than a share of the last texts is stopped. Counted in memory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Flood {
    /// Different texts looked back on.
    pub window: usize,
    /// Different texts there must be before a share means anything.
    pub least: usize,
    /// Share that is too much, 0 to 1; at 1 nothing is ever stopped.
    pub share: f64,
}

impl Default for Flood {
    fn default() -> Self {
        let FloodOptions { window, least, share } = FloodOptions::default();
        Self { window, least, share }
    }
}

/// `[policies]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policies {
    /// The policy of requests that name none.
    pub default: String,
    /// Policy files besides the library's `default`.
    pub files: Vec<PathBuf>,
}

/// `[tls]`: the service speaks TLS, with this certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM: the certificate, and those that lead to a known authority. Read again when it changes.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            trusted_proxies: Proxies::default(),
            data: None,
            models: None,
            api_key: None,
            key: Vec::new(),
            index: Index::default(),
            flood: Flood::default(),
            protected: Protected::default(),
            log: "warn".to_owned(),
            log_format: LogFormat::Text,
            policies: Policies::default(),
            limits: Limits::default(),
            perspective: Perspective::default(),
            inference: Inference::default(),
            llama: LlamaSeat::default(),
            chat: Chat::default(),
            decisions: Decisions::default(),
            telemetry: Telemetry::default(),
            setup: SetUp::default(),
            entra: None,
            tls: None,
        }
    }
}

impl Default for Policies {
    fn default() -> Self {
        Self { default: "default".to_owned(), files: Vec::new() }
    }
}

/// What the command line says over file and environment.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--config`
    pub file: Option<PathBuf>,
    /// `--listen`
    pub listen: Option<SocketAddr>,
    /// `--data`
    pub data: Option<PathBuf>,
    /// `--models`
    pub models: Option<PathBuf>,
}

impl Config {
    /// Reads the file, the environment and the command line, each over the one before.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the option and says what is wrong with it.
    pub fn read(overrides: Overrides) -> Result<Self, ConfigError> {
        let mut builder = config::Config::builder();
        if let Some(file) = &overrides.file {
            builder = builder.add_source(config::File::from(file.as_path()).format(config::FileFormat::Toml));
        }
        let environment = config::Environment::with_prefix("LAMASSU").prefix_separator("_").separator("__");
        let lists = environment.try_parsing(true).list_separator(",");
        let lists = lists.with_list_parse_key("policies.files").with_list_parse_key("inference.providers");
        let lists = lists.with_list_parse_key("entra.audience").with_list_parse_key("entra.everyone");
        let lists = lists.with_list_parse_key("index.urls").with_list_parse_key("perspective.cors_origins");
        let lists = lists.with_list_parse_key("trusted_proxies");
        let mut read: Self = builder.add_source(lists).build()?.try_deserialize()?;
        read.setup.onnxruntime = read.setup.onnxruntime.or_else(ort_dylib_path);
        read.telemetry = read.telemetry.or_standard(standard_variable);
        read.listen = overrides.listen.unwrap_or(read.listen);
        read.data = overrides.data.or(read.data);
        read.models = overrides.models.or(read.models);
        read.checked()
    }

    fn checked(self) -> Result<Self, ConfigError> {
        let contradiction = |text: &str| Err(ConfigError::Contradiction(text.to_owned()));
        if self.api_key.as_deref().is_some_and(str::is_empty) {
            return contradiction("`api_key` is empty");
        }
        if !self.asks_for_keys() && !self.listen.ip().is_loopback() {
            return contradiction("without an `api_key`, `listen` must be a loopback address");
        }
        if let Some(fault) = fault_of_keys(&self) {
            return contradiction(&fault);
        }
        if self.flood.window == 0 || !(0.0..=1.0).contains(&self.flood.share) {
            return contradiction("`flood.window` is at least 1, `flood.share` lies within 0 to 1");
        }
        if self.public_url.as_deref().is_some_and(|url| !is_address(url)) {
            return contradiction(
                "`public_url` is an address like `https://filter.example`, without a query",
            );
        }
        if let Some(fault) = self.index.fault() {
            return contradiction(fault);
        }
        if let Some(fault) = self.chat.fault() {
            return contradiction(fault);
        }
        if let Some(fault) = self.telemetry.fault() {
            return contradiction(fault);
        }
        if self.decisions.log_bytes == 0 {
            return contradiction("`decisions.log_bytes` is at least 1");
        }
        let limits = &self.limits;
        let texts = [limits.max_chars, limits.max_body_bytes, limits.max_texts, limits.max_in_flight];
        let counts = [limits.max_documents, limits.max_summaries, limits.connections];
        let seconds = [limits.head_seconds, limits.body_seconds, limits.stall_seconds];
        if texts.contains(&0) || counts.contains(&0) || seconds.contains(&0) {
            return contradiction("a limit of 0 refuses everything");
        }
        if self.inference.providers.is_empty()
            || [self.inference.threads, self.inference.sessions, self.llama.threads].contains(&Some(0))
        {
            return contradiction("a model needs at least one provider, one session and one thread");
        }
        Ok(self)
    }

    /// Whether callers have to show who they are.
    #[must_use]
    pub fn asks_for_keys(&self) -> bool {
        self.api_key.is_some() || !self.key.is_empty() || self.entra.is_some()
    }

    /// The folder for banks: as configured, or the user's.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoDataFolder`].
    pub fn data_folder(&self) -> Result<PathBuf, ConfigError> {
        let users =
            || directories::ProjectDirs::from("", "", "lamassu").map(|dirs| dirs.data_dir().to_owned());
        self.data.clone().or_else(users).ok_or(ConfigError::NoDataFolder)
    }

    /// The folder of the models: as configured, or beside the executable, or in the source tree that this
    /// executable was built from.
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoModels`].
    pub fn models_folder(&self) -> Result<PathBuf, ConfigError> {
        if let Some(models) = &self.models {
            return Ok(models.clone());
        }
        let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join("models")));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let candidates: Vec<PathBuf> = beside.into_iter().chain([source]).collect();
        let found = candidates.iter().find(|folder| folder.join("encoder").is_dir()).cloned();
        found.ok_or_else(|| {
            ConfigError::NoModels(candidates.iter().map(|folder| folder.display().to_string()).collect())
        })
    }
}

/// Whether links can begin with it.
fn is_address(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]/~%".contains(&byte);
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && rest.bytes().all(fits))
}

/// What is wrong with the keys: a reviewer is known by one name, a key opens for one name.
fn fault_of_keys(config: &Config) -> Option<String> {
    let mut names = BTreeSet::from([keys::DEFAULT]);
    let mut known: BTreeSet<&str> = config.api_key.as_deref().into_iter().collect();
    for KeyEntry { name, key, scopes, .. } in &config.key {
        if name.is_empty() || key.is_empty() || scopes.is_empty() {
            return Some(format!("[[key]] `{name}` needs a name, a key and at least one scope"));
        }
        if !names.insert(name) {
            return Some(format!("two keys are called `{name}`, or it is the name of `api_key`"));
        }
        if !known.insert(key) {
            return Some(format!("[[key]] `{name}` has the key of another"));
        }
    }
    None
}

#[expect(clippy::disallowed_methods, reason = "this module is where the environment is read")]
fn ort_dylib_path() -> Option<PathBuf> {
    std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// A variable that others define.
#[expect(clippy::disallowed_methods, reason = "this module is where the environment is read")]
fn standard_variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
