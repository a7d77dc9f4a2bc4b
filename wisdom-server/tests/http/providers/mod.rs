//! Signing in with providers: a real one that nobody here wrote, and one that does wrong whatever it is told to.

mod accounts;
mod browser;
mod enterprise;
mod faulty;
mod github;
mod real;
mod refusals;

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use crate::harness::{Reply, Server, Setup};

/// Where the server under test lets providers send browsers back to.
const CALLBACK: &str = "http://127.0.0.1:8080/auth/callback";
const SECRET: &str = "se:cret/with?signs&%+#of-every-kind";

/// The setup with one more provider on this machine.
fn with_provider(setup: Setup, name: &str, settings: &[(&str, &str)]) -> Setup {
    let secret = setup.data().with_file_name("client-secret");
    std::fs::write(&secret, SECRET).unwrap();
    let reference = format!("file:{}", secret.display());
    let key = |of: &str| format!("auth.providers.{name}.{of}");
    let setup = setup
        .set(&key("allow_loopback"), "true")
        .set(&key("client_secret"), &reference)
        .set("auth.throttle.providers_per_source", "100000");
    settings
        .iter()
        .fold(setup, |setup, (of, value)| setup.set(&key(of), value))
}

/// A sign-in that was begun, as the application keeps it.
#[derive(Debug, Clone)]
struct Begun {
    url: Url,
    binding: String,
}

impl Begun {
    fn of(reply: &Reply) -> Self {
        Self {
            url: Url::parse(&reply.text("authorization_url")).unwrap(),
            binding: reply.text("binding"),
        }
    }

    /// A parameter of the address that the browser is sent to.
    fn parameter(&self, name: &str) -> String {
        query(&self.url, name).unwrap_or_else(|| panic!("no {name} in {}", self.url))
    }
}

fn query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

async fn begin(server: &Server, provider: &str) -> Begun {
    let path = format!("/v1/auth/providers/{provider}/begin");
    Begun::of(&server.post_public(&path, &json!({})).await.expect(200))
}

async fn begin_link(server: &Server, provider: &str, access: &str) -> Begun {
    let path = format!("/v1/auth/providers/{provider}/begin-link");
    Begun::of(&server.post(&path, access, &json!({})).await.expect(200))
}

/// What the application sends once the browser is back.
fn completion(begun: &Begun, code: &str) -> Value {
    json!({ "binding": begun.binding, "state": begun.parameter("state"), "code": code })
}

async fn complete(server: &Server, provider: &str, body: &Value) -> Reply {
    server
        .post_public(&format!("/v1/auth/providers/{provider}/complete"), body)
        .await
}

async fn link(server: &Server, provider: &str, access: &str, body: &Value) -> Reply {
    server
        .post(&format!("/v1/auth/providers/{provider}/link"), access, body)
        .await
}

async fn unlink(server: &Server, access: &str, identity: &str) -> Reply {
    let path = format!("/v1/identities/{identity}");
    server.call(Method::DELETE, &path).token(access).send().await
}
