//! Listening, accepting, and stopping without cutting anybody off.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Layer as _;
use tower_http::cors::CorsLayer;
use wisdom_adapters::config::ServerConfig;

use crate::cors::{self, OriginError};
use crate::limits::{
    HEADER_TIME, HTTP1_BUFFER_BYTES, HTTP1_HEADER_LINES, HTTP2_CONNECTION_WINDOW, HTTP2_HEADER_LIST_BYTES,
    HTTP2_IDLE_TIME, HTTP2_LOCAL_RESETS, HTTP2_PENDING_RESETS, HTTP2_PING_AFTER, HTTP2_PING_TIME,
    HTTP2_STREAM_WINDOW, HTTP2_STREAMS, WRITE_TIME,
};
use crate::patient::Patient;
use crate::service::{Peer, Service};
use crate::tls::{self, Tls};

/// How long connections are still taken after `/readyz` began to say no, so that balancers can look elsewhere first.
const NOTICE: Duration = Duration::from_secs(1);

/// Serves connections over a [`Service`], HTTP/1.1 and HTTP/2 on one port: with prior knowledge, or over TLS by ALPN.
#[derive(Debug)]
pub struct Server {
    connections: Connections,
    slots: Arc<Semaphore>,
    drain: Duration,
}

impl Server {
    /// A server as configured.
    ///
    /// # Errors
    /// [`OriginError`] when a configured origin is not one.
    pub fn new(service: Service, config: &ServerConfig) -> Result<Self, OriginError> {
        let connections = Connections {
            service,
            cors: cors::layer(config)?,
            http1: http1_builder(),
            http2: http2_builder(),
            tls: None,
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
        };
        Ok(Self {
            connections,
            slots: Arc::new(Semaphore::new(
                usize::try_from(config.max_connections).unwrap_or(usize::MAX),
            )),
            drain: Duration::from_secs(config.drain_seconds.into()),
        })
    }

    /// The same server, which speaks TLS and nothing else.
    #[must_use]
    pub fn over_tls(mut self, tls: Tls) -> Self {
        self.connections.tls = Some(tls);
        self
    }

    /// Serves until `stop` comes; then says so at `/readyz` for a moment, takes no more connections, lets running requests
    /// end within the configured time, and returns. Beyond the limit of connections, new ones wait in the operating
    /// system's queue.
    pub async fn run(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let Self {
            connections,
            slots,
            drain,
        } = self;
        let connections = Arc::new(connections);
        let tasks = TaskTracker::new();
        let take_all = || take_all(&connections, &slots, &listener, &tasks);
        tokio::select! {
            () = stop => {}
            () = take_all() => {}
            () = renew(connections.tls.as_ref()) => {}
        }
        connections.service.drain();
        let _ = timeout(NOTICE.min(drain), take_all()).await;
        drop(listener);
        tasks.close();
        connections.stop.cancel();
        if timeout(drain, tasks.wait()).await.is_err() {
            tracing::warn!(
                connections = tasks.len(),
                "not every request ended in time; they are cut off"
            );
            connections.abort.cancel();
            tasks.wait().await;
        }
    }
}

/// Keeps the certificate fresh where there is one; never returns.
async fn renew(tls: Option<&Tls>) {
    match tls {
        Some(tls) => tls.renew().await,
        None => std::future::pending().await,
    }
}

/// Takes connections; never returns.
async fn take_all(
    connections: &Arc<Connections>,
    slots: &Arc<Semaphore>,
    listener: &TcpListener,
    tasks: &TaskTracker,
) {
    let open = metrics::gauge!("wisdom_http_connections");
    loop {
        let Some((stream, peer, slot)) = accept(slots, listener).await else {
            continue;
        };
        let connections = Arc::clone(connections);
        let open = open.clone();
        tasks.spawn(async move {
            open.increment(1.0);
            connections.serve(stream, peer).await;
            open.decrement(1.0);
            drop(slot);
        });
    }
}

async fn accept(
    slots: &Arc<Semaphore>,
    listener: &TcpListener,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, slot)),
        Err(error) => {
            // One connection that went away, or no file handle left: the second mends itself only with time.
            if !matches!(
                error.kind(),
                io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
            ) {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(50)).await;
            }
            None
        }
    }
}

#[derive(Debug)]
struct Connections {
    service: Service,
    cors: Option<CorsLayer>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    tls: Option<Tls>,
    /// No more requests.
    stop: CancellationToken,
    /// No more time.
    abort: CancellationToken,
}

fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    // Without a timer hyper's header timeout does nothing.
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_buf_size(HTTP1_BUFFER_BYTES)
        .max_headers(HTTP1_HEADER_LINES)
        .pipeline_flush(true);
    builder
}

fn http2_builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS)
        .max_header_list_size(HTTP2_HEADER_LIST_BYTES)
        .max_pending_accept_reset_streams(HTTP2_PENDING_RESETS)
        .max_local_error_reset_streams(HTTP2_LOCAL_RESETS)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW)
        .keep_alive_interval(HTTP2_PING_AFTER)
        .keep_alive_timeout(HTTP2_PING_TIME);
    builder
}

/// What a connection is told.
#[derive(Debug)]
enum Signal {
    /// Take no more requests.
    Stop,
    /// End now.
    Abort,
    /// See whether anything still happens.
    Look,
}

/// What happens on a connection.
#[derive(Debug, Default)]
struct Activity {
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Connections {
    async fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let _ = stream.set_nodelay(true);
        if let Some(tls) = &self.tls {
            // Boxed, so that connections without TLS do not carry the room for it.
            return Box::pin(self.serve_over_tls(tls, stream, peer)).await;
        }
        let version = tokio::select! {
            version = timeout(HEADER_TIME, speaks_http2(&stream)) => version,
            () = self.stop.cancelled() => return,
        };
        let Ok(Ok(http2)) = version else { return };
        self.converse(Patient::new(stream, WRITE_TIME), http2, peer.ip().into())
            .await;
    }

    async fn serve_over_tls(&self, tls: &Tls, stream: TcpStream, peer: SocketAddr) {
        let shaken = tokio::select! {
            shaken = timeout(HEADER_TIME, tls.accept(Patient::new(stream, WRITE_TIME))) => shaken,
            () = self.stop.cancelled() => return,
        };
        match shaken {
            Ok(Ok(stream)) => {
                let http2 = tls::speaks_http2(&stream);
                let peer = Peer {
                    address: peer.ip(),
                    certificate: tls::client_certificate(&stream),
                };
                self.converse(stream, http2, peer).await;
            }
            Ok(Err(error)) => {
                metrics::counter!("wisdom_tls_handshakes_failed_total").increment(1);
                tracing::debug!(%error, "a TLS handshake failed");
            }
            Err(_) => metrics::counter!("wisdom_tls_handshakes_failed_total").increment(1),
        }
    }

    /// Answers the requests of a connection, to its end.
    async fn converse<I>(&self, io: I, http2: bool, peer: Peer)
    where
        I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let io = TokioIo::new(io);
        let activity = Arc::new(Activity::default());
        let answer = {
            let (service, activity) = (self.service.clone(), Arc::clone(&activity));
            move |request: Request<Incoming>| {
                let (service, activity) = (service.clone(), Arc::clone(&activity));
                async move {
                    activity.begun.fetch_add(1, Ordering::Relaxed);
                    let answer = service.handle(peer, request).await;
                    activity.ended.fetch_add(1, Ordering::Relaxed);
                    Ok::<_, Infallible>(answer)
                }
            }
        };
        match (&self.cors, http2) {
            (None, false) => {
                self.drive(self.http1.serve_connection(io, service_fn(answer)), &activity)
                    .await;
            }
            (None, true) => {
                self.drive(self.http2.serve_connection(io, service_fn(answer)), &activity)
                    .await;
            }
            (Some(cors), http2) => {
                let service = TowerToHyperService::new(cors.layer(tower::service_fn(answer)));
                if http2 {
                    self.drive(self.http2.serve_connection(io, service), &activity)
                        .await;
                } else {
                    self.drive(self.http1.serve_connection(io, service), &activity)
                        .await;
                }
            }
        }
    }

    /// Runs a connection to its end. One on which nothing happens is asked to end, and then ended: HTTP/1.1 has the header
    /// timeout for that, HTTP/2 has nothing.
    async fn drive<C>(&self, connection: C, activity: &Activity)
    where
        C: GracefulConnection<Error = hyper::Error>,
    {
        let mut connection = pin!(connection);
        let mut stopping = false;
        let mut seen = 0;
        // A set looks at its futures only when they wake; polled directly, they would cost at every request.
        let mut signals = FuturesUnordered::new();
        loop {
            if signals.is_empty() {
                signals.push(self.signal(stopping));
            }
            let signal = tokio::select! {
                biased;
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "a connection ended badly");
                    }
                    return;
                }
                Some(signal) = signals.next() => signal,
            };
            match signal {
                Signal::Stop => {}
                Signal::Abort => return,
                Signal::Look => {
                    let begun = activity.begun.load(Ordering::Relaxed);
                    let quiet = begun == activity.ended.load(Ordering::Relaxed) && begun == seen;
                    seen = begun;
                    if !quiet {
                        continue;
                    }
                    if stopping {
                        return;
                    }
                }
            }
            stopping = true;
            connection.as_mut().graceful_shutdown();
        }
    }

    /// The next thing that concerns a connection from outside of it.
    async fn signal(&self, stopping: bool) -> Signal {
        tokio::select! {
            () = self.stop.cancelled(), if !stopping => Signal::Stop,
            () = self.abort.cancelled() => Signal::Abort,
            () = sleep(HTTP2_IDLE_TIME) => Signal::Look,
        }
    }
}

/// Whether the client begins with HTTP/2's preface (RFC 9113, section 3.4). Looks without taking.
async fn speaks_http2(stream: &TcpStream) -> io::Result<bool> {
    const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut seen = [0; PREFACE.len()];
    loop {
        let count = stream.peek(&mut seen).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if seen[..count] != PREFACE[..count] {
            return Ok(false);
        }
        if count == PREFACE.len() {
            return Ok(true);
        }
        // `peek` is ready at once as long as anything is there.
        sleep(Duration::from_millis(10)).await;
    }
}
