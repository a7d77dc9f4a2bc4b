//! A server on loopback that plays a vendor and refuses whatever the vendor's description does not know.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::description::Description;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// `null` for no body.
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// What the vendor keeps and does. `path` is that of the description, with placeholders.
pub(crate) trait Vendor: Debug + Send + 'static {
    fn answer(&mut self, path: &str, request: &Request) -> Answer;

    /// The vendor's way of saying that a request is wrong.
    fn refusal(&self, why: &str) -> Answer;
}

#[derive(Debug)]
struct Shared {
    description: Description,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    vendor: Box<dyn Vendor>,
    /// Answers that come before the vendor's own, checked only when they claim to be described.
    planned: Vec<Answer>,
    seen: Vec<Request>,
    violations: Vec<String>,
}

/// The running server. Dropping it fails the test when a request broke the contract.
#[derive(Debug)]
pub(crate) struct ContractServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl ContractServer {
    pub(crate) async fn start(description: &str, vendor: impl Vendor) -> Self {
        let state = State {
            vendor: Box::new(vendor),
            planned: Vec::new(),
            seen: Vec::new(),
            violations: Vec::new(),
        };
        let shared = Arc::new(Shared {
            description: Description::read(description),
            state: Mutex::new(state),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&accepting);
                tokio::spawn(async move {
                    let service = service_fn(move |request| handle(Arc::clone(&shared), request));
                    // A client that goes away in the middle is no concern of the server.
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            address,
            shared,
            task,
        }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The next requests get these answers, in this order, whatever they ask.
    pub(crate) fn plan(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.state.lock().unwrap().planned.extend(answers);
    }

    pub(crate) fn seen(&self) -> Vec<Request> {
        self.shared.state.lock().unwrap().seen.clone()
    }

    /// Takes what was found wrong so far.
    pub(crate) fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state.lock().unwrap().violations)
    }
}

impl Drop for ContractServer {
    fn drop(&mut self) {
        self.task.abort();
        let violations = self.take_violations();
        assert!(
            std::thread::panicking() || violations.is_empty(),
            "contract broken: {violations:#?}"
        );
    }
}

async fn handle(
    shared: Arc<Shared>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let request = Request {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let answer = answer(&shared, &request);
    let mut response = hyper::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    let body = if answer.body.is_null() {
        String::new()
    } else {
        answer.body.to_string()
    };
    Ok(response
        .header("content-type", "application/json")
        .body(Full::from(body))
        .unwrap())
}

fn answer(shared: &Shared, request: &Request) -> Answer {
    let mut state = shared.state.lock().unwrap();
    state.seen.push(request.clone());
    let operation = match shared.description.check_request(request) {
        Ok(operation) => operation,
        Err(violation) => {
            let answer = state.vendor.refusal(&violation);
            state.violations.push(violation);
            return answer;
        }
    };
    let answer = if state.planned.is_empty() {
        state.vendor.answer(operation.path, request)
    } else {
        state.planned.remove(0)
    };
    if let Err(violation) = shared
        .description
        .check_response(&operation, answer.status, &answer.body)
    {
        state
            .violations
            .push(format!("{} {}: {violation}", request.method, operation.path));
    }
    answer
}
