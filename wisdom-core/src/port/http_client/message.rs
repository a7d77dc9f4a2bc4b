//! The request and the answer, as plain values.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::Url;

use super::address::AddressPolicy;
use crate::port::{PortError, PortErrorKind};
use crate::secret::SecretText;

/// Time from the first packet to the last byte of the answer, unless the request says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// Most bytes of an answer's body, unless the request says otherwise.
pub const DEFAULT_MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// Longest wait that an answer can ask of us.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// A request to somebody else's machine, with the limits it is made under.
///
/// `Debug` shows neither query, headers nor body: they hold credentials and personal data.
#[derive(Clone)]
pub struct OutgoingRequest {
    /// HTTP method.
    pub method: Method,
    /// Absolute URL, `http` or `https`, without userinfo.
    pub url: Url,
    /// Headers as they are sent; the adapter adds `host`, lengths and `accept`, nothing else.
    pub headers: HeaderMap,
    /// Body, empty for none.
    pub body: Bytes,
    /// Time for everything: look-up, connection, handshake, sending, and reading the last byte.
    pub timeout: Duration,
    /// Most bytes of body that are read from the answer.
    pub max_response_bytes: usize,
    /// What happens to a longer answer: `true` cuts it at the cap, `false` refuses it.
    pub truncate: bool,
    /// Which addresses may be reached.
    pub addresses: AddressPolicy,
}

impl OutgoingRequest {
    /// A request with default limits, public addresses only.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: DEFAULT_TIMEOUT,
            max_response_bytes: DEFAULT_MAX_RESPONSE_BYTES,
            truncate: false,
            addresses: AddressPolicy::PublicOnly,
        }
    }

    /// A GET with default limits.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST with default limits.
    #[must_use]
    pub fn post(url: Url, body: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, url).with_body(body)
    }

    /// Sets a header, in place of one of the same name.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets `authorization: Bearer …`, marked so that no log shows it.
    ///
    /// # Errors
    /// [`PortErrorKind::Invalid`] when the token holds characters that a header can't carry.
    pub fn with_bearer(mut self, token: &SecretText) -> Result<Self, PortError> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| PortError::new("http_client", "with_bearer", PortErrorKind::Invalid))?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the time for the whole exchange.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Refuses an answer with a longer body.
    #[must_use]
    pub fn refusing_over(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self.truncate = false;
        self
    }

    /// Cuts a longer body: for answers that are only shown, like those of webhook receivers.
    #[must_use]
    pub fn truncating_at(mut self, bytes: usize) -> Self {
        self.max_response_bytes = bytes;
        self.truncate = true;
        self
    }

    /// Sets which addresses may be reached.
    #[must_use]
    pub fn to_addresses(mut self, addresses: AddressPolicy) -> Self {
        self.addresses = addresses;
        self
    }
}

impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingRequest")
            .field("method", &self.method)
            .field("scheme", &self.url.scheme())
            .field("host", &self.url.host_str())
            .field("port", &self.url.port())
            .field("body_bytes", &self.body.len())
            .field("timeout", &self.timeout)
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// What the other side answered. Any status is an answer; judging it is the caller's part.
///
/// `Debug` shows neither headers nor body.
#[derive(Clone)]
pub struct IncomingResponse {
    /// Status, redirects included: they are never followed.
    pub status: StatusCode,
    /// Headers as received.
    pub headers: HeaderMap,
    /// Body as received, never decompressed.
    pub body: Bytes,
    /// Whether the body was cut at the cap.
    pub truncated: bool,
}

impl IncomingResponse {
    /// How long the answer asks us to wait (RFC 9110 section 10.2.3), at most 24 h.
    ///
    /// A date is measured against the answer's own `date`, so that a wrong clock on either side does no harm; without
    /// one it counts as absent.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let wait = if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
            Duration::from_secs(text.parse().unwrap_or(u64::MAX))
        } else {
            let sent = http_date(self.headers.get(DATE)?.to_str().ok()?)?;
            Duration::try_from(http_date(text)? - sent).unwrap_or(Duration::ZERO)
        };
        Some(wait.min(MAX_RETRY_AFTER))
    }
}

fn http_date(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text.trim(), &Rfc2822).ok()
}

impl fmt::Debug for IncomingResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingResponse")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .field("truncated", &self.truncated)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(headers: &[(HeaderName, &'static str)]) -> Option<Duration> {
        let headers = headers
            .iter()
            .map(|(n, v)| (n.clone(), HeaderValue::from_static(v)))
            .collect();
        IncomingResponse {
            status: StatusCode::OK,
            headers,
            body: Bytes::new(),
            truncated: false,
        }
        .retry_after()
    }

    #[test]
    fn retry_after_reads_seconds_and_dates() {
        assert_eq!(waiting(&[(RETRY_AFTER, "7")]), Some(Duration::from_secs(7)));
        assert_eq!(
            waiting(&[(RETRY_AFTER, "99999999999999999999999")]),
            Some(MAX_RETRY_AFTER)
        );
        let date = (DATE, "Wed, 21 Oct 2026 07:28:00 GMT");
        let later = (RETRY_AFTER, "Wed, 21 Oct 2026 07:29:30 GMT");
        assert_eq!(
            waiting(&[date.clone(), later.clone()]),
            Some(Duration::from_secs(90))
        );
        assert_eq!(
            waiting(&[(RETRY_AFTER, "Wed, 21 Oct 2026 07:27:00 GMT"), date]),
            Some(Duration::ZERO)
        );
        assert_eq!(waiting(&[later]), None);
        for text in ["", "-1", "soon", "1.5"] {
            assert_eq!(waiting(&[(RETRY_AFTER, text)]), None, "{text}");
        }
        assert_eq!(waiting(&[]), None);
    }

    #[test]
    fn debug_hides_query_headers_and_body() {
        let request = OutgoingRequest::post(Url::parse("https://h.test/hush?t=hush").unwrap(), "hush")
            .with_header(HeaderName::from_static("x-key"), HeaderValue::from_static("hush"))
            .with_bearer(&SecretText::from("hush".to_owned()))
            .unwrap();
        assert!(!format!("{request:?}").contains("hush"));
        assert!(!format!("{:?}", request.headers.get(AUTHORIZATION)).contains("hush"));
    }

    #[test]
    fn bearer_refuses_line_breaks() {
        let url = Url::parse("https://h.test/").unwrap();
        assert!(
            OutgoingRequest::get(url)
                .with_bearer(&SecretText::from("a\r\nb".to_owned()))
                .is_err()
        );
    }
}
