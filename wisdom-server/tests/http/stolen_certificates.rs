//! Certificates in the hands of others: without the key they are worth nothing.

use std::sync::Arc;
use std::time::Duration;

use rcgen::CertificateParams;
use reqwest::Method;
use rustls::client::ResolvesClientCert;
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_supported_type};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::harness::{Server, Setup};
use crate::mutual_tls::{good, now, shown, started};
use crate::tls::Files;

/// Shows a certificate whatever the key.
#[derive(Debug)]
struct Stolen(Arc<CertifiedKey>);

impl ResolvesClientCert for Stolen {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// What comes back on a connection on which this certificate is shown and signed for with this key.
async fn answer(
    files: &Files,
    server: &Server,
    version: &'static SupportedProtocolVersion,
    certificate: &str,
    key: &str,
) -> std::io::Result<String> {
    let trusted = std::fs::read(files.certificate()).unwrap();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&trusted).unwrap())
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let certified = CertifiedKey::new(chain, any_supported_type(&key).unwrap());
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(Stolen(Arc::new(certified))));
    let stream = TcpStream::connect(server.address()).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_without_its_key_is_worth_nothing() {
    let (files, _setup, server) = started(Setup::sqlite()).await;
    let (mine, thief) = (good(), good());
    let names = (0..400).map(|n| format!("a-rather-long-name-of-a-host-{n}.example"));
    let mut params = CertificateParams::new(names.collect::<Vec<_>>()).unwrap();
    params.not_after = now() + time::Duration::hours(1);
    let large = shown(&params);
    for version in [&TLS12, &TLS13] {
        let good = answer(&files, &server, version, &mine.certificate, &mine.key)
            .await
            .unwrap();
        assert!(good.starts_with("HTTP/1.1 200 OK"), "{good}");
        let stolen = answer(&files, &server, version, &mine.certificate, &thief.key).await;
        assert!(stolen.is_err(), "{stolen:?}");
        let large = answer(&files, &server, version, &large.certificate, &large.key).await;
        assert!(large.is_err(), "{large:?}");
    }
    // Who has none goes on as before.
    let plain = files.client().timeout(Duration::from_secs(10)).build().unwrap();
    let call = server.call_through(&plain, Method::GET, "/healthz");
    call.send().await.expect(200);
}
