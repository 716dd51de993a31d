//! The listener: connections over TCP or TLS, how many, and how long each may keep us waiting.

use std::fmt::Debug;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZero;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request};
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_tls::accept::TlsError as Refused;
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite};

use super::tls;
use super::wire::{Patience, Wire};
use crate::config::{Config, Limits};

/// How long a connection may lie idle. Clients of several vendors keep theirs for minutes, and do not send again what
/// they sent into one that was closed meanwhile.
const KEEP_ALIVE: Duration = Duration::from_mins(6);
/// How long a client may take to close its side of a connection.
const PARTING: Duration = Duration::from_secs(1);

/// Starts to serve what `app` makes, one for each worker.
///
/// # Errors
///
/// The listener, or the certificate, cannot be used.
pub(super) fn serve<I, S, B>(
    listener: TcpListener,
    config: &Config,
    app: impl Fn() -> I + Clone + Send + 'static,
) -> io::Result<Server>
where
    I: IntoServiceFactory<S, Request> + 'static,
    S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>, Error = Error> + 'static,
    S::InitError: Debug,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let limits = &config.limits;
    let server = crowd(limits).shutdown_timeout(limits.shutdown_seconds);
    // Of itself it hears there of nothing but Ctrl-C, and lets go of what was accepted.
    #[cfg(windows)]
    let server = server.shutdown_signal(async {
        if let Err(error) = crate::stop::told().await {
            tracing::error!(%error, "nothing can ask this process to stop");
            std::future::pending::<()>().await;
        }
    });
    let patience = patience(limits);
    let http = Http { app, head: patience.head, stopping: server.graceful_shutdown_signal() };
    let server = match &config.tls {
        None => server.listen("http", listener, move || {
            let accept = move |io: TcpStream| async move {
                let peer = io.peer_addr().ok();
                Ok::<_, DispatchError>((Wire::new(io, patience), Protocol::Http1, peer))
            };
            fn_service(accept).and_then(http.service())
        })?,
        Some(tls) => {
            let mut tls = tls::listener(tls).map_err(io::Error::other)?;
            tls.alpn_protocols = [b"h2".as_slice(), b"http/1.1"].map(<[u8]>::to_vec).to_vec();
            server.listen("https", listener, move || {
                let accept = move |io: TlsStream<TcpStream>| async move {
                    let (socket, session) = io.get_ref();
                    let peer = socket.peer_addr().ok();
                    let is_2 = session.alpn_protocol() == Some(b"h2");
                    let protocol = if is_2 { Protocol::Http2 } else { Protocol::Http1 };
                    // What comes on a connection of many streams may be no request's: only that it lies idle is known.
                    let head = if is_2 { patience.idle } else { patience.head };
                    Ok((Wire::new(io, Patience { head, ..patience }), protocol, peer))
                };
                let acceptor = Acceptor::new(tls.clone()).map_err(Refused::into_service_error);
                let acceptor = acceptor.map_init_err(|()| ());
                acceptor.and_then(accept).and_then(http.service().map_err(Refused::Service))
            })?
        }
    };
    Ok(server.run())
}

/// As many workers as there are cores, and as many connections as may be. Each worker has its share of them.
fn crowd(limits: &Limits) -> ServerBuilder {
    let workers = std::thread::available_parallelism().map_or(2, NonZero::get).min(limits.connections);
    Server::build().workers(workers).max_concurrent_connections(limits.connections / workers)
}

fn patience(limits: &Limits) -> Patience {
    let [head, stall] = [limits.head_seconds, limits.stall_seconds].map(Duration::from_secs);
    // The dispatcher closes idle connections; this is for those on which it does not see that.
    Patience { head, idle: KEEP_ALIVE.saturating_add(head), stall }
}

/// What speaks HTTP on a connection.
#[derive(Clone)]
struct Http<F> {
    app: F,
    head: Duration,
    stopping: GracefulShutdownSignal,
}

impl<F> Http<F> {
    fn service<T, I, S, B>(
        &self,
    ) -> impl ServiceFactory<
        (Wire<T>, Protocol, Option<SocketAddr>),
        Config = (),
        Response = (),
        Error = DispatchError,
        InitError = (),
    > + use<F, T, I, S, B>
    where
        T: AsyncRead + AsyncWrite + Unpin + 'static,
        F: Fn() -> I,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>, Error = Error>
            + 'static,
        S::InitError: Debug,
        <S::Service as Service<Request>>::Future: 'static,
        B: MessageBody + 'static,
    {
        let stopping = self.stopping.clone();
        let stopping = move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        };
        HttpService::build()
            .graceful_shutdown_signal(stopping)
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(self.head)
            .client_disconnect_timeout(PARTING)
            // Whoever hangs up wants no answer: the work ends, and the places it holds are free.
            .h1_allow_half_closed(false)
            .on_connect_ext(|wire: &Wire<T>, data| drop(data.insert(wire.attended())))
            // It says where the listener is; links are made from `Links`.
            .finish(map_config((self.app)(), |()| AppConfig::default()))
    }
}
