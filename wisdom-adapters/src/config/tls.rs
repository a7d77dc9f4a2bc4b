//! TLS of the server itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Whether clients may show certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// None is asked for.
    Off,
    /// One is asked for, and whoever has none goes on without. It says who a service client is (RFC 8705), and nothing
    /// else.
    Optional,
}

/// TLS of the server itself: on where `certificate` and `key` are set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// A PEM file of the certificate and what leads to its issuer, the server's own first (below `data_dir` unless
    /// absolute).
    pub certificate: Option<String>,
    /// The certificate's private key in PEM, as `file:PATH` or `env:NAME`.
    pub key: Option<String>,
    /// Whether clients may show certificates.
    pub client_certificates: ClientCertificates,
    /// Certificate and key are looked at again after this many seconds, 1 to 86400.
    pub reload_seconds: u32,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            certificate: None,
            key: None,
            client_certificates: ClientCertificates::Off,
            reload_seconds: 60,
        }
    }
}

impl TlsConfig {
    /// Certificate and key need each other, and clients' certificates need both.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let (lacking, there) = match (&self.certificate, &self.key) {
            (Some(_), None) => ("key", "certificate"),
            (None, Some(_)) => ("certificate", "key"),
            (None, None) if self.client_certificates != ClientCertificates::Off => {
                ("certificate", "client_certificates")
            }
            _ => return Ok(()),
        };
        Err(ConfigError::Value {
            key: format!("server.tls.{lacking}"),
            rule: format!("must be set, as `server.tls.{there}` is"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Format};

    #[test]
    fn certificate_and_key_need_each_other() {
        let read = |text: &str| Config::from_text(text, Format::Toml).map_err(|error| error.to_string());
        assert_eq!(read("").unwrap().server.tls, TlsConfig::default());
        read("server.tls = { certificate = 'a.pem', key = 'file:b.pem' }").unwrap();
        assert_eq!(
            read("server.tls.certificate = 'a.pem'").unwrap_err(),
            "`server.tls.key` must be set, as `server.tls.certificate` is"
        );
        assert_eq!(
            read("server.tls.client_certificates = 'optional'").unwrap_err(),
            "`server.tls.certificate` must be set, as `server.tls.client_certificates` is"
        );
        assert_eq!(
            read("server.tls.key = 'file:b.pem'").unwrap_err(),
            "`server.tls.certificate` must be set, as `server.tls.key` is"
        );
    }
}
