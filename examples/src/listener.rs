//! A receiver of webhooks on a loopback port, such as a customer of yours would run.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Collected, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// One message as it came in.
#[derive(Debug, Clone)]
pub struct Message {
    /// The headers, with the signature among them.
    pub headers: HeaderMap,
    /// The body, byte for byte: what was signed.
    pub body: Bytes,
}

type Seen = Arc<Mutex<Vec<Message>>>;

/// Answers every request with 200 and keeps it. Ends when dropped.
#[derive(Debug)]
pub struct Listener {
    url: String,
    seen: Seen,
    task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        let socket = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/webhooks", socket.local_addr()?);
        let seen = Seen::default();
        let task = tokio::spawn(serve(socket, Arc::clone(&seen)));
        Ok(Self { url, seen, task })
    }

    /// Where messages are to be sent.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What came in so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Message> {
        lock(&self.seen).clone()
    }

    /// Waits until so many messages came in, at most this long, and answers all that did.
    pub async fn wait_for(&self, count: usize, patience: Duration) -> Vec<Message> {
        let enough = async {
            while lock(&self.seen).len() < count {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // Too few are answered as well: the caller counts them.
        let _ = tokio::time::timeout(patience, enough).await;
        self.seen()
    }
}

fn lock(seen: &Seen) -> MutexGuard<'_, Vec<Message>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(socket: TcpListener, seen: Seen) {
    while let Ok((stream, _)) = socket.accept().await {
        let seen = Arc::clone(&seen);
        let service = service_fn(move |request| keep(Arc::clone(&seen), request));
        tokio::spawn(async move {
            // A sender that goes away is no fault of the receiver's.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn keep(seen: Seen, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let mut response = Response::new(Full::default());
    match body.collect().await.map(Collected::to_bytes) {
        Ok(body) => lock(&seen).push(Message {
            headers: parts.headers,
            body,
        }),
        // Cut short: the sender will try again.
        Err(_) => *response.status_mut() = hyper::StatusCode::BAD_REQUEST,
    }
    Ok(response)
}
