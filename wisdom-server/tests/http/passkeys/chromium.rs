//! The whole way in a browser that nobody here wrote: headless Chromium with its virtual authenticator, on a page of
//! another origin than the service's.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;
use wisdom_adapters::testkit::{Unavailable, require_or_skip};

use crate::harness::Setup;

const PAGE: &str = include_str!("page.html");

#[expect(
    clippy::disallowed_methods,
    reason = "the test script says which browser it found"
)]
async fn chromium() -> Result<String, Unavailable> {
    let named = std::env::var("WISDOM_TEST_CHROMIUM").ok();
    let program = named.filter(|name| !name.is_empty());
    let program = program.unwrap_or_else(|| "chromium".to_owned());
    let missing = |reason: String| Unavailable {
        service: "Chromium",
        reason,
        remedy: "apt-get install chromium nodejs, or set WISDOM_TEST_CHROMIUM",
    };
    for program in [program.as_str(), "node"] {
        match Command::new(program).arg("--version").output().await {
            Ok(output) if output.status.success() => {}
            _ => return Err(missing(format!("there is no {program}"))),
        }
    }
    Ok(program)
}

/// Serves the page to whoever asks, whatever they ask for.
async fn serve(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{PAGE}",
            PAGE.len()
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_makes_a_passkey_and_signs_in_with_it() {
    let program = require_or_skip!(chromium().await.map_err(Into::into));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let page = tokio::spawn(serve(listener));
    let setup = Setup::sqlite()
        .set("app_url", &origin)
        .set("server.cors_origins", &origin);
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let profile = tempfile::tempdir().unwrap();
    let browser = Command::new("node")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/http/passkeys/chromium.mjs"
        ))
        .args([&program, &origin, &server.url, &ada.access])
        .arg(profile.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(Duration::from_secs(50), browser)
        .await
        .expect("the browser does not end")
        .unwrap();
    page.abort();
    assert!(output.status.success(), "{output:?}");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    // What the browser signed in to is what the password signed in to.
    let me = server.get("/v1/me", &ada.access).await.expect(200);
    assert_eq!(seen["user"], me.body["user"]);
    assert_eq!(seen["passkeys"][0]["name"], "Chromium");
    assert_eq!(seen["passkeys"][0]["signs_in_alone"], true);
    assert!(seen["passkeys"][0]["last_used_at"].is_string());
    // The second sign-in, at which the browser's user could not be verified, was none.
    assert_eq!(seen["unverified"], "NotAllowedError");
    assert_eq!(seen["excluded"], "InvalidStateError");
}
