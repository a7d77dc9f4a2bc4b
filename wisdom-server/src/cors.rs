//! Which browser applications may call (the Fetch standard's CORS protocol).

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderValue, Method};
use thiserror::Error;
use tower_http::cors::{AllowOrigin, CorsLayer};
use wisdom_adapters::config::Origin;

use crate::credential::{IDEMPOTENCY_KEY, WISDOM_TENANT};

/// A configured origin is not one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`server.cors_origins`: `{origin}` {rule}")]
pub struct CorsError {
    origin: String,
    rule: &'static str,
}

/// The layer for these origins, or none where there are none. Credentials are bearer tokens, so cookies are never asked
/// for; `*` is not an origin.
pub(crate) fn layer(origins: &[String]) -> Result<Option<CorsLayer>, CorsError> {
    if origins.is_empty() {
        return Ok(None);
    }
    let mut values = Vec::with_capacity(origins.len());
    for text in origins {
        let refuse = |rule| CorsError {
            origin: text.clone(),
            rule,
        };
        let origin = Origin::parse(text).map_err(refuse)?;
        values.push(HeaderValue::try_from(origin.as_str()).map_err(|_| refuse("must be ASCII"))?);
    }
    let exposed = [
        "x-request-id",
        "idempotency-replayed",
        "ratelimit",
        "ratelimit-policy",
    ];
    Ok(Some(
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(values))
            .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
            .allow_headers([
                AUTHORIZATION,
                CONTENT_TYPE,
                IDEMPOTENCY_KEY,
                WISDOM_TENANT,
                HeaderName::from_static("traceparent"),
            ])
            .expose_headers(
                exposed
                    .map(HeaderName::from_static)
                    .into_iter()
                    .chain([RETRY_AFTER])
                    .collect::<Vec<_>>(),
            )
            .max_age(Duration::from_secs(600)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_are_let_in() {
        assert!(layer(&[]).unwrap().is_none());
        assert!(layer(&["https://app.example.com".to_owned()]).unwrap().is_some());
        for bad in ["*", "app.example.com", "https://app.example.com/path"] {
            assert!(layer(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
