//! A webhook receiver on a loopback port, which keeps what it got and answers what it is told.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use wisdom_core::time::Timestamp;
use wisdom_core::value::HttpsUrl;
use wisdom_events::webhook::receiver::{Receiver, Refusal};
use wisdom_events::webhook::signature::SigningSecret;

/// One message as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn verify(&self, secret: &str, now: Timestamp) -> Result<String, Refusal> {
        let receiver = Receiver::new(vec![SigningSecret::parse(secret).unwrap()]).unwrap();
        receiver
            .verify_headers(&self.headers, &self.body, now)
            .map(|verified| verified.id.to_owned())
    }
}

#[derive(Debug, Default)]
struct State {
    seen: Vec<Message>,
    answers: VecDeque<(u16, Option<&'static str>)>,
}

/// The receiver. Answers 204 unless told otherwise; ends when dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    url: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}/in", listener.local_addr().unwrap().port());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                let service = service_fn(move |request| answer(Arc::clone(&state), request));
                tokio::spawn(async move {
                    // A client that goes away is no fault of the receiver's.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { url, state, task }
    }

    pub(crate) fn url(&self) -> HttpsUrl {
        HttpsUrl::parse(&self.url).unwrap()
    }

    /// Tells the next answers: status and `Retry-After`.
    pub(crate) fn answers(&self, answers: impl IntoIterator<Item = (u16, Option<&'static str>)>) {
        self.state.lock().unwrap().answers.extend(answers);
    }

    pub(crate) fn seen(&self) -> Vec<Message> {
        self.state.lock().unwrap().seen.clone()
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let mut state = state.lock().unwrap();
    state.seen.push(Message {
        headers: parts.headers,
        body,
    });
    let (status, wait) = state.answers.pop_front().unwrap_or((204, None));
    let mut response = Response::builder().status(status);
    if let Some(wait) = wait {
        response = response.header("retry-after", wait);
    }
    Ok(response.body(Full::new(Bytes::from_static(b"noted"))).unwrap())
}
