//! The service: one request in, one answer out.

use std::fmt;
use std::future::poll_fn;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use metrics_exporter_prometheus::PrometheusHandle;
use thiserror::Error;
use wisdom_adapters::Wisdom;
use wisdom_core::certificate::CertificateThumbprint;
use wisdom_core::failure::{Failure, FailureKind};
use wisdom_core::id::{ImpersonationId, MAX_ID_TEXT, RequestId, UserId};
use wisdom_core::port::rate_limit::RatePolicyError;
use wisdom_core::trace::{RequestInfo, TraceContext};

use crate::cookies::CookieMode;
use crate::cors::OriginError;
use crate::endpoint::{Endpoint, Target, endpoints};
use crate::health::Health;
use crate::limits::{HEADER_BYTES, HEADER_LINES};
use crate::problem::Refusal;
use crate::rate::{Limits, Spent};
use crate::route::{Dialect, Found, Paths, Route, RouteError};
use crate::telemetry::measure::Measure;
use crate::telemetry::{REQUEST, chain};
use crate::{client, oauth, openapi, rate};

mod operate;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// On every answer to an operator who acts for a user, so that a page can say so.
const WISDOM_IMPERSONATION: HeaderName = HeaderName::from_static("wisdom-impersonation");

/// An answer.
pub type Answer = Response<Full<Bytes>>;

/// The service cannot be put together.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The route table.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The rate limits.
    #[error("`rate_limit`: {0}")]
    Rate(#[from] RatePolicyError),
    /// The origins that may use cookies.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The `OpenAPI` document.
    #[error("the OpenAPI document cannot be written: {0}")]
    Document(#[from] serde_json::Error),
}

/// Answers requests over the route table. Cloning is cheap.
///
/// It needs no socket: [`Service::handle`] takes any request with any body, so tests and benches call it directly.
#[derive(Debug, Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    wisdom: Arc<Wisdom>,
    paths: Paths<Endpoint>,
    limits: Limits,
    cookies: Option<CookieMode>,
    health: Health,
    metrics: Option<PrometheusHandle>,
    openapi: Bytes,
    unmatched: Measure,
    trusted: Vec<IpAddr>,
    timeout: Duration,
    log_requests: bool,
    /// The headers of an answer that says nothing itself; some are filled in for each one.
    common: HeaderMap,
    draining: AtomicBool,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address.
    pub address: IpAddr,
    /// The certificate whose key it has proven to hold in a TLS handshake with this process.
    pub certificate: Option<CertificateThumbprint>,
}

impl From<IpAddr> for Peer {
    /// A peer without a certificate.
    fn from(address: IpAddr) -> Self {
        Self {
            address,
            certificate: None,
        }
    }
}

/// What became known of a request on its way. Outlives the work, so that a timeout can tell.
#[derive(Debug, Default)]
struct Trip {
    spent: Spent,
    user: Option<UserId>,
    /// The operator who acts for the user, and under which impersonation.
    operator: Option<(UserId, ImpersonationId)>,
    reading: bool,
}

impl Service {
    /// A service over the assembly and a route table (see [`crate::routes::all`]; embedders add their own lines).
    /// Without `metrics`, `/metrics` is 404.
    ///
    /// # Errors
    /// [`ServiceError`] when routes contradict each other or the catalogue.
    pub fn new(
        wisdom: Arc<Wisdom>,
        routes: &[Route],
        metrics: Option<PrometheusHandle>,
    ) -> Result<Self, ServiceError> {
        let config = wisdom.config();
        let document = openapi::document(wisdom.catalogue(), routes)?;
        let inner = Inner {
            paths: Paths::new(endpoints(wisdom.catalogue(), routes)?)?,
            limits: Limits::new(Arc::clone(&wisdom.ports().rate_limit), &config.rate_limit)?,
            cookies: CookieMode::new(&config.server)?,
            health: Health::default(),
            metrics,
            openapi: serde_json::to_vec(&document)?.into(),
            unmatched: Measure::new("other", "unmatched"),
            trusted: config
                .server
                .trusted_proxies
                .iter()
                .map(IpAddr::to_canonical)
                .collect(),
            timeout: Duration::from_secs(config.server.request_timeout_seconds.into()),
            log_requests: config.log.requests,
            common: common_headers(config.public_url.as_str().starts_with("https:")),
            draining: AtomicBool::new(false),
            wisdom,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// From now on `/readyz` says no, so that nobody sends new work; requests are still answered.
    pub fn drain(&self) {
        self.inner.draining.store(true, Ordering::Release);
    }

    /// Answers one request that came from this peer. Never fails: every refusal is a problem document.
    pub async fn handle<B>(&self, peer: impl Into<Peer>, request: Request<B>) -> Answer
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Send,
    {
        #[expect(
            clippy::disallowed_methods,
            reason = "measures the request for metrics and log"
        )]
        let started = Instant::now();
        let inner = &*self.inner;
        let peer = peer.into();
        let (head, body) = request.into_parts();
        let source = client::address(&inner.trusted, peer.address, &head.headers);
        let mut info = inner.wisdom.request(trace(&head.headers), Some(source));
        info.certificate = peer.certificate;
        // Pinned here, because wrapping a future copies it, and this one is large.
        let work = pin!(inner.serve(started, peer.address, source, info, head, body));
        REQUEST.scope(info, work).await
    }
}

impl Inner {
    async fn serve<B>(
        &self,
        started: Instant,
        peer: IpAddr,
        source: IpAddr,
        info: RequestInfo,
        head: Parts,
        body: B,
    ) -> Answer
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Send,
    {
        let found = self.paths.find(&head.method, head.uri.path());
        let measure = match &found {
            Found::Route(endpoint, _) => &endpoint.measure,
            _ => &self.unmatched,
        };
        let mut trip = Trip::default();
        let outcome = {
            let work = pin!(self.answer(&found, peer, source, info, &head, body, &mut trip));
            let mut work = AssertUnwindSafe(work).catch_unwind();
            // What need not wait is done at the first look and pays for no timer.
            match poll_fn(|context| Poll::Ready(work.poll_unpin(context))).await {
                Poll::Ready(done) => Ok(done),
                Poll::Pending => tokio::time::timeout(self.timeout, work).await,
            }
        };
        let result = match outcome {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Failure::internal("the task panicked; see the line before").into()),
            Err(_) if trip.reading => Err(Refusal::slow_body()),
            Err(_) => Err(Refusal::timeout()),
        };
        let mut answer = result.unwrap_or_else(|refusal| {
            report(&refusal);
            refusal.response(info.id)
        });
        self.dress(&mut answer, info.id, &trip.spent);
        if let Some((_, impersonation)) = trip.operator
            && let Ok(value) = HeaderValue::from_str(&impersonation.to_string())
        {
            answer.headers_mut().insert(WISDOM_IMPERSONATION, value);
        }
        let time = started.elapsed();
        measure.record(answer.status(), time);
        if self.log_requests {
            log(measure, &answer, &trip, info, source, time);
        }
        answer
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one request, taken apart by its only caller"
    )]
    async fn answer<B>(
        &self,
        found: &Found<'_, '_, Endpoint>,
        peer: IpAddr,
        source: IpAddr,
        info: RequestInfo,
        head: &Parts,
        body: B,
        trip: &mut Trip,
    ) -> Result<Answer, Refusal>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Send,
    {
        check_head(head)?;
        if let Found::Route(endpoint, _) = found
            && let Some(answer) = self.watch(&endpoint.target, peer, head).await
        {
            return answer;
        }
        self.limits.take_address(source, &mut trip.spent).await?;
        let (endpoint, params) = match found {
            Found::Route(endpoint, params) => (endpoint, params),
            Found::OtherMethod(allow) => return Err(Refusal::method(allow)),
            Found::Nothing => return Err(Refusal::unknown_route()),
        };
        match &endpoint.target {
            Target::Operation(operation) => {
                let done = self.operate(operation, params, info, head, body, trip).await;
                match done {
                    Err(failure) if operation.dialect == Dialect::Oauth => Ok(oauth::refuse(failure)?),
                    done => Ok(done?),
                }
            }
            Target::Keys => {
                let keys = serde_json::to_vec(&self.wisdom.jwks()).map_err(Failure::internal)?;
                Ok(cached(json(StatusCode::OK, keys.into())))
            }
            Target::Document => Ok(cached(json(StatusCode::OK, self.openapi.clone()))),
            Target::Live | Target::Ready | Target::Metrics => Err(Refusal::unknown_route()),
        }
    }

    /// What watches the service: answered without counting, so that a flood does not make it look dead.
    async fn watch(&self, target: &Target, peer: IpAddr, head: &Parts) -> Option<Result<Answer, Refusal>> {
        match target {
            Target::Live => Some(Ok(json(
                StatusCode::OK,
                Bytes::from_static(br#"{"status":"ok"}"#),
            ))),
            Target::Ready => {
                let draining = self.draining.load(Ordering::Acquire);
                let ready = !draining && self.health.ready(&self.wisdom).await;
                Some(if ready {
                    Ok(json(StatusCode::OK, Bytes::from_static(br#"{"status":"ready"}"#)))
                } else {
                    let text = if draining {
                        "The service is shutting down."
                    } else {
                        "Storage does not answer."
                    };
                    Err(Failure::new(FailureKind::Unavailable, "not_ready", text)
                        .retry_after(Duration::from_secs(1))
                        .into())
                })
            }
            Target::Metrics if client::is_local(peer, &head.headers) => {
                self.metrics.as_ref().map(|metrics| {
                    let mut answer = Response::new(Full::new(metrics.render().into()));
                    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                    answer.headers_mut().insert(CONTENT_TYPE, kind);
                    Ok(answer)
                })
            }
            _ => None,
        }
    }

    /// The headers that every answer carries. What the answer says itself wins; a body is JSON unless it says otherwise.
    fn dress(&self, answer: &mut Answer, id: RequestId, spent: &Spent) {
        let empty = answer.body().is_end_stream();
        let headers = answer.headers_mut();
        let own = std::mem::replace(headers, self.common.clone());
        if let Ok(value) = HeaderValue::from_str(id.encode(&mut [0; MAX_ID_TEXT])) {
            headers.insert(X_REQUEST_ID, value);
        }
        if empty {
            headers.remove(CONTENT_TYPE);
        }
        self.limits.tell(spent, headers);
        if !own.is_empty() {
            headers.extend(own);
        }
    }
}

/// Cloning a map with places for all headers is much cheaper than inserting them one by one.
fn common_headers(over_tls: bool) -> HeaderMap {
    const PLACE: HeaderValue = HeaderValue::from_static("");
    let mut headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (X_REQUEST_ID, PLACE),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        ),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (rate::POLICY, PLACE),
        (rate::STATE, PLACE),
    ]);
    if over_tls {
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
    headers
}

fn json(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer
}

/// What is public and changes seldom.
fn cached(mut answer: Answer) -> Answer {
    answer
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    answer
}

fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    let mut lines = headers.get_all("traceparent").iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => line.to_str().ok().and_then(TraceContext::parse),
        _ => None,
    }
}

fn check_head(head: &Parts) -> Result<(), Failure> {
    let target = head
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let lines: usize = head
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if target + lines <= HEADER_BYTES && head.headers.len() <= HEADER_LINES {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::HeadersTooLarge,
        "headers.too_large",
        "Path, query and headers are larger than 16384 bytes, or there are more than 100 header lines.",
    ))
}

/// A fault of ours is logged once, here, with all that caused it.
fn report(refusal: &Refusal) {
    let failure = &*refusal.failure;
    match failure.kind {
        FailureKind::Internal => {
            tracing::error!(code = failure.code, error = chain(failure), "a request failed");
        }
        FailureKind::Unavailable | FailureKind::Timeout => {
            tracing::warn!(
                code = failure.code,
                error = chain(failure),
                "a request was turned away"
            );
        }
        _ => {}
    }
}

fn log(measure: &Measure, answer: &Answer, trip: &Trip, info: RequestInfo, source: IpAddr, time: Duration) {
    tracing::info!(
        target: "wisdom_server::request",
        method = measure.method(),
        route = measure.route(),
        status = answer.status().as_u16(),
        microseconds = u64::try_from(time.as_micros()).unwrap_or(u64::MAX),
        request_id = %info.id,
        source = %source,
        user = trip.user.map(tracing::field::display),
        operator = trip.operator.map(|(operator, _)| tracing::field::display(operator)),
        "request"
    );
}

/// The name of a method in metrics and logs, which never repeat what a client made up.
pub(crate) fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
