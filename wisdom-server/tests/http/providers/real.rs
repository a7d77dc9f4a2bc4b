//! The whole way with npm's `oidc-provider`.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use wisdom_adapters::testkit::{TestkitError, Unavailable, require_or_skip};

use super::browser::Browser;
use super::{Begun, CALLBACK, begin, complete, completion, query, with_provider};
use crate::harness::{Server, Setup, eventually, on_both};

on_both! {
    people_sign_in_with_every_algorithm;
    what_does_not_belong_together_is_refused;
    keys_rotate_and_the_provider_goes_away;
}

/// One running provider; ended when dropped.
#[derive(Debug)]
struct RealProvider {
    child: Child,
    issuer: String,
    modules: PathBuf,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test script says where the packages are"
)]
fn modules() -> Result<PathBuf, TestkitError> {
    let folder = std::env::var("WISDOM_TEST_NODE_MODULES")
        .map(PathBuf::from)
        .unwrap_or_default();
    if folder.join("oidc-provider/lib/index.js").is_file() {
        Ok(folder)
    } else {
        Err(TestkitError::Unavailable(Unavailable {
            service: "oidc-provider",
            reason: format!("it is not in {}", folder.display()),
            remedy: "run ./test.sh, or set WISDOM_TEST_NODE_MODULES",
        }))
    }
}

impl RealProvider {
    async fn start(modules: PathBuf, port: &str, key: &str) -> Self {
        let script = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/http/providers/oidc-provider.mjs"
        );
        let mut child = Command::new("node")
            .arg(script)
            .arg(&modules)
            .args([port, key, CALLBACK])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let issuer = timeout(Duration::from_secs(60), async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some(issuer) = line.strip_prefix("issuer ") {
                    return issuer.to_owned();
                }
            }
            panic!("the provider did not start");
        });
        let issuer = issuer.await.expect("the provider does not start");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self {
            child,
            issuer,
            modules,
        }
    }

    fn port(&self) -> String {
        self.issuer.rsplit(':').next().unwrap().to_owned()
    }

    async fn end(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// The server's setup with this provider, once for each algorithm.
    fn known_to(&self, setup: Setup) -> Setup {
        ["rs256", "ps256", "es256", "eddsa"]
            .iter()
            .fold(setup, |setup, algorithm| {
                let client = format!("client-{algorithm}");
                with_provider(
                    setup,
                    algorithm,
                    &[("issuer", &self.issuer), ("client_id", &client)],
                )
            })
    }
}

/// Goes to the provider, signs in there as `login`, and answers what the application sends afterwards.
async fn come_back(begun: &Begun, login: &str) -> serde_json::Value {
    let back = Browser::new().sign_in(&begun.url, login).await;
    let mut body = completion(begun, &query(&back, "code").unwrap());
    assert_eq!(query(&back, "state").unwrap(), begun.parameter("state"));
    body["iss"] = json!(query(&back, "iss").unwrap());
    body
}

async fn people_sign_in_with_every_algorithm(setup: Setup) {
    let modules = require_or_skip!(modules());
    let provider = RealProvider::start(modules, "0", "k1").await;
    let setup = provider.known_to(setup);
    let server = setup.start().await;
    let providers = server
        .call(reqwest::Method::GET, "/v1/auth/providers")
        .send()
        .await
        .expect(200);
    assert_eq!(providers.body["items"].as_array().unwrap().len(), 4);

    let mut users = Vec::new();
    for algorithm in ["rs256", "ps256", "es256", "eddsa"] {
        let begun = begin(&server, algorithm).await;
        for (name, value) in [("response_type", "code"), ("code_challenge_method", "S256")] {
            assert_eq!(begun.parameter(name), value);
        }
        let body = come_back(&begun, "ada").await;
        let signed_in = complete(&server, algorithm, &body).await.expect(200);
        let me = server
            .get("/v1/me", &signed_in.text("access_token"))
            .await
            .expect(200);
        assert_eq!(signed_in.text("user"), me.text("user"));
        assert_eq!(signed_in.body["new_user"], algorithm == "rs256", "{signed_in:?}");
        users.push(me.text("user"));
        // The same answer a second time is worth nothing.
        let again = complete(&server, algorithm, &body).await.expect(400);
        assert_eq!(again.code(), "provider.attempt_invalid");
    }
    // One issuer and one subject are one person, whichever client asked.
    assert!(users.iter().all(|user| *user == users[0]), "{users:?}");

    let begun = begin(&server, "rs256").await;
    let body = come_back(&begun, "unverified-bob").await;
    let refused = complete(&server, "rs256", &body).await.expect(403);
    assert_eq!(refused.code(), "provider.email_unverified");
}

async fn what_does_not_belong_together_is_refused(setup: Setup) {
    let modules = require_or_skip!(modules());
    let provider = RealProvider::start(modules, "0", "k1").await;
    let setup = provider.known_to(setup);
    let server = setup.start().await;
    let attempt_invalid = async |body: &serde_json::Value, at: &str| {
        let refused = complete(&server, at, body).await.expect(400);
        assert_eq!(refused.code(), "provider.attempt_invalid");
    };
    let refused = async |body: &serde_json::Value, at: &str| {
        let refused = complete(&server, at, body).await.expect(401);
        assert_eq!(refused.code(), "provider.refused");
    };
    let fresh = async || {
        let begun = begin(&server, "rs256").await;
        come_back(&begun, "ada").await
    };
    let other = fresh().await;

    // Another browser has another binding; the attempt is spent by that.
    let mut body = fresh().await;
    let right = body["binding"].clone();
    body["binding"] = other["binding"].clone();
    attempt_invalid(&body, "rs256").await;
    body["binding"] = right;
    attempt_invalid(&body, "rs256").await;
    // No state of ours, and a state of another attempt.
    let mut body = fresh().await;
    body["state"] = json!("x".repeat(43));
    attempt_invalid(&body, "rs256").await;
    body["state"] = other["state"].clone();
    attempt_invalid(&body, "rs256").await;
    // The way back of another provider.
    attempt_invalid(&fresh().await, "es256").await;
    // A code of another attempt: its challenge is not ours.
    let mut body = fresh().await;
    body["code"] = fresh().await["code"].clone();
    refused(&body, "rs256").await;
    // RFC 9207: the answer names its issuer, and the right one.
    let mut body = fresh().await;
    body["iss"] = json!("https://evil.example");
    refused(&body, "rs256").await;
    let mut body = fresh().await;
    body.as_object_mut().unwrap().remove("iss");
    refused(&body, "rs256").await;
    // The person declined.
    let mut body = fresh().await;
    body["error"] = json!("access_denied");
    assert_eq!(
        complete(&server, "rs256", &body).await.expect(401).code(),
        "provider.denied"
    );
    attempt_invalid(&body, "rs256").await;

    // Of 16 that bring the same answer at the same moment, one gets in.
    let body = fresh().await;
    let all = (0..16).map(|_| complete(&server, "rs256", &body));
    let answers = futures_util::future::join_all(all).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 200).count(),
        1,
        "{answers:?}"
    );
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 400).count(),
        15,
        "{answers:?}"
    );
}

async fn keys_rotate_and_the_provider_goes_away(setup: Setup) {
    let modules = require_or_skip!(modules());
    let mut provider = RealProvider::start(modules, "0", "k1").await;
    let setup = provider.known_to(setup);
    let server = setup.start().await;
    let sign_in = async |server: &Server| {
        let begun = begin(server, "eddsa").await;
        let body = come_back(&begun, "ada").await;
        complete(server, "eddsa", &body).await
    };
    sign_in(&server).await.expect(200);

    // The same provider with other keys: they are fetched once ten seconds have passed since the last time.
    provider.end().await;
    let port = provider.port();
    let mut provider = RealProvider::start(provider.modules.clone(), &port, "k2").await;
    let answer = eventually("the new keys", async || {
        let answer = sign_in(&server).await;
        (answer.status != 401).then_some(answer)
    });
    answer.await.expect(200);

    // Away in the middle of a sign-in: the application is told to try again, and nothing is wrong with the server.
    let begun = begin(&server, "eddsa").await;
    let body = come_back(&begun, "ada").await;
    provider.end().await;
    let away = complete(&server, "eddsa", &body).await.expect(503);
    assert_eq!(away.code(), "provider.unavailable");
    assert!(away.headers.contains_key("retry-after"));
}
