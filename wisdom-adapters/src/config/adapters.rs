//! Which adapter stands behind each port.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where state is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StorageConfig {
    /// `sqlite:PATH` (below `data_dir` unless absolute), `postgres://…`, `memory:`, or `env:NAME` / `file:PATH` that
    /// hold one of them.
    pub url: String,
    /// Connections at most: PostgreSQL's pool (default 16), SQLite's readers (default 4).
    pub max_connections: Option<u32>,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            url: "sqlite:wisdom.db".to_owned(),
            max_connections: None,
        }
    }
}

/// A type that knows the default URL of an adapter.
pub trait DefaultUrl {
    /// The URL.
    const URL: &'static str;
}

macro_rules! default_urls {
    ($($(#[$doc:meta])* $name:ident = $url:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
        pub struct $name;
        impl DefaultUrl for $name { const URL: &'static str = $url; }
    )*};
}

default_urls! {
    /// moka, in process.
    CacheDefault = "moka:?capacity=10000&ttl=300s";
    /// Messages go to the log.
    SmsDefault = "log:";
    /// Calls go to the log.
    CrmDefault = "log:";
    /// A deterministic fake.
    PaymentsDefault = "fake:";
}

/// An adapter that is opened from a URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, bound(deserialize = "D: DefaultUrl"))]
#[schemars(bound = "D: DefaultUrl + JsonSchema")]
pub struct UrlConfig<D> {
    /// The adapter's URL.
    pub url: String,
    #[serde(skip)]
    kind: std::marker::PhantomData<D>,
}

impl<D: DefaultUrl> Default for UrlConfig<D> {
    fn default() -> Self {
        Self {
            url: D::URL.to_owned(),
            kind: std::marker::PhantomData,
        }
    }
}

/// Rate limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimitConfig {
    /// `local:` (in process).
    pub url: String,
    /// Requests a minute from one address (IPv6: one /64).
    pub per_address: u32,
    /// Requests a minute of one user.
    pub per_user: u32,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self {
            url: "local:".to_owned(),
            per_address: 1200,
            per_user: 1200,
        }
    }
}

/// E-mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EmailConfig {
    /// `outbox:PATH` (a folder of `.eml` files, below `data_dir` unless absolute), `smtp://…`, `smtps://…`, `memory:`.
    pub url: String,
    /// The sender.
    pub from: String,
}

impl Default for EmailConfig {
    fn default() -> Self {
        Self {
            url: "outbox:mail".to_owned(),
            from: "wisdom@localhost.example".to_owned(),
        }
    }
}

/// Files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BlobConfig {
    /// `blobs:PATH` (a folder, below `data_dir` unless absolute), `file:///PATH` or `memory:`.
    pub url: String,
}

impl Default for BlobConfig {
    fn default() -> Self {
        Self {
            url: "blobs:files".to_owned(),
        }
    }
}
