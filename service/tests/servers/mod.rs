//! Qdrant servers for the service's tests: those of `indexes`' own, behind a line that can be cut and mended.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

use crate::stand_in::Cluster;

/// One node, reached over a line at an address that stays.
pub(crate) struct Servers {
    runtime: Runtime,
    pub(crate) cluster: Cluster,
    line: Arc<Line>,
    address: SocketAddr,
}

#[derive(Default)]
struct Line {
    whole: AtomicBool,
    calls: Mutex<Vec<AbortHandle>>,
}

impl Servers {
    /// A node that wants `key`.
    pub(crate) fn new(key: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let cluster = runtime.block_on(async { Cluster::keyed(key) });
        let node = cluster.urls()[0].trim_start_matches("http://").to_owned();
        let line = Arc::new(Line { whole: AtomicBool::new(true), ..Line::default() });
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        runtime.spawn(Arc::clone(&line).carry(listener, node));
        Self { runtime, cluster, line, address }
    }

    /// Where it is reached.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on nobody answers there; connections that are open break.
    pub(crate) fn cut(&self) {
        self.line.whole.store(false, Ordering::SeqCst);
        self.line.calls.lock().expect("no panic").drain(..).for_each(|call| call.abort());
    }

    /// It is reached again.
    pub(crate) fn mend(&self) {
        self.line.whole.store(true, Ordering::SeqCst);
    }

    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

impl Line {
    async fn carry(self: Arc<Self>, listener: TcpListener, node: String) {
        while let Ok((mut caller, _)) = listener.accept().await {
            let node = node.clone();
            let call = async move {
                let mut server = TcpStream::connect(node).await?;
                copy_bidirectional(&mut caller, &mut server).await
            };
            // Under the lock: a cut sees this call, or this call sees the cut. A caller that is not carried is dropped.
            let mut calls = self.calls.lock().expect("no panic");
            if self.whole.load(Ordering::SeqCst) {
                calls.push(tokio::spawn(call).abort_handle());
            }
        }
    }
}
