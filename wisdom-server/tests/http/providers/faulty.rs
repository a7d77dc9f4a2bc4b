//! A provider that does wrong whatever it is told to: an `OpenID` provider and a GitHub server in one.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Begun, with_provider};
use crate::harness::Setup;

/// What it answers, until it is told otherwise.
#[derive(Debug, Clone)]
pub(super) struct Says {
    /// Laid over its description.
    pub(super) description: Value,
    /// The header of the next ID token.
    pub(super) header: Value,
    /// The claims of the next ID token.
    pub(super) claims: Value,
    /// Status and body of the token endpoint, in place of a good answer.
    pub(super) token: Option<(u16, String)>,
    /// What its API knows of the person (GitHub).
    pub(super) user: Value,
    /// The person's addresses (GitHub).
    pub(super) emails: Value,
}

#[derive(Debug)]
struct Inner {
    url: String,
    key: Ed25519KeyPair,
    says: Mutex<Says>,
    asked: Mutex<Vec<String>>,
}

#[derive(Debug, Clone)]
pub(super) struct FaultyProvider(Arc<Inner>);

impl FaultyProvider {
    pub(super) async fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let says = Says {
            description: json!({}),
            header: json!({ "alg": "EdDSA", "kid": "k" }),
            claims: json!({}),
            token: None,
            user: json!({ "id": 7, "login": "ada", "name": "Ada" }),
            emails: json!([{ "email": "ada@example.com", "primary": true, "verified": true }]),
        };
        let provider = Self(Arc::new(Inner {
            url,
            key: Ed25519KeyPair::generate().unwrap(),
            says: Mutex::new(says),
            asked: Mutex::default(),
        }));
        let serving = provider.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let provider = serving.clone();
                let answer = service_fn(move |request: Request<Incoming>| {
                    let provider = provider.clone();
                    async move { Ok::<_, Infallible>(provider.answer(request.uri().path())) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        provider
    }

    pub(super) fn url(&self) -> &str {
        &self.0.url
    }

    /// The server's setup with this provider under a name.
    pub(super) fn known_to(&self, setup: Setup, name: &str) -> Setup {
        with_provider(setup, name, &[("issuer", self.url()), ("client_id", "client")])
    }

    /// How often it was asked for this.
    pub(super) fn asked_for(&self, path: &str) -> usize {
        self.0
            .asked
            .lock()
            .unwrap()
            .iter()
            .filter(|asked| *asked == path)
            .count()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.0.says.lock().unwrap());
    }

    /// From now on its ID tokens are good ones for this attempt, about this person.
    pub(super) fn vouch(&self, begun: &Begun, subject: &str, email: &str) {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let claims = json!({
            "iss": self.url(), "aud": "client", "sub": subject, "nonce": begun.parameter("nonce"),
            "iat": now, "exp": now + 300, "email": email, "email_verified": true, "name": subject,
        });
        self.change(|says| says.claims = claims);
    }

    fn answer(&self, path: &str) -> Response<Full<Bytes>> {
        self.0.asked.lock().unwrap().push(path.to_owned());
        let says = self.0.says.lock().unwrap().clone();
        let (status, body) = match path {
            "/.well-known/openid-configuration" => (200, self.description(&says).to_string()),
            "/jwks" => (200, self.keys().to_string()),
            "/token" | "/login/oauth/access_token" => {
                says.token.clone().unwrap_or_else(|| (200, self.grant(&says)))
            }
            "/api/v3/user" => (200, says.user.to_string()),
            "/api/v3/user/emails" => (200, says.emails.to_string()),
            _ => (404, String::new()),
        };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status.try_into().unwrap();
        if (300..400).contains(&status) {
            let location = format!("{}/elsewhere", self.url());
            response
                .headers_mut()
                .insert("location", location.parse().unwrap());
        }
        response
    }

    fn description(&self, says: &Says) -> Value {
        let at = |path: &str| format!("{}{path}", self.url());
        let mut description = json!({
            "issuer": self.url(), "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"), "jwks_uri": at("/jwks"),
        });
        for (name, value) in says.description.as_object().unwrap() {
            description[name] = value.clone();
        }
        description
    }

    fn keys(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.0.key.public_key().as_ref());
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x }] })
    }

    fn grant(&self, says: &Says) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&says.header), part(&says.claims));
        let signature = URL_SAFE_NO_PAD.encode(self.0.key.sign(message.as_bytes()).as_ref());
        let id_token = format!("{message}.{signature}");
        json!({ "access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": id_token })
            .to_string()
    }
}
