//! The `HttpClient` port over reqwest.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use wisdom_core::port::http_client::{
    AddressPolicy, AddressRefusal, HttpClient, IncomingResponse, OutgoingRequest,
};
use wisdom_core::port::{PortError, PortErrorKind};

use super::resolver::{CheckedResolver, NameLookup, SystemLookup};

/// Most bytes of all header names and values of an answer.
const MAX_HEADER_BYTES: u32 = 16 * 1024;

/// How long an unused connection is kept, and how many for one host.
const IDLE: (Duration, usize) = (Duration::from_secs(30), 8);

/// HTTP/1.1 and HTTP/2 over TCP and TLS (rustls with aws-lc-rs, trust roots of the platform).
///
/// Each address policy has a connection pool of its own, so that a connection opened under a wide policy is never lent
/// to a request under a narrow one.
#[derive(Debug, Clone)]
pub struct ReqwestClient {
    public: Client,
    loopback: Client,
    any: Client,
}

impl ReqwestClient {
    /// A client that resolves names as the operating system does.
    ///
    /// # Errors
    /// [`PortErrorKind::Internal`] when TLS can't be set up, for example because the machine has no trust roots.
    pub fn new() -> Result<Self, PortError> {
        Self::with_lookup(&(Arc::new(SystemLookup) as Arc<dyn NameLookup>))
    }

    /// A client with a name look-up of the caller's choice. Its answers are checked like any other.
    ///
    /// # Errors
    /// As [`ReqwestClient::new`].
    pub fn with_lookup(lookup: &Arc<dyn NameLookup>) -> Result<Self, PortError> {
        // An error means that the process has a provider already, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let build = |policy| {
            let resolver = CheckedResolver {
                policy,
                lookup: Arc::clone(lookup),
            };
            build(resolver).map_err(|e| error(PortErrorKind::Internal).with_source(e))
        };
        Ok(Self {
            public: build(AddressPolicy::PublicOnly)?,
            loopback: build(AddressPolicy::AllowLoopback)?,
            any: build(AddressPolicy::Any)?,
        })
    }

    async fn exchange(&self, request: OutgoingRequest) -> Result<IncomingResponse, PortError> {
        let client = match request.addresses {
            AddressPolicy::PublicOnly => &self.public,
            AddressPolicy::AllowLoopback => &self.loopback,
            AddressPolicy::Any => &self.any,
        };
        let (cap, truncate) = (request.max_response_bytes, request.truncate);
        let mut outgoing = reqwest::Request::new(request.method, request.url);
        *outgoing.headers_mut() = request.headers;
        if !request.body.is_empty() {
            *outgoing.body_mut() = Some(request.body.into());
        }
        let response = client.execute(outgoing).await.map_err(foreign)?;
        let (status, headers) = (response.status(), response.headers().clone());
        if header_bytes(&headers) > MAX_HEADER_BYTES as usize {
            return Err(error(PortErrorKind::Refused).with_source("headers of the answer are too large"));
        }
        let (body, truncated) = read_body(response, cap, truncate).await?;
        Ok(IncomingResponse {
            status,
            headers,
            body,
            truncated,
        })
    }
}

#[async_trait]
impl HttpClient for ReqwestClient {
    async fn send(&self, request: OutgoingRequest) -> Result<IncomingResponse, PortError> {
        // The connector resolves names only: what is written as an address must be checked here.
        request
            .addresses
            .check_url(&request.url)
            .map_err(|refusal| error(PortErrorKind::Refused).with_source(refusal))?;
        let limit = request.timeout;
        match tokio::time::timeout(limit, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => Err(error(PortErrorKind::Timeout)),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the HttpClient port's adapter")]
fn build(resolver: CheckedResolver) -> Result<Client, reqwest::Error> {
    // Features of reqwest add up over a whole build, so what we must not do is turned off even where our own features
    // do not turn it on.
    ClientBuilder::new()
        .tls_backend_rustls()
        .redirect(Policy::none())
        .no_proxy()
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
        .referer(false)
        .retry(reqwest::retry::never())
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .pool_idle_timeout(IDLE.0)
        .pool_max_idle_per_host(IDLE.1)
        .dns_resolver(Arc::new(resolver))
        .build()
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}

/// Reads at most `cap` bytes; what is longer is cut or refused, and the rest is never read.
async fn read_body(
    mut response: reqwest::Response,
    cap: usize,
    truncate: bool,
) -> Result<(Bytes, bool), PortError> {
    let too_large = || error(PortErrorKind::Refused).with_source("body of the answer is too large");
    let announced = response
        .content_length()
        .and_then(|length| usize::try_from(length).ok());
    if !truncate && announced.is_some_and(|length| length > cap) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(foreign)? {
        let room = cap - body.len();
        if chunk.len() > room {
            if !truncate {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk[..room]);
            return Ok((body.freeze(), true));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body.freeze(), false))
}

fn error(kind: PortErrorKind) -> PortError {
    PortError::new("http_client", "send", kind)
}

/// The one table from reqwest's errors to ours. The URL is taken out: its query may hold secrets.
fn foreign(cause: reqwest::Error) -> PortError {
    let kind = if find::<AddressRefusal>(&cause).is_some() {
        PortErrorKind::Refused
    } else if cause.is_timeout() {
        PortErrorKind::Timeout
    } else if cause.is_connect() {
        PortErrorKind::Unavailable
    } else if cause.is_builder() {
        PortErrorKind::Invalid
    } else if let Some(protocol) = find::<hyper::Error>(&cause) {
        if protocol.is_parse() {
            PortErrorKind::Protocol
        } else {
            PortErrorKind::Unavailable
        }
    } else if find::<io::Error>(&cause).is_some() {
        PortErrorKind::Unavailable
    } else {
        PortErrorKind::Protocol
    };
    error(kind).with_source(cause.without_url())
}

fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(found) = current.downcast_ref::<E>() {
            return Some(found);
        }
        next = current.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use tokio::net::TcpListener;
    use url::Url;
    use wisdom_core::port::Retry;

    use super::*;

    wisdom_core::http_client_conformance!(|| ReqwestClient::new().unwrap());

    #[derive(Debug)]
    struct Rebinding;

    #[async_trait]
    impl NameLookup for Rebinding {
        async fn lookup(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
            Ok(vec!["127.0.0.1".parse().unwrap()])
        }
    }

    #[tokio::test]
    async fn a_public_name_with_a_private_address_reaches_nobody() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = ReqwestClient::with_lookup(&(Arc::new(Rebinding) as Arc<dyn NameLookup>)).unwrap();
        for _ in 0..50 {
            let url = Url::parse(&format!("http://hooks.example.test:{port}/")).unwrap();
            let failure = client.send(OutgoingRequest::get(url)).await.unwrap_err();
            assert_eq!(
                (failure.kind, failure.retry),
                (PortErrorKind::Refused, Retry::Never)
            );
        }
        let nobody = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
        assert!(nobody.is_err(), "a connection was opened");
    }

    #[tokio::test]
    async fn errors_do_not_show_the_query() {
        let url = Url::parse("http://127.0.0.1:1/?token=hush").unwrap();
        let request = OutgoingRequest::get(url).to_addresses(AddressPolicy::AllowLoopback);
        let failure = ReqwestClient::new().unwrap().send(request).await.unwrap_err();
        assert!(!format!("{failure:?}").contains("hush"));
    }
}
