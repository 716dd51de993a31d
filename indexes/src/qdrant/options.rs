use std::fmt;
use std::time::Duration;

use ::qdrant_client::qdrant as wire;

/// Where Qdrant is and how to speak with it.
#[derive(Debug, Clone)]
pub struct QdrantOptions {
    /// The nodes' gRPC addresses, `http://host:6334` or, for TLS by the system's root certificates, `https://…`. A call
    /// that one node does not answer goes to the next.
    pub nodes: Vec<String>,
    /// What the servers' `service.api_key` says.
    pub api_key: Option<ApiKey>,
    /// What names of collections begin with.
    pub prefix: String,
    /// How long one try of one call may take.
    pub timeout: Duration,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How often a call that failed for a passing reason is tried again.
    pub retries: u32,
    /// The longest pause before the first new try; it doubles from try to try, up to [`Self::longest_pause`]. Pauses are
    /// by chance between nothing and that, so that many callers do not come back at once.
    pub first_pause: Duration,
    /// The longest pause before any try.
    pub longest_pause: Duration,
    /// A node that failed this often in a row is left alone for [`Self::rest`].
    pub failures_to_rest: u32,
    /// How long a node that keeps failing is left alone; then one call tries it.
    pub rest: Duration,
    /// Shards of a new collection.
    pub shards: u32,
    /// Copies of each shard of a new collection.
    pub replicas: u32,
    /// How many copies must have a write before it is acknowledged, in a new collection.
    pub write_consistency: u32,
    /// In a new collection, keep 8 bits of each number in memory and whole vectors on disk: a quarter of the memory, and
    /// the best of an answer are compared again as they are.
    pub quantize: bool,
    /// Which copies are asked.
    pub read: ReadFrom,
    /// In which order writes from several callers are made.
    pub write: WriteOrder,
    /// Searches by meaning compare every row instead of going by the server's graph.
    pub exact: bool,
}

impl Default for QdrantOptions {
    fn default() -> Self {
        Self {
            nodes: vec!["http://127.0.0.1:6334".to_owned()],
            api_key: None,
            prefix: "lamassu".to_owned(),
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(2),
            retries: 3,
            first_pause: Duration::from_millis(50),
            longest_pause: Duration::from_secs(2),
            failures_to_rest: 5,
            rest: Duration::from_secs(10),
            shards: 1,
            replicas: 1,
            write_consistency: 1,
            quantize: false,
            read: ReadFrom::One,
            write: WriteOrder::Weak,
            exact: false,
        }
    }
}

/// A key that is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(pub String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// Which copies of a shard must agree on an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadFrom {
    /// Any one: the fastest.
    #[default]
    One,
    /// What more than half of them know.
    Majority,
    /// More than half are asked, all of these must agree.
    Quorum,
    /// All.
    All,
}

impl ReadFrom {
    pub(super) fn wire(self) -> Option<wire::ReadConsistency> {
        let kind = match self {
            Self::One => return None,
            Self::Majority => wire::ReadConsistencyType::Majority,
            Self::Quorum => wire::ReadConsistencyType::Quorum,
            Self::All => wire::ReadConsistencyType::All,
        };
        Some(wire::ReadConsistency { value: Some(wire::read_consistency::Value::Type(kind.into())) })
    }
}

/// How writes are ordered on a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteOrder {
    /// As they come: the fastest.
    #[default]
    Weak,
    /// By one leader that may change while a node is down.
    Medium,
    /// By one leader; writes wait while it is down.
    Strong,
}

impl WriteOrder {
    pub(super) fn wire(self) -> wire::WriteOrdering {
        let kind = match self {
            Self::Weak => wire::WriteOrderingType::Weak,
            Self::Medium => wire::WriteOrderingType::Medium,
            Self::Strong => wire::WriteOrderingType::Strong,
        };
        wire::WriteOrdering { r#type: kind.into() }
    }
}
