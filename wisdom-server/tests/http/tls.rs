//! TLS of the server itself: what is spoken on the port, what is cut off, and how a certificate is replaced.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use reqwest::{Certificate, Client, ClientBuilder, Version};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Server, Setup, eventually};

/// The files of a server's certificate and key.
#[derive(Debug)]
pub(crate) struct Files {
    dir: TempDir,
}

impl Files {
    /// Those of a new certificate for the loopback address.
    pub(crate) fn new() -> Self {
        let files = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        files.write(&made());
        files
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.dir.path().join("certificate.pem")
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    fn write(&self, made: &CertifiedKey<KeyPair>) {
        std::fs::write(self.certificate(), made.cert.pem()).unwrap();
        std::fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
    }

    /// The setup, over TLS with these files.
    pub(crate) fn on(&self, setup: Setup) -> Setup {
        setup
            .set(
                "server.tls.certificate",
                &self.certificate().display().to_string(),
            )
            .set("server.tls.key", &format!("file:{}", self.key().display()))
            .set("server.tls.reload_seconds", "1")
    }

    /// A client that trusts the certificate that is in the file now, and nothing else.
    pub(crate) fn client(&self) -> ClientBuilder {
        trusting(&self.certificate())
    }
}

fn made() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the client under test is the server's, not ours"
)]
fn trusting(certificate: &Path) -> ClientBuilder {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let pem = std::fs::read(certificate).unwrap();
    Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .tls_certs_only([Certificate::from_pem(&pem).unwrap()])
}

async fn health(client: &Client, server: &Server) -> reqwest::Result<Version> {
    let answer = client.get(format!("{}/healthz", server.url)).send().await?;
    assert_eq!(answer.status(), 200);
    let version = answer.version();
    assert_eq!(answer.text().await?, r#"{"status":"ok"}"#);
    Ok(version)
}

/// The first line of an answer that curl got, or its complaint.
fn curl(args: &[&str]) -> Result<String, String> {
    let out = Command::new("curl")
        .args(["-sS", "-i", "-m", "20"])
        .args(args)
        .output()
        .expect("curl must be installed");
    if !out.status.success() {
        return Err(String::from_utf8_lossy(&out.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&out.stdout);
    Ok(text.lines().next().unwrap_or_default().trim_end().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_of_http_are_spoken_over_tls_and_nothing_without() {
    let files = Files::new();
    let server = files.on(Setup::sqlite()).start().await;
    assert!(server.url.starts_with("https://"), "{}", server.url);

    let client = files.client().build().unwrap();
    assert_eq!(health(&client, &server).await.unwrap(), Version::HTTP_2);
    let client = files.client().http1_only().build().unwrap();
    assert_eq!(health(&client, &server).await.unwrap(), Version::HTTP_11);
    // Somebody else's certificate is not the server's.
    let stranger = Files::new().client().build().unwrap();
    assert!(health(&stranger, &server).await.unwrap_err().is_connect());

    // Clients that nobody here wrote.
    let url = format!("{}/healthz", server.url);
    let trust = files.certificate().display().to_string();
    for (flag, line) in [("--http2", "HTTP/2 200"), ("--http1.1", "HTTP/1.1 200 OK")] {
        for version in ["1.2", "1.3"] {
            let args = ["--cacert", &trust, flag, "--tlsv1.2", "--tls-max", version, &url];
            assert_eq!(curl(&args).unwrap(), line, "{flag} {version}");
        }
    }
    let args = ["--cacert", &trust, "--tlsv1.0", "--tls-max", "1.1"];
    let args = [&args[..], &["--ciphers", "ALL:@SECLEVEL=0", &url]].concat();
    let complaint = curl(&args).unwrap_err();
    assert!(complaint.contains("alert"), "{complaint}");
    curl(&[&url.replace("https:", "http:")]).unwrap_err();
    let mut plain = TcpStream::connect(server.address()).await.unwrap();
    plain
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(5), plain.read_to_end(&mut answer))
        .await
        .unwrap();
    // At most a TLS alert (content type 21), and never an answer of HTTP.
    assert!(answer.first().is_none_or(|kind| *kind == 21), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handshake_is_cut_and_holds_nobody_up() {
    let files = Files::new();
    let server = files.on(Setup::sqlite()).start().await;
    #[expect(clippy::disallowed_methods, reason = "measures the server")]
    let started = Instant::now();
    let mut silent = TcpStream::connect(server.address()).await.unwrap();
    let mut dripping = TcpStream::connect(server.address()).await.unwrap();
    let drip = tokio::spawn(async move {
        // The head of a record that says 512 bytes will follow, and then one of them each second.
        if dripping.write_all(&[22, 3, 1, 2, 0]).await.is_err() {
            return;
        }
        while dripping.write_all(&[1]).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let client = files.client().build().unwrap();
    health(&client, &server).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "others had to wait");
    let end = timeout(Duration::from_secs(20), silent.read(&mut [0; 1])).await;
    assert!(matches!(end, Ok(Ok(0) | Err(_))), "{end:?}");
    assert!(started.elapsed() > Duration::from_secs(9));
    timeout(Duration::from_secs(10), drip)
        .await
        .expect("a dripping handshake goes on")
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_count_as_connections_and_end_with_the_server() {
    let files = Files::new();
    let setup = files.on(Setup::sqlite()).set("server.max_connections", "2");
    let mut server = setup.start().await;
    let first = TcpStream::connect(server.address()).await.unwrap();
    let mut second = TcpStream::connect(server.address()).await.unwrap();
    let client = files.client().timeout(Duration::from_secs(2)).build().unwrap();
    assert!(
        health(&client, &server).await.unwrap_err().is_timeout(),
        "both places are taken"
    );
    drop(first);
    health(&client, &server).await.unwrap();
    server.signal("TERM");
    let end = timeout(Duration::from_secs(8), second.read(&mut [0; 1])).await;
    assert!(matches!(end, Ok(Ok(0) | Err(_))), "{end:?}");
    assert_eq!(server.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_taken_up_and_a_bad_one_is_not() {
    let files = Files::new();
    let server = files.on(Setup::sqlite()).start().await;
    let old = files.client().build().unwrap();
    health(&old, &server).await.unwrap();
    let renewed = made();
    std::fs::write(files.certificate(), renewed.cert.pem()).unwrap();
    eventually("the complaint about a pair that does not match", async || {
        let log = std::fs::read_to_string(&server.log).unwrap();
        log.contains("must be the key of the first certificate")
            .then_some(())
    })
    .await;
    let client = files.client().build().unwrap();
    let refused = health(&client, &server).await;
    assert!(refused.is_err(), "a pair that does not match is in use");
    files.write(&renewed);
    eventually("the new certificate", async || {
        let client = files.client().build().unwrap();
        health(&client, &server).await.ok()
    })
    .await;
    health(&old, &server)
        .await
        .expect("a connection that is open goes on");
}

#[test]
fn a_certificate_that_cannot_be_used_stops_the_start() {
    let files = Files::new();
    std::fs::write(files.key(), made().signing_key.serialize_pem()).unwrap();
    let out = files.on(Setup::sqlite()).command().output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&out.stderr),
        "wisdom-server: `server.tls.key` must be the key of the first certificate in `server.tls.certificate`\n"
    );
}
