//! Configuration: one schema for the server, the C ABI and embedders.
//!
//! A document is TOML or JSON. Unknown keys are errors with a suggestion. Secrets come by reference (`env:NAME`,
//! `file:PATH`), so that a configuration can be logged.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod api_keys;
mod bounds;
mod document;
mod federation;
#[cfg(test)]
mod figures;
mod identity;
mod impersonation;
mod origin;
mod passkeys;
mod secret_ref;

pub use api_keys::ApiKeysConfig;
pub use document::{ConfigError, Document, Format};
pub use federation::{FederationConfig, ProviderConfig, ProviderPreset};
pub use identity::{MailedProofConfig, SecondFactorConfig};
pub use impersonation::ImpersonationConfig;
pub use origin::Origin;
pub use passkeys::PasskeysConfig;
pub use secret_ref::{SecretRefError, resolve, resolve_text};

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

/// How access tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TokenAlgorithm {
    /// Ed25519 (RFC 8037): anybody verifies with the published key.
    EdDSA,
    /// ECDSA on P-256 (RFC 7518): anybody verifies with the published key.
    ES256,
    /// RSA, 2048 bits (RFC 7518): anybody verifies with the published key; signing is slow.
    RS256,
    /// HMAC-SHA256: only the service verifies.
    HS256,
}

/// Identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// `dir:PATH` (the key file lies in it, below `data_dir` unless absolute) or `memory:` (new keys at each start).
    pub keys: String,
    /// Which algorithm new signing keys are made for.
    pub algorithm: TokenAlgorithm,
    /// When signing keys follow each other.
    pub key_rotation: KeyRotationConfig,
    /// `aud` of access tokens.
    pub audience: String,
    /// Life of access tokens, in seconds, 60 to 900.
    pub access_token_seconds: u32,
    /// A session ends after this many seconds without refresh.
    pub session_idle_seconds: u32,
    /// A session ends after this many seconds whatever happens.
    pub session_absolute_seconds: u32,
    /// A spent refresh token is answered again for this many seconds (parallel tabs), 0 to 60; 0 is strict.
    pub refresh_window_seconds: u32,
    /// Passwords.
    pub password: PasswordConfig,
    /// Proofs that are mailed.
    pub mailed_proof: MailedProofConfig,
    /// Second factors.
    pub second_factor: SecondFactorConfig,
    /// How often credentials may be tried.
    pub attempts: AttemptsConfig,
    /// Signing in with providers.
    pub federation: FederationConfig,
    /// The providers, by name.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// API keys.
    pub api_keys: ApiKeysConfig,
    /// Operators who act for users.
    pub impersonation: ImpersonationConfig,
    /// Passkeys.
    pub passkeys: PasskeysConfig,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            keys: "dir:keys".to_owned(),
            algorithm: TokenAlgorithm::EdDSA,
            key_rotation: KeyRotationConfig::default(),
            audience: "wisdom".to_owned(),
            access_token_seconds: 600,
            session_idle_seconds: 14 * 24 * 3600,
            session_absolute_seconds: 90 * 24 * 3600,
            refresh_window_seconds: 10,
            password: PasswordConfig::default(),
            mailed_proof: MailedProofConfig::default(),
            second_factor: SecondFactorConfig::default(),
            api_keys: ApiKeysConfig::default(),
            impersonation: ImpersonationConfig::default(),
            passkeys: PasskeysConfig::default(),
            attempts: AttemptsConfig::default(),
            federation: FederationConfig::default(),
            providers: BTreeMap::new(),
        }
    }
}

/// How often credentials may be tried: only failures count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AttemptsConfig {
    /// Failures in a row of one account that the first pause follows, 1 to 10.
    pub pause_from: u32,
    /// The first pause in seconds, 1 to 60; each next one is twice as long.
    pub first_pause_seconds: u32,
    /// The longest pause in seconds, 60 to 86400.
    pub longest_pause_seconds: u32,
    /// Failures in a row of one account at most, over all doors, 20 to 100.
    pub most: u32,
    /// Failures from one source that come back within the window, 1 to 100000.
    pub per_source: u32,
    /// That window in seconds, 1 to 86400.
    pub source_window_seconds: u32,
}

impl Default for AttemptsConfig {
    fn default() -> Self {
        Self {
            pause_from: 5,
            first_pause_seconds: 1,
            longest_pause_seconds: 900,
            most: 100,
            per_source: 60,
            source_window_seconds: 900,
        }
    }
}

/// When signing keys follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeyRotationConfig {
    /// A key gets a successor after this many days, 0 to 366; 0: only by `keys rotate`.
    pub days: u32,
    /// A new key is published for this many seconds before it signs, 90 to 86400.
    pub announce_seconds: u32,
}

impl Default for KeyRotationConfig {
    fn default() -> Self {
        Self {
            days: 90,
            announce_seconds: 900,
        }
    }
}

/// Passwords: argon2id (RFC 9106) with OWASP's parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordConfig {
    /// Memory of one hash in KiB, 7168 to 262144.
    pub memory_kib: u32,
    /// Passes, 1 to 16.
    pub passes: u32,
    /// Lanes, 1 to 4.
    pub lanes: u32,
    /// Shortest password in characters, 15 to 64; from 8 where `second_factor.required`.
    pub min_length: u32,
    /// Hashes computed at the same time; 0: one for each core.
    pub permits: u32,
    /// Hashes that wait; beyond, the answer is 503.
    pub queue: u32,
    /// A file of passwords that are refused, one a line (below `data_dir` unless absolute), beside what is built in.
    pub blocklist_file: Option<String>,
    /// Earlier passwords that must not come back, 0 to 10.
    pub history: u32,
    /// Words of the service's own, such as the product's name, that must not be the password.
    pub context_words: Vec<String>,
    /// Keys that passwords go through before they are hashed, each as `ID=REFERENCE`. The first is for new hashes, the
    /// others are still verified with. Empty: none.
    pub pepper: Vec<String>,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        Self {
            memory_kib: 19_456,
            passes: 2,
            lanes: 1,
            min_length: 15,
            permits: 0,
            queue: 64,
            blocklist_file: None,
            history: 0,
            context_words: Vec::new(),
            pepper: Vec::new(),
        }
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
