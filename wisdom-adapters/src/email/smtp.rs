//! Mails over SMTP.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::response::Response;
use lettre::transport::smtp::{Error as SmtpError, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use tokio::sync::Semaphore;
use url::{Host, Url};
use wisdom_core::clock::Clock;
use wisdom_core::port::email::{EmailMessage, EmailReceipt, EmailSender};
use wisdom_core::port::{PortError, PortErrorKind};
use wisdom_core::secret::SecretText;

use super::compose::compose;

const PORT: &str = "email";
/// For one step of the dialogue.
const STEP_TIMEOUT: Duration = Duration::from_secs(15);
/// For all steps of one message.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_CONNECTIONS: u32 = 4;

/// Hands messages to an SMTP server, over at most four connections.
///
/// `smtps:` speaks TLS from the first byte (port 465), `smtp:` by STARTTLS (port 587), which the server must offer.
/// Only to a server on this machine (`localhost`, a loopback address) `smtp:` is spoken in the clear.
pub struct SmtpSender {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    connections: Semaphore,
    clock: Arc<dyn Clock>,
    shown: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    FromTheStart,
    StartTls,
    None,
}

impl SmtpSender {
    /// Opens `smtps://host:465?user=mailer&password=env:SMTP_PASSWORD` or `smtp://host:587?…`.
    ///
    /// The password is a reference that `secrets` resolves; a password or user in front of the host is refused, since
    /// URLs end up in logs. User and password may be left out together.
    ///
    /// # Errors
    /// `Invalid` for another scheme, a missing host, an unknown option, or one credential without the other; whatever
    /// `secrets` answers; `Internal` when TLS can't be set up.
    pub fn from_url(
        url: &Url,
        secrets: &dyn Fn(&str) -> Result<SecretText, PortError>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PortError> {
        let (host, encryption) = target(url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid(
                "give ?user= and ?password=env:NAME, no credentials in front of the host",
            ));
        }
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(invalid("an SMTP URL has no path"));
        }
        let (mut user, mut password) = (None, None);
        for (name, value) in url.query_pairs() {
            match &*name {
                "user" => user = Some(value.into_owned()),
                "password" => password = Some(secrets(&value)?),
                _ => {
                    return Err(invalid(&format!(
                        "unknown option {name:?}; known are user and password"
                    )));
                }
            }
        }
        let tls = || TlsParameters::new(host.clone()).map_err(|e| error(e, PortErrorKind::Internal));
        let (tls, default_port) = match encryption {
            Encryption::FromTheStart => (Tls::Wrapper(tls()?), 465),
            Encryption::StartTls => (Tls::Required(tls()?), 587),
            Encryption::None => (Tls::None, 25),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.clone())
            .port(url.port().unwrap_or(default_port))
            .tls(tls)
            .timeout(Some(STEP_TIMEOUT))
            .pool_config(PoolConfig::new().max_size(MAX_CONNECTIONS));
        builder = match (user, password) {
            (None, None) => builder,
            (Some(user), Some(password)) => {
                builder.credentials(Credentials::new(user, password.expose().to_owned()))
            }
            _ => return Err(invalid("user and password go together")),
        };
        Ok(Self {
            transport: builder.build(),
            connections: Semaphore::new(MAX_CONNECTIONS as usize),
            clock,
            shown: format!("{}://{host}", url.scheme()),
        })
    }
}

fn target(url: &Url) -> Result<(String, Encryption), PortError> {
    // `url` knows no defaults for these schemes and leaves their hosts unparsed; an address is recognised here.
    let host = match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() => name.to_ascii_lowercase(),
        Some(Host::Ipv4(ip)) => ip.to_string(),
        Some(Host::Ipv6(ip)) => ip.to_string(),
        _ => return Err(invalid("the URL names no host")),
    };
    let local = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback());
    let encryption = match (url.scheme(), local) {
        ("smtps", _) => Encryption::FromTheStart,
        ("smtp", true) => Encryption::None,
        ("smtp", false) => Encryption::StartTls,
        _ => return Err(invalid("the URL must begin with smtp:// or smtps://")),
    };
    Ok((host, encryption))
}

#[async_trait]
impl EmailSender for SmtpSender {
    async fn send(&self, message: &EmailMessage) -> Result<EmailReceipt, PortError> {
        let wire = compose(message, self.clock.now())?;
        let work = async {
            let _one_of_few = self
                .connections
                .acquire()
                .await
                .map_err(|e| error(e, PortErrorKind::Internal))?;
            self.transport.send(wire).await.map_err(refused)
        };
        let response = tokio::time::timeout(TOTAL_TIMEOUT, work)
            .await
            .map_err(|e| error(e, PortErrorKind::Timeout))??;
        Ok(EmailReceipt {
            reference: reference(message, &response),
        })
    }
}

impl fmt::Debug for SmtpSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SmtpSender").field(&self.shown).finish()
    }
}

/// What the server said, which mostly holds its queue id, without words that hold an address.
fn reference(message: &EmailMessage, response: &Response) -> String {
    let words = response
        .message()
        .flat_map(str::split_whitespace)
        .filter(|word| !word.contains('@'));
    let said: String = words
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    if said.is_empty() {
        message.key.to_string()
    } else {
        said
    }
}

/// The one place where answers of SMTP become answers of the port (RFC 5321, section 4.2; RFC 4954, section 6).
fn refused(source: SmtpError) -> PortError {
    let code = source.status().map(u16::from);
    let kind = match code {
        // Log-in needed, wrong, or too weak.
        Some(530 | 534 | 535 | 538) => PortErrorKind::Unauthorized,
        // Too many connections or messages for now; grey-listing answers 450 and 451.
        Some(421 | 450..=454) => PortErrorKind::Unavailable,
        _ if source.is_transient() => PortErrorKind::Unavailable,
        _ if source.is_permanent() => PortErrorKind::Invalid,
        _ if source.is_timeout() => PortErrorKind::Timeout,
        // No trust in the certificate, or no encryption where it is required.
        _ if source.is_tls() => PortErrorKind::Refused,
        _ if source.is_response() || source.is_client() => PortErrorKind::Protocol,
        _ => PortErrorKind::Unavailable,
    };
    error(source, kind)
}

fn error(source: impl Into<Box<dyn std::error::Error + Send + Sync>>, kind: PortErrorKind) -> PortError {
    PortError::new(PORT, "send", kind).with_source(source)
}

fn invalid(why: &str) -> PortError {
    PortError::new(PORT, "open", PortErrorKind::Invalid).with_source(why)
}

#[cfg(test)]
mod tests;
