//! `[index]`: which engine holds the banks, and where its servers are.

use std::fmt;
use std::time::Duration;

use indexes::{ApiKey, QdrantOptions, ReadFrom, WriteOrder};
use serde::{Deserialize, Deserializer, Serialize};

/// An engine, by name.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, schemars::JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum EngineName {
    /// A file in the data folder, searched by this process.
    Embedded,
    /// Qdrant servers.
    Qdrant,
}

impl fmt::Display for EngineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedded => "embedded",
            Self::Qdrant => "qdrant",
        })
    }
}

/// `[index]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Index {
    /// `embedded` or `qdrant`. Unless given, the one that the data folder's banks were moved to last; at first `embedded`.
    pub engine: Option<EngineName>,
    /// Addresses of the Qdrant nodes' gRPC ports, `http://HOST:6334` or `https://…`; what one does not answer, the next
    /// is asked.
    pub urls: Vec<String>,
    /// The nodes' key.
    #[serde(deserialize_with = "key")]
    pub api_key: Option<ApiKey>,
    /// What the names of this service's collections begin with.
    pub prefix: String,
    /// Milliseconds that one try of one call may take.
    pub timeout_ms: u64,
    /// Milliseconds that connecting may take.
    pub connect_timeout_ms: u64,
    /// How often a call that failed for a passing reason is tried again.
    pub retries: u32,
    /// Milliseconds that a node is left alone after five failures in a row.
    pub rest_ms: u64,
    /// Milliseconds that starting waits for the nodes; then the service starts without them.
    pub wait_ms: u64,
    /// Shards of a new collection.
    pub shards: u32,
    /// Copies of each shard of a new collection.
    pub replicas: u32,
    /// Copies that must have a write before it is acknowledged, in a new collection.
    pub write_consistency: u32,
    /// In a new collection, keep 8 bits of each number in memory and whole vectors on disk.
    pub quantize: bool,
    /// Which copies are asked: `one`, `majority`, `quorum` or `all`.
    pub read: Reading,
    /// In which order writes from several replicas are made: `weak`, `medium` or `strong`.
    pub write: Writing,
    /// Searches compare every row instead of going by the servers' graph.
    pub exact: bool,
}

/// Which copies are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are `ReadFrom`'s")]
pub enum Reading {
    #[default]
    One,
    Majority,
    Quorum,
    All,
}

/// In which order writes are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are `WriteOrder`'s")]
pub enum Writing {
    #[default]
    Weak,
    Medium,
    Strong,
}

impl Default for Index {
    fn default() -> Self {
        let options = QdrantOptions::default();
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            engine: None,
            urls: options.nodes,
            api_key: None,
            prefix: options.prefix,
            timeout_ms: milliseconds(options.timeout),
            connect_timeout_ms: milliseconds(options.connect_timeout),
            retries: options.retries,
            rest_ms: milliseconds(options.rest),
            wait_ms: 5_000,
            shards: options.shards,
            replicas: options.replicas,
            write_consistency: options.write_consistency,
            quantize: options.quantize,
            read: Reading::default(),
            write: Writing::default(),
            exact: options.exact,
        }
    }
}

impl Index {
    /// What the engine for Qdrant is told.
    #[must_use]
    pub fn options(&self) -> QdrantOptions {
        QdrantOptions {
            nodes: self.urls.clone(),
            api_key: self.api_key.clone(),
            prefix: self.prefix.clone(),
            timeout: Duration::from_millis(self.timeout_ms),
            connect_timeout: Duration::from_millis(self.connect_timeout_ms),
            retries: self.retries,
            rest: Duration::from_millis(self.rest_ms),
            shards: self.shards,
            replicas: self.replicas,
            write_consistency: self.write_consistency,
            quantize: self.quantize,
            read: match self.read {
                Reading::One => ReadFrom::One,
                Reading::Majority => ReadFrom::Majority,
                Reading::Quorum => ReadFrom::Quorum,
                Reading::All => ReadFrom::All,
            },
            write: match self.write {
                Writing::Weak => WriteOrder::Weak,
                Writing::Medium => WriteOrder::Medium,
                Writing::Strong => WriteOrder::Strong,
            },
            exact: self.exact,
            ..QdrantOptions::default()
        }
    }

    /// What is wrong with it.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let addresses = |url: &String| url.starts_with("http://") || url.starts_with("https://");
        if self.urls.is_empty() || !self.urls.iter().all(addresses) {
            return Some(
                "`index.urls` needs at least one address, `http://HOST:6334` or `https://HOST:6334`",
            );
        }
        if self.api_key.as_ref().is_some_and(|key| key.0.is_empty()) {
            return Some("`index.api_key` is empty");
        }
        if self.prefix.is_empty() {
            return Some("`index.prefix` is empty");
        }
        if [self.timeout_ms, self.connect_timeout_ms].contains(&0) {
            return Some("with `index.timeout_ms` or `index.connect_timeout_ms` of 0 nothing ever answers");
        }
        if self.shards == 0 || !(1..=self.replicas).contains(&self.write_consistency) {
            return Some(
                "`index.shards` is at least 1, `index.write_consistency` lies within 1 to `index.replicas`",
            );
        }
        None
    }
}

fn key<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ApiKey>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(ApiKey))
}
