//! Which browser applications may call (the Fetch standard's CORS protocol).

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderValue, Method};
use thiserror::Error;
use tower_http::cors::{AllowCredentials, AllowOrigin, CorsLayer};
use wisdom_adapters::config::{Origin, ServerConfig};

use crate::cookies::WISDOM_SESSION;
use crate::credential::{IDEMPOTENCY_KEY, WISDOM_TENANT};

/// A configured origin is not one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{key}`: `{origin}` {rule}")]
pub struct OriginError {
    key: &'static str,
    origin: String,
    rule: &'static str,
}

impl OriginError {
    pub(crate) fn new(key: &'static str, origin: &str, rule: &'static str) -> Self {
        Self {
            key,
            origin: origin.to_owned(),
            rule,
        }
    }
}

fn values(key: &'static str, origins: &[String]) -> Result<Vec<HeaderValue>, OriginError> {
    let value = |text: &String| {
        let origin = Origin::parse(text).map_err(|rule| OriginError::new(key, text, rule))?;
        HeaderValue::try_from(origin.as_str()).map_err(|_| OriginError::new(key, text, "must be ASCII"))
    };
    origins.iter().map(value).collect()
}

/// The layer for the configured origins, or none where there are none. Only those that keep sessions in cookies may send
/// credentials; `*` is not an origin.
pub(crate) fn layer(config: &ServerConfig) -> Result<Option<CorsLayer>, OriginError> {
    let mut allowed = values("server.cors_origins", &config.cors_origins)?;
    let with_cookies = values("server.cookie_origins", &config.cookie_origins)?;
    allowed.extend(with_cookies.iter().cloned());
    if allowed.is_empty() {
        return Ok(None);
    }
    let exposed = [
        "x-request-id",
        "idempotency-replayed",
        "ratelimit",
        "ratelimit-policy",
    ];
    Ok(Some(
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(allowed))
            .allow_credentials(AllowCredentials::predicate(move |origin, _| {
                with_cookies.contains(origin)
            }))
            .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
            .allow_headers([
                AUTHORIZATION,
                CONTENT_TYPE,
                IDEMPOTENCY_KEY,
                WISDOM_TENANT,
                WISDOM_SESSION,
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
        let with = |cors: &[&str], cookies: &[&str]| {
            let texts = |origins: &[&str]| origins.iter().map(|text| (*text).to_owned()).collect();
            layer(&ServerConfig {
                cors_origins: texts(cors),
                cookie_origins: texts(cookies),
                ..ServerConfig::default()
            })
        };
        assert!(with(&[], &[]).unwrap().is_none());
        assert!(with(&["https://app.example.com"], &[]).unwrap().is_some());
        assert!(with(&[], &["https://app.example.com"]).unwrap().is_some());
        for bad in ["*", "app.example.com", "https://app.example.com/path"] {
            assert!(with(&[bad], &[]).is_err() && with(&[], &[bad]).is_err(), "{bad}");
        }
    }
}
