//! The floor of every request: hyper, and nothing else, that answers the same bytes.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// An answer that never changes.
#[derive(Debug, Clone)]
pub struct Canned {
    headers: HeaderMap,
    body: Bytes,
}

impl Canned {
    /// The answer with these headers and body. What hyper writes by itself is left to it.
    #[must_use]
    pub fn new(headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>, body: Bytes) -> Self {
        let own = |name: &HeaderName| *name == CONNECTION || *name == CONTENT_LENGTH || *name == DATE;
        Self {
            headers: headers.into_iter().filter(|(name, _)| !own(name)).collect(),
            body,
        }
    }

    /// The body.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// Builds the answer.
    #[must_use]
    pub fn answer(&self) -> Response<Full<Bytes>> {
        let mut answer = Response::new(Full::new(self.body.clone()));
        *answer.headers_mut() = self.headers.clone();
        answer
    }

    /// Serves one HTTP/1.1 connection until the client ends it. hyper as it comes: without timers.
    ///
    /// # Errors
    /// When the connection ends badly.
    pub async fn serve<I>(&self, io: I) -> Result<(), hyper::Error>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let service = service_fn(|_request: Request<Incoming>| async { Ok::<_, Infallible>(self.answer()) });
        http1::Builder::new()
            .serve_connection(TokioIo::new(io), service)
            .await
    }
}
