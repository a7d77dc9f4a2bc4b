//! Configuration: one schema for the server, the C ABI and embedders.
//!
//! A document is TOML or JSON. Unknown keys are errors with a suggestion. Secrets come by reference (`env:NAME`,
//! `file:PATH`), so that a configuration can be logged.

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod adapters;
mod api_keys;
mod attempts;
mod auth;
mod bounds;
mod document;
mod federation;
#[cfg(test)]
mod figures;
mod identity;
mod impersonation;
mod origin;
mod passkeys;
mod password;
mod secret_ref;
mod tls;

pub use adapters::{
    BlobConfig, CacheDefault, CrmDefault, DefaultUrl, EmailConfig, PaymentsDefault, RateLimitConfig,
    SmsDefault, StorageConfig, UrlConfig,
};
pub use api_keys::ApiKeysConfig;
pub use attempts::{AttemptsConfig, ThrottleConfig};
pub use auth::{AuthConfig, KeyRotationConfig, TokenAlgorithm};
pub use document::{ConfigError, Document, Format};
pub use federation::{FederationConfig, ProviderConfig, ProviderPreset};
pub use identity::{MailedProofConfig, SecondFactorConfig};
pub use impersonation::ImpersonationConfig;
pub use origin::Origin;
pub use passkeys::PasskeysConfig;
pub use password::PasswordConfig;
pub use secret_ref::{SecretRefError, resolve, resolve_text};
pub use tls::{ClientCertificates, TlsConfig};

/// The whole configuration. Every field has a default; the defaults run on embedded adapters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where embedded adapters keep files.
    pub data_dir: PathBuf,
    /// The origin under which the service is reached; the `source` of events and the issuer of tokens.
    pub public_url: Origin,
    /// The origin of the application that people see; links in mails begin with it. Default: `public_url`.
    pub app_url: Option<Origin>,
    /// Where state is kept.
    pub storage: StorageConfig,
    /// Cache.
    pub cache: UrlConfig<CacheDefault>,
    /// Rate limiter.
    pub rate_limit: RateLimitConfig,
    /// E-mail.
    pub email: EmailConfig,
    /// SMS.
    pub sms: UrlConfig<SmsDefault>,
    /// CRM.
    pub crm: UrlConfig<CrmDefault>,
    /// Payments.
    pub payments: UrlConfig<PaymentsDefault>,
    /// Files.
    pub blob: BlobConfig,
    /// Identity.
    pub auth: AuthConfig,
    /// Tenancy.
    pub tenancy: TenancyConfig,
    /// Webhooks out.
    pub webhooks: WebhooksConfig,
    /// The HTTP server; ignored elsewhere.
    pub server: ServerConfig,
    /// Threads; used by the server and the C ABI.
    pub runtime: RuntimeConfig,
    /// Logging; used by the server.
    pub log: LogConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            public_url: Origin::local(),
            app_url: None,
            storage: StorageConfig::default(),
            cache: UrlConfig::default(),
            rate_limit: RateLimitConfig::default(),
            email: EmailConfig::default(),
            sms: UrlConfig::default(),
            crm: UrlConfig::default(),
            payments: UrlConfig::default(),
            blob: BlobConfig::default(),
            auth: AuthConfig::default(),
            tenancy: TenancyConfig::default(),
            webhooks: WebhooksConfig::default(),
            server: ServerConfig::default(),
            runtime: RuntimeConfig::default(),
            log: LogConfig::default(),
        }
    }
}

impl Config {
    /// Everything in memory: for tests, and for the C ABI when nothing is named.
    #[must_use]
    pub fn in_memory() -> Self {
        let memory = || "memory:".to_owned();
        Self {
            storage: StorageConfig {
                url: memory(),
                ..StorageConfig::default()
            },
            email: EmailConfig {
                url: memory(),
                ..EmailConfig::default()
            },
            blob: BlobConfig { url: memory() },
            auth: AuthConfig {
                keys: memory(),
                ..AuthConfig::default()
            },
            ..Self::default()
        }
    }

    /// The origin of links in mails.
    #[must_use]
    pub fn app_url(&self) -> &Origin {
        self.app_url.as_ref().unwrap_or(&self.public_url)
    }

    /// A path: as it is when absolute, else below `data_dir`.
    #[must_use]
    pub fn data_path(&self, path: &str) -> PathBuf {
        self.data_dir.join(path)
    }
}

/// Tenancy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TenancyConfig {
    /// An invitation's life in days, 1 to 30.
    pub invitation_days: u32,
}

impl Default for TenancyConfig {
    fn default() -> Self {
        Self { invitation_days: 7 }
    }
}

/// Webhooks out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WebhooksConfig {
    /// Whether endpoints on this machine are allowed. Default: only while `server.listen` is a loopback address, which is
    /// how one tries things out.
    pub allow_loopback: Option<bool>,
}

/// `SameSite` of cookies (RFC 6265bis, section 4.1.2.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SameSite {
    /// With requests from pages of the same site, and when somebody follows a link here.
    Lax,
    /// With requests from pages of the same site only.
    Strict,
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Connections at most.
    pub max_connections: u32,
    /// A request's time in seconds.
    pub request_timeout_seconds: u32,
    /// Origins of browser applications that may call (CORS); empty: none.
    pub cors_origins: Vec<String>,
    /// Origins of browser applications that may keep their session in cookies instead of holding tokens; empty: none.
    /// They may call across origins without standing in `cors_origins` too.
    pub cookie_origins: Vec<String>,
    /// When browsers send those cookies along.
    pub cookie_same_site: SameSite,
    /// Addresses of proxies whose `X-Forwarded-For` is believed; empty: none.
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// On SIGTERM, running requests have this many seconds.
    pub drain_seconds: u32,
    /// TLS.
    pub tls: TlsConfig,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            max_connections: 10_000,
            request_timeout_seconds: 30,
            cors_origins: Vec::new(),
            cookie_origins: Vec::new(),
            cookie_same_site: SameSite::Lax,
            trusted_proxies: Vec::new(),
            drain_seconds: 20,
            tls: TlsConfig::default(),
        }
    }
}

/// Threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RuntimeConfig {
    /// Threads for async work; 0: one for each core.
    pub worker_threads: u32,
    /// Threads for blocking work (hashing, files).
    pub blocking_threads: u32,
    /// Calls under way at the same time through the C ABI.
    pub max_in_flight: u32,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            worker_threads: 0,
            blocking_threads: 16,
            max_in_flight: 1024,
        }
    }
}

/// Logging.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// What is logged, as a `tracing` filter (`info`, `wisdom_server=debug,info`, `off`).
    pub level: String,
    /// Whether each request is logged.
    pub requests: bool,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            requests: true,
        }
    }
}
