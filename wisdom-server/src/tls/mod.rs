//! TLS of the server itself (RFC 8446, and RFC 5246 with the suites that are still good), by rustls on aws-lc-rs.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use wisdom_adapters::config::{ClientCertificates, Config, SecretRefError};
use wisdom_auth::oauth::certificate::thumbprint;
use wisdom_core::certificate::CertificateThumbprint;

mod client_certificate;
mod pair;

use client_certificate::ProofOfPossession;
use pair::{Pair, Source};

const HTTP2: &[u8] = b"h2";
const HTTP11: &[u8] = b"http/1.1";

/// The server cannot speak TLS as configured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificate's file.
    #[error("`server.tls.certificate`: {path} cannot be read: {cause}")]
    File {
        /// The file.
        path: String,
        /// Why.
        cause: io::Error,
    },
    /// What is in it.
    #[error(
        "`server.tls.certificate`: {0} must hold the server's certificate in PEM, and nothing that is damaged"
    )]
    Certificate(String),
    /// The reference to the key.
    #[error("`server.tls.key`: {0}")]
    KeyReference(#[from] SecretRefError),
    /// What it leads to.
    #[error(
        "`server.tls.key` must be a private key in PEM (PKCS #8, PKCS #1 or SEC 1) that is not encrypted"
    )]
    Key,
    /// Each is good by itself.
    #[error("`server.tls.key` must be the key of the first certificate in `server.tls.certificate`")]
    Mismatch,
    /// A kind of key that is not supported, or a certificate that is none of version 3.
    #[error("`server.tls.certificate` and `server.tls.key` cannot be used: {0}")]
    Unusable(rustls::Error),
    /// rustls and its provider do not fit.
    #[error("TLS cannot be set up: {0}")]
    Protocol(rustls::Error),
}

/// What connections over TLS need.
#[derive(Debug)]
pub struct Tls {
    acceptor: Acceptor,
    pair: Arc<Pair>,
    reload: Duration,
}

/// `TlsAcceptor` says nothing of itself.
struct Acceptor(TlsAcceptor);

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsAcceptor")
    }
}

impl Tls {
    /// As configured; `None` where TLS is not.
    ///
    /// # Errors
    /// [`TlsError`] when certificate or key cannot be read, or do not belong together.
    pub fn open(config: &Config) -> Result<Option<Self>, TlsError> {
        let tls = &config.server.tls;
        let (Some(certificate), Some(key)) = (&tls.certificate, &tls.key) else {
            return Ok(None);
        };
        let source = Source {
            certificate: config.data_path(certificate),
            key: key.clone(),
        };
        let provider = Arc::new(default_provider());
        let pair = Arc::new(Pair::open(source, Arc::clone(&provider))?);
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(TlsError::Protocol)?;
        let asks = tls.client_certificates == ClientCertificates::Optional;
        let builder = if asks {
            builder.with_client_cert_verifier(Arc::new(ProofOfPossession::new(provider)))
        } else {
            builder.with_no_client_auth()
        };
        let mut protocol = builder.with_cert_resolver(Arc::clone(&pair) as _);
        if asks {
            // A session that is taken up again proves nothing anew: whoever shows a certificate signs with its key each time.
            protocol.session_storage = Arc::new(NoServerSessionStorage {});
            protocol.send_tls13_tickets = 0;
        }
        protocol.alpn_protocols = vec![HTTP2.to_vec(), HTTP11.to_vec()];
        Ok(Some(Self {
            acceptor: Acceptor(TlsAcceptor::from(Arc::new(protocol))),
            pair,
            reload: Duration::from_secs(tls.reload_seconds.into()),
        }))
    }

    /// Shakes hands on a connection.
    pub(crate) async fn accept<I>(&self, io: I) -> io::Result<TlsStream<I>>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        self.acceptor.0.accept(io).await
    }

    /// Looks again and again whether certificate and key have changed; never returns.
    pub(crate) async fn renew(&self) {
        loop {
            tokio::time::sleep(self.reload).await;
            let pair = Arc::clone(&self.pair);
            match tokio::task::spawn_blocking(move || pair.look()).await {
                Ok(Ok(false)) | Err(_) => {}
                Ok(Ok(true)) => tracing::info!("a new TLS certificate is in use"),
                Ok(Err(error)) => {
                    tracing::error!(%error, "the new TLS certificate is not used; the one before stays");
                }
            }
        }
    }
}

/// Whether client and server agreed on HTTP/2 (RFC 9113, section 3.3). Who names no protocol speaks HTTP/1.1.
pub(crate) fn speaks_http2<I>(stream: &TlsStream<I>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

/// The certificate whose key the client has proven to hold, if it showed one.
pub(crate) fn client_certificate<I>(stream: &TlsStream<I>) -> Option<CertificateThumbprint> {
    let shown = stream.get_ref().1.peer_certificates()?;
    shown.first().map(|certificate| thumbprint(certificate))
}
