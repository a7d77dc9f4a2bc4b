//! A webhook receiver that keeps what comes.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

/// One delivery.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Delivery {
    pub(crate) fn id(&self) -> String {
        self.headers["webhook-id"].to_str().unwrap().to_owned()
    }

    pub(crate) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Answers 200 to everything.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    pub(crate) url: String,
    kept: Arc<Mutex<Vec<Delivery>>>,
}

impl Listener {
    pub(crate) async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", socket.local_addr().unwrap());
        let listener = Self {
            url,
            kept: Arc::default(),
        };
        let kept = Arc::clone(&listener.kept);
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let kept = Arc::clone(&kept);
                let answer = service_fn(move |request: Request<Incoming>| {
                    let kept = Arc::clone(&kept);
                    async move {
                        let (head, body) = request.into_parts();
                        if let Ok(body) = body.collect().await {
                            let delivery = Delivery {
                                headers: head.headers,
                                body: body.to_bytes(),
                            };
                            kept.lock().unwrap().push(delivery);
                        }
                        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
                    }
                });
                tokio::spawn(async move {
                    http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await
                });
            }
        });
        listener
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.kept.lock().unwrap().clone()
    }
}
