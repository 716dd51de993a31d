//! Calling one of several nodes, again if need be.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::qdrant_client::{Qdrant as Client, QdrantError};
use tonic::Code;

use super::breaker::Breaker;
use super::options::QdrantOptions;
use crate::IndexError;

/// The longest a server's own words in an error may be.
const REASON_CHARS: usize = 200;

/// A node and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its address.
    pub url: String,
    /// How it is.
    pub state: NodeState,
}

/// How a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeState {
    /// It answers.
    Up,
    /// It does not answer.
    Down,
    /// It failed so often that it is left alone for a while, whether it answers or not.
    Resting,
}

/// All nodes of a cluster.
pub(super) struct Nodes {
    options: QdrantOptions,
    known: Vec<Known>,
    /// Whose turn it is.
    turn: AtomicUsize,
}

struct Known {
    url: String,
    client: Client,
    breaker: Mutex<Breaker>,
}

impl std::fmt::Debug for Nodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nodes").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Nodes {
    pub(super) fn new(options: QdrantOptions) -> Result<Self, IndexError> {
        if options.nodes.is_empty() {
            return Err(IndexError::Empty { field: "nodes" });
        }
        let known = options.nodes.iter().map(|url| Known::new(url, &options)).collect::<Result<_, _>>()?;
        Ok(Self { known, turn: AtomicUsize::new(0), options })
    }

    pub(super) fn options(&self) -> &QdrantOptions {
        &self.options
    }

    /// Asks nodes in turn until one answers. Every operation here may be made twice and is then as if made once.
    ///
    /// # Errors
    ///
    /// [`IndexError::Unavailable`] when no node answers within the tries there are, at once if all are resting;
    /// [`IndexError::Refused`] when one answered that it will not.
    pub(super) async fn call<T, F>(
        &self,
        doing: &'static str,
        operation: impl Fn(Client) -> F,
    ) -> Result<T, IndexError>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut reason = "all of them are being left alone after failures".to_owned();
        for attempt in 0..=self.options.retries {
            if attempt > 0 {
                tokio::time::sleep(self.pause(attempt)).await;
            }
            let Some(node) = self.next(turn.wrapping_add(attempt as usize)) else { break };
            let limit = self.options.timeout;
            let error = match tokio::time::timeout(limit, operation(node.client.clone())).await {
                Ok(Ok(answer)) => {
                    node.breaker().succeeded();
                    return Ok(answer);
                }
                Ok(Err(error)) if !is_passing(&error) => {
                    node.breaker().succeeded();
                    return Err(IndexError::Refused { doing, reason: said(&error) });
                }
                Ok(Err(error)) => said(&error),
                Err(_) => format!("no answer within {limit:?}"),
            };
            node.breaker().failed(Instant::now());
            tracing::warn!(node = node.url, doing, attempt, error, "a Qdrant node failed");
            reason = error;
        }
        Err(IndexError::Unavailable { doing, nodes: self.known.len(), reason })
    }

    /// The first node from `turn` on that is not resting.
    fn next(&self, turn: usize) -> Option<&Known> {
        let (before, from) = self.known.split_at(turn % self.known.len());
        let now = Instant::now();
        from.iter().chain(before).find(|node| node.breaker().admits(now))
    }

    /// By chance between nothing and the most there may be before this attempt.
    fn pause(&self, attempt: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX);
        let most = self.options.first_pause.saturating_mul(doubled).min(self.options.longest_pause);
        most.mul_f64(fastrand::f64())
    }

    pub(super) async fn look(&self) -> Vec<Node> {
        let mut nodes = Vec::with_capacity(self.known.len());
        for node in &self.known {
            let limit = self.options.connect_timeout;
            let answer = tokio::time::timeout(limit, node.client.health_check()).await;
            let state = match answer {
                Ok(Ok(_)) if node.breaker().is_resting() => NodeState::Resting,
                Ok(Ok(_)) => NodeState::Up,
                Ok(Err(_)) | Err(_) => NodeState::Down,
            };
            nodes.push(Node { url: node.url.clone(), state });
        }
        nodes
    }
}

impl Known {
    fn new(url: &str, options: &QdrantOptions) -> Result<Self, IndexError> {
        let key = options.api_key.as_ref().map(|key| key.0.clone());
        let client = Client::from_url(url)
            .api_key(key)
            .timeout(options.timeout)
            .connect_timeout(options.connect_timeout)
            // The check would block this thread and print to standard output.
            .skip_compatibility_check()
            .build()
            .map_err(|error| IndexError::Refused { doing: "connect", reason: said(&error) })?;
        let breaker = Mutex::new(Breaker::new(options.failures_to_rest, options.rest));
        Ok(Self { url: url.to_owned(), client, breaker })
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether another try, on this node or another, may go better.
fn is_passing(error: &QdrantError) -> bool {
    match error {
        QdrantError::ResponseError { status } => matches!(
            status.code(),
            Code::Unavailable
                | Code::DeadlineExceeded
                | Code::Cancelled
                | Code::Aborted
                | Code::Internal
                | Code::Unknown
                | Code::DataLoss
                | Code::ResourceExhausted
        ),
        QdrantError::ResourceExhaustedError { .. } | QdrantError::Io(_) => true,
        _ => false,
    }
}

/// What the server said, in short.
fn said(error: &QdrantError) -> String {
    match error {
        QdrantError::ResponseError { status } | QdrantError::ResourceExhaustedError { status, .. } => {
            let words: String = status.message().chars().take(REASON_CHARS).collect();
            format!("{:?}: {words}", status.code())
        }
        other => other.to_string().chars().take(REASON_CHARS).collect(),
    }
}
