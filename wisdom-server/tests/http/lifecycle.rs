//! Starting, starting again, and stopping.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{PASSWORD, Setup, eventually, on_both, program};

on_both! {
    a_second_start_keeps_everything;
}

async fn a_second_start_keeps_everything(setup: Setup) {
    let mut server = setup.start().await;
    let ada = server.founder("ada").await;
    let keys = server
        .call(Method::GET, "/.well-known/jwks.json")
        .send()
        .await
        .expect(200)
        .body;
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    server.signal("TERM");
    assert_eq!(server.ended().await, Some(0));

    for entry in std::fs::read_dir(setup.data().join("keys")).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{}",
            entry.path().display()
        );
    }

    let server = setup.start().await;
    assert_eq!(
        server
            .call(Method::GET, "/.well-known/jwks.json")
            .send()
            .await
            .body,
        keys
    );
    let me = server.get("/v1/me", &ada.access).await.expect(200);
    let tenants = server.get("/v1/tenants", &ada.access).await.expect(200);
    assert_eq!(tenants.body["items"][0]["tenant"]["id"], ada.tenant);
    let refreshed = server
        .post_public("/v1/auth/refresh", &json!({ "refresh_token": ada.refresh }))
        .await
        .expect(200);
    assert_eq!(refreshed.body["user"], me.body["user"]);
    server.log_in(&ada.email).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_says_so_first_and_lets_running_requests_end() {
    let setup = Setup::sqlite();
    let mut server = setup.start().await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD }).to_string();
    let (first, rest) = body.split_at(10);
    let mut slow = TcpStream::connect(server.address()).await.unwrap();
    let head = format!(
        "POST /v1/auth/log-in HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{first}",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.signal("TERM");
    eventually("readiness to go down", async || {
        let reply = server.call(Method::GET, "/readyz").attempt().await.ok()?;
        (reply.status == 503).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(
        server.call(Method::GET, "/healthz").attempt().await.is_err(),
        "takes connections after its time"
    );
    slow.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 401 ") && answer.contains("credentials"),
        "{answer}"
    );
    assert_eq!(server.ended().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_are_json_and_hold_no_secret() {
    let setup = Setup::sqlite().set("log.level", "trace");
    let mut server = setup.start().await;
    let ada = server.founder("ada").await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    server
        .call(Method::GET, "/v1/me")
        .token(&ada.access)
        .header("traceparent", trace)
        .send()
        .await
        .expect(200);
    server
        .call(Method::GET, "/v1/me")
        .header("x-nasty", "\u{1b}[31m")
        .attempt()
        .await
        .ok();
    server.signal("TERM");
    server.ended().await;
    let log = std::fs::read_to_string(&server.log).unwrap();
    let mut traced = 0;
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for name in ["timestamp", "level", "service", "message"] {
            assert!(line[name].is_string(), "{line}");
        }
        assert!(line["context"].is_object(), "{line}");
        traced += usize::from(line["trace_id"] == "0af7651916cd43dd8448eb211c80319c");
    }
    assert!(traced > 0, "no line of the traced request");
    for secret in [PASSWORD, ada.access.as_str(), ada.refresh.as_str()] {
        assert!(!log.contains(secret), "a secret is in the log");
    }
    assert!(!log.contains('\u{1b}'));
}

#[test]
fn what_is_misconfigured_is_said_in_one_line() {
    for (arguments, expected) in [
        (
            &["config", "check", "--set", "storage.ulr=x"][..],
            "unknown key `storage.ulr`; did you mean `url`?",
        ),
        (
            &["--set", "auth.access_token_seconds=3600"],
            "`auth.access_token_seconds` must be 60 to 900",
        ),
        (&["--config", "/no/such/file.toml"], "/no/such/file.toml"),
        (
            &["--database", "mysql://x", "--data-dir", "/tmp/wisdom-no-such"],
            "storage.url",
        ),
        (
            &["config", "check", "--set", "server.cors_origins=x,y"],
            "server.cors_origins",
        ),
    ] {
        let output = program().args(arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert_eq!(text.trim_end().lines().count(), 1, "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn the_configuration_is_shown_without_passwords() {
    let output = program()
        .args([
            "config",
            "show",
            "--database",
            "postgres://wisdom:hunter2@db.example/wisdom",
        ])
        .env("WISDOM_AUTH__ACCESS_TOKEN_SECONDS", "300")
        .output()
        .unwrap();
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["storage"]["url"], "postgres://wisdom:***@db.example/wisdom");
    assert_eq!(shown["auth"]["access_token_seconds"], 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_keys_are_rotated_while_it_runs() {
    let setup = Setup::sqlite();
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let output = setup.command().args(["keys", "rotate"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    eventually("the new key", async || {
        let keys = server
            .call(Method::GET, "/.well-known/jwks.json")
            .send()
            .await
            .expect(200)
            .body;
        (keys["keys"].as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    server.get("/v1/me", &ada.access).await.expect(200);
}
