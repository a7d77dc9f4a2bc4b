//! The ports of an assembly, each opened from its URL.

use std::path::Path;
use std::sync::Arc;

use url::Url;
use wisdom_core::port::blob::BlobStore;
use wisdom_core::port::cache::Cache;
use wisdom_core::port::crm::Crm;
use wisdom_core::port::email::EmailSender;
use wisdom_core::port::http_client::HttpClient;
use wisdom_core::port::payments::Payments;
use wisdom_core::port::rate_limit::RateLimit;
use wisdom_core::port::sms::SmsSender;
use wisdom_core::port::{PortError, PortErrorKind};
use wisdom_core::random::SecureRandomExt as _;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Kit;

use super::OpenError;
use crate::blob::{LocalBlobs, MemoryBlobs};
use crate::cache::MokaCache;
use crate::config::{Config, resolve, resolve_text};
use crate::crm::LogCrm;
use crate::email::{MemorySender, OutboxSender};
use crate::event_stream::InProcessStream;
use crate::http::ReqwestClient;
use crate::payments::FakePayments;
use crate::rate_limit::LocalRateLimit;
use crate::sms::LogSms;

/// Events kept for slow subscribers of the in-process stream.
const STREAM_BUFFER: usize = 1024;

/// The outside world of an assembly. Each can be replaced before [`WisdomBuilder::build`](super::WisdomBuilder::build).
#[derive(Debug, Clone)]
pub struct Ports {
    /// Outgoing HTTP.
    pub http: Arc<dyn HttpClient>,
    /// Cache.
    pub cache: Arc<dyn Cache>,
    /// Rate limiter.
    pub rate_limit: Arc<dyn RateLimit>,
    /// E-mail.
    pub email: Arc<dyn EmailSender>,
    /// SMS.
    pub sms: Arc<dyn SmsSender>,
    /// CRM.
    pub crm: Arc<dyn Crm>,
    /// Payments.
    pub payments: Arc<dyn Payments>,
    /// Files.
    pub blobs: Arc<dyn BlobStore>,
    /// The stream of events, for subscribers in this process.
    pub stream: Arc<InProcessStream>,
}

impl Ports {
    /// Opens every port as configured.
    ///
    /// # Errors
    /// [`OpenError::Port`] that names the configuration key.
    pub fn open(config: &Config, kit: &Kit) -> Result<Self, OpenError> {
        let http: Arc<dyn HttpClient> = Arc::new(ReqwestClient::new().map_err(named("http"))?);
        let dir = &config.data_dir;
        Ok(Self {
            cache: cache(&address("cache.url", &config.cache.url, dir)?).map_err(named("cache.url"))?,
            rate_limit: rate_limit(&address("rate_limit.url", &config.rate_limit.url, dir)?)
                .map_err(named("rate_limit.url"))?,
            email: email(&address("email.url", &config.email.url, dir)?, kit).map_err(named("email.url"))?,
            sms: sms(&address("sms.url", &config.sms.url, dir)?).map_err(named("sms.url"))?,
            crm: crm(&address("crm.url", &config.crm.url, dir)?, &http).map_err(named("crm.url"))?,
            payments: payments(&address("payments.url", &config.payments.url, dir)?, kit, &http)
                .map_err(named("payments.url"))?,
            blobs: blobs(&address("blob.url", &config.blob.url, dir)?, kit).map_err(named("blob.url"))?,
            stream: Arc::new(InProcessStream::new(STREAM_BUFFER)),
            http,
        })
    }
}

fn named(key: &'static str) -> impl Fn(PortError) -> OpenError {
    move |source| OpenError::Port { key, source }
}

/// A configured URL. References are resolved; relative folders lie below the data folder. `file:///…` is a folder,
/// and no reference to a secret.
fn address(key: &'static str, text: &str, data_dir: &Path) -> Result<Url, OpenError> {
    let text = if text.starts_with("file:///") {
        SecretText::from(text.to_owned())
    } else {
        resolve_text(text).map_err(|source| OpenError::Secret { key, source })?
    };
    let text = text.expose();
    let relative = ["outbox:", "blobs:"]
        .into_iter()
        .find_map(|scheme| text.strip_prefix(scheme).map(|path| (scheme, path)))
        .filter(|(_, path)| !path.is_empty() && !Path::new(path).is_absolute());
    let full = match relative {
        Some((scheme, path)) => {
            let folder = std::path::absolute(data_dir.join(path)).map_err(|source| OpenError::Folder {
                path: data_dir.to_owned(),
                source,
            })?;
            Url::parse(&format!("{scheme}{}", folder.display()))
        }
        None => Url::parse(text),
    };
    full.map_err(|_| OpenError::Port {
        key,
        source: PortError::new("config", "open", PortErrorKind::Invalid).with_source("not a URL"),
    })
}

fn secrets(reference: &str) -> Result<SecretText, PortError> {
    resolve(reference).map_err(|e| PortError::new("config", "secret", PortErrorKind::Invalid).with_source(e))
}

fn unknown(port: &'static str, known: &'static str) -> PortError {
    let why = format!("unknown scheme, or an adapter that was not compiled in; known: {known}");
    PortError::new(port, "open", PortErrorKind::Invalid).with_source(why)
}

fn cache(url: &Url) -> Result<Arc<dyn Cache>, PortError> {
    match url.scheme() {
        "moka" => Ok(Arc::new(MokaCache::from_url(url)?)),
        _ => Err(unknown("cache", "moka:")),
    }
}

fn rate_limit(url: &Url) -> Result<Arc<dyn RateLimit>, PortError> {
    match url.scheme() {
        "local" => Ok(Arc::new(LocalRateLimit::from_url(url)?)),
        _ => Err(unknown("rate_limit", "local:")),
    }
}

fn email(url: &Url, kit: &Kit) -> Result<Arc<dyn EmailSender>, PortError> {
    match url.scheme() {
        "outbox" | "file" => Ok(Arc::new(OutboxSender::from_url(url, Arc::clone(&kit.clock))?)),
        #[cfg(feature = "email-smtp")]
        "smtp" | "smtps" => Ok(Arc::new(crate::email::SmtpSender::from_url(
            url,
            &secrets,
            Arc::clone(&kit.clock),
        )?)),
        "memory" => Ok(Arc::new(MemorySender::new(Arc::clone(&kit.clock)))),
        _ => Err(unknown("email", "outbox:, file:///, smtp://, smtps://, memory:")),
    }
}

fn sms(url: &Url) -> Result<Arc<dyn SmsSender>, PortError> {
    match url.scheme() {
        "log" => Ok(Arc::new(LogSms::new())),
        _ => Err(unknown("sms", "log:")),
    }
}

fn crm(url: &Url, http: &Arc<dyn HttpClient>) -> Result<Arc<dyn Crm>, PortError> {
    match url.scheme() {
        "log" => Ok(Arc::new(LogCrm::new())),
        #[cfg(feature = "crm-hubspot")]
        "hubspot" => {
            let http = Arc::clone(http);
            Ok(Arc::new(crate::crm::hubspot::HubSpotCrm::from_url(
                url, &secrets, http,
            )?))
        }
        _ => Err(unknown("crm", "log:, hubspot:")),
    }
}

fn payments(url: &Url, kit: &Kit, http: &Arc<dyn HttpClient>) -> Result<Arc<dyn Payments>, PortError> {
    match url.scheme() {
        "fake" => {
            let failed = |e| PortError::new("payments", "open", PortErrorKind::Internal).with_source(e);
            let secret = kit.random.token_base62(32).map_err(failed)?;
            Ok(Arc::new(FakePayments::new(SecretText::from(format!(
                "whsec_{secret}"
            )))?))
        }
        #[cfg(feature = "payments-stripe")]
        "stripe" => {
            let http = Arc::clone(http);
            Ok(Arc::new(crate::payments::stripe::StripePayments::from_url(
                url, &secrets, http,
            )?))
        }
        _ => Err(unknown("payments", "fake:, stripe:")),
    }
}

fn blobs(url: &Url, kit: &Kit) -> Result<Arc<dyn BlobStore>, PortError> {
    match url.scheme() {
        "blobs" | "file" => Ok(Arc::new(LocalBlobs::from_url(url)?)),
        "memory" => Ok(Arc::new(MemoryBlobs::new(Arc::clone(&kit.clock)))),
        _ => Err(unknown("blob", "blobs:, file:///, memory:")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_addresses_and_references_are_followed() {
        let read = |text: &str| address("blob.url", text, Path::new("/data")).map(|url| url.to_string());
        assert_eq!(read("file:///var/files").unwrap(), "file:///var/files");
        assert_eq!(read("blobs:files").unwrap(), "blobs:/data/files");
        assert!(matches!(
            read("file:/no/such/secret"),
            Err(OpenError::Secret { key: "blob.url", .. })
        ));
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("url");
        std::fs::write(&secret, "memory:\n").unwrap();
        assert_eq!(read(&format!("file:{}", secret.display())).unwrap(), "memory:");
    }
}
