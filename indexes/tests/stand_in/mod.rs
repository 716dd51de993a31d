//! A Qdrant server in this process: the service traits that `qdrant-client` ships, over real gRPC, with a brute-force
//! search behind them, and faults where a test wants them.

#![expect(dead_code, reason = "no test file uses all of it")]

mod answers;
mod services;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use indexes::QdrantOptions;
use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;
use qdrant_client::qdrant::qdrant_server::QdrantServer;
use qdrant_client::qdrant::{PointStruct, WriteOrdering};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Status};

/// What may happen to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not done.
    Unavailable,
    /// It is done, and reported as not done.
    AnswerLost,
    /// It is done late.
    Slow,
    /// It is neither done nor answered.
    Dropped,
}

/// What all nodes of a cluster hold.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) collections: Mutex<BTreeMap<String, Stored>>,
    pub(crate) aliases: Mutex<BTreeMap<String, String>>,
    /// The next calls' faults, whichever node they go to.
    faults: Mutex<VecDeque<Option<Fault>>>,
    /// Whether the faults begin anew when they have all been.
    again: bool,
    calls: AtomicUsize,
    api_key: Option<String>,
}

/// A collection.
#[derive(Default)]
pub(crate) struct Stored {
    pub(crate) dimension: usize,
    pub(crate) shape: (Option<u32>, Option<u32>, Option<u32>),
    pub(crate) quantized: bool,
    pub(crate) indexes: BTreeSet<String>,
    pub(crate) points: BTreeMap<String, PointStruct>,
    pub(crate) ordering: Option<WriteOrdering>,
}

/// One node's door.
#[derive(Clone)]
pub(crate) struct Door(Arc<Shared>);

impl Door {
    pub(crate) fn collections(&self) -> MutexGuard<'_, BTreeMap<String, Stored>> {
        self.0.collections.lock().unwrap()
    }

    pub(crate) fn aliases(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.aliases.lock().unwrap()
    }

    /// What comes before every call: the key, then the next fault. Gives back whether its answer gets lost.
    pub(crate) async fn enter<T>(&self, request: &Request<T>) -> Result<bool, Status> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let key = request.metadata().get("api-key").and_then(|key| key.to_str().ok());
        if key != self.0.api_key.as_deref() {
            return Err(Status::unauthenticated("Invalid API key or JWT"));
        }
        let fault = {
            let mut faults = self.0.faults.lock().unwrap();
            let fault = faults.pop_front().flatten();
            if self.0.again {
                faults.push_back(fault);
            }
            fault
        };
        match fault {
            None => Ok(false),
            Some(Fault::AnswerLost) => Ok(true),
            Some(Fault::Unavailable) => Err(Status::unavailable("a fault")),
            Some(Fault::Slow) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Ok(false)
            }
            Some(Fault::Dropped) => std::future::pending().await,
        }
    }
}

/// What comes after a call that was done.
pub(crate) fn leave<T>(answer_lost: bool, answer: T) -> Result<tonic::Response<T>, Status> {
    if answer_lost {
        Err(Status::unavailable("the answer got lost"))
    } else {
        Ok(tonic::Response::new(answer))
    }
}

/// A node. It closes its connections and ends when its end of the channel is gone.
struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// A running cluster; it stops when it is dropped.
pub(crate) struct Cluster {
    shared: Arc<Shared>,
    nodes: Vec<Running>,
}

impl Cluster {
    pub(crate) fn new(nodes: usize) -> Self {
        Self::with(nodes, Shared::default())
    }

    /// One whose calls meet these faults, over and over.
    pub(crate) fn faulty(nodes: usize, faults: &[Option<Fault>]) -> Self {
        let faults = Mutex::new(faults.iter().copied().collect());
        Self::with(nodes, Shared { faults, again: true, ..Shared::default() })
    }

    pub(crate) fn keyed(key: &str) -> Self {
        Self::with(1, Shared { api_key: Some(key.to_owned()), ..Shared::default() })
    }

    fn with(nodes: usize, shared: Shared) -> Self {
        let shared = Arc::new(shared);
        let nodes = (0..nodes).map(|_| node(&shared)).collect();
        Self { shared, nodes }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn calls(&self) -> usize {
        self.shared.calls.load(Ordering::SeqCst)
    }

    /// The next calls meet these faults.
    pub(crate) fn next(&self, faults: &[Option<Fault>]) {
        self.shared.faults.lock().unwrap().extend(faults);
    }

    /// The next calls meet no faults.
    pub(crate) fn forgive(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// Stops a node. What it held, the others hold as well.
    pub(crate) async fn stop(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        drop(node.stop.take());
        (&mut node.task).await.unwrap();
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("http://{}", node.address)).collect()
    }

    /// How to reach it, with pauses that suit a test.
    pub(crate) fn options(&self) -> QdrantOptions {
        QdrantOptions {
            nodes: self.urls(),
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(2),
            retries: 6,
            ..QdrantOptions::default()
        }
    }
}

fn node(shared: &Arc<Shared>) -> Running {
    const MAX_MESSAGE: usize = 64 << 20;
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    let door = || Door(Arc::clone(shared));
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::builder()
        .add_service(QdrantServer::new(door()))
        .add_service(CollectionsServer::new(door()))
        .add_service(PointsServer::new(door()).max_decoding_message_size(MAX_MESSAGE))
        .serve_with_incoming_shutdown(incoming, async { drop(stopped.await) });
    Running { address, stop: Some(stop), task: tokio::spawn(async { server.await.unwrap() }) }
}
