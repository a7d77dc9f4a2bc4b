//! A vendor's HTTP API as its adapter sees it: base address, credentials, limits.

use std::sync::Arc;

use http::Method;
use http::header::{ACCEPT, HeaderName, HeaderValue};
use url::{Host, Url};
use wisdom_core::port::http_client::{AddressPolicy, HttpClient, IncomingResponse, OutgoingRequest};
use wisdom_core::port::{PortError, PortErrorKind, Retry};
use wisdom_core::secret::SecretText;

/// Most bytes of a vendor's answer: a batch of 100 records with all their properties fits.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// Where a vendor's API stands and how we prove who we are.
#[derive(Debug, Clone)]
pub(crate) struct VendorApi {
    port: &'static str,
    http: Arc<dyn HttpClient>,
    base: Url,
    addresses: AddressPolicy,
    token: SecretText,
}

impl VendorApi {
    /// Takes a base of `https`, or of `http` on this machine (a test server, a local proxy).
    pub(crate) fn new(
        port: &'static str,
        http: Arc<dyn HttpClient>,
        base: &str,
        token: SecretText,
    ) -> Result<Self, PortError> {
        let invalid =
            |why: &'static str| PortError::new(port, "open", PortErrorKind::Invalid).with_source(why);
        let base = Url::parse(base).map_err(|_| invalid("base is not a URL"))?;
        let loopback = match base.host() {
            Some(Host::Ipv4(v4)) => v4.is_loopback(),
            Some(Host::Ipv6(v6)) => v6.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => return Err(invalid("base has no host")),
        };
        if base.scheme() != "https" && !(loopback && base.scheme() == "http") {
            return Err(invalid("base must be https"));
        }
        if base.query().is_some() || base.fragment().is_some() || base.path() != "/" {
            return Err(invalid("base must be scheme and host only"));
        }
        if token.expose().trim().is_empty() {
            return Err(invalid("the key is blank"));
        }
        let addresses = if loopback {
            AddressPolicy::AllowLoopback
        } else {
            AddressPolicy::PublicOnly
        };
        Ok(Self {
            port,
            http,
            base,
            addresses,
            token,
        })
    }

    /// An address of the API; each segment is one path segment, whatever it holds.
    pub(crate) fn url(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Sends a request with our credentials. Failures come back as those of this vendor's port.
    pub(crate) async fn send(
        &self,
        operation: &'static str,
        method: Method,
        url: Url,
        headers: &[(HeaderName, HeaderValue)],
        body: String,
    ) -> Result<IncomingResponse, PortError> {
        let wrap = |cause: PortError| {
            let (kind, retry) = (cause.kind, cause.retry);
            PortError::new(self.port, operation, kind)
                .with_retry(retry)
                .with_source(cause)
        };
        let mut request = OutgoingRequest::new(method, url)
            .with_header(ACCEPT, HeaderValue::from_static("*/*"))
            .with_bearer(&self.token)
            .map_err(wrap)?
            .with_body(body)
            .refusing_over(MAX_ANSWER)
            .to_addresses(self.addresses);
        for (name, value) in headers {
            request = request.with_header(name.clone(), value.clone());
        }
        self.http.send(request).await.map_err(wrap)
    }

    /// What a status means when it is not the expected one, for vendors that follow HTTP.
    ///
    /// `words` is what operators see: identifiers of the failure, no personal data.
    pub(crate) fn failure(
        &self,
        operation: &'static str,
        response: &IncomingResponse,
        words: &str,
    ) -> PortError {
        let kind = match response.status.as_u16() {
            400 | 402 | 405 | 413 | 415 | 422 => PortErrorKind::Invalid,
            401 | 403 => PortErrorKind::Unauthorized,
            404 | 410 => PortErrorKind::NotFound,
            409 | 412 => PortErrorKind::Conflict,
            423 | 429 => PortErrorKind::RateLimited,
            408 | 500..=599 => PortErrorKind::Unavailable,
            _ => PortErrorKind::Protocol,
        };
        let error = PortError::new(self.port, operation, kind);
        let error = match response.retry_after() {
            Some(wait) if error.is_transient() => error.with_retry(Retry::After(wait)),
            _ => error,
        };
        error.with_source(format!("status {}: {words}", response.status.as_u16()))
    }
}
