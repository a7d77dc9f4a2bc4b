//! As much of a browser as a sign-in at the real provider takes: cookies, redirects and its two forms.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use url::Url;

use super::CALLBACK;

#[derive(Debug)]
pub(super) struct Browser {
    client: reqwest::Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    #[expect(clippy::disallowed_methods, reason = "it stands for a person's browser")]
    pub(super) fn new() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build();
        Self {
            client: client.unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> reqwest::Response {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let response = request.header(COOKIE, cookies.join("; ")).send().await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    /// Signs in at the provider as `login`, agrees to everything, and answers the address the provider sends back to.
    pub(super) async fn sign_in(&mut self, start: &Url, login: &str) -> Url {
        let mut next = start.clone();
        for _ in 0..12 {
            if next.as_str().starts_with(CALLBACK) {
                return next;
            }
            let response = self.send(self.client.get(next.clone())).await;
            let response = if response.status().is_success() {
                let page = response.text().await.unwrap();
                let form = if page.contains(r#"value="login""#) {
                    format!("prompt=login&login={login}&password=any")
                } else {
                    "prompt=consent".to_owned()
                };
                let post = self.client.post(next.clone()).body(form);
                self.send(post.header("content-type", "application/x-www-form-urlencoded"))
                    .await
            } else {
                response
            };
            let status = response.status();
            let Some(location) = response.headers().get(LOCATION) else {
                panic!("{next}: {status} {}", response.text().await.unwrap());
            };
            next = next.join(location.to_str().unwrap()).unwrap();
        }
        panic!("the provider never sent the browser back: {next}");
    }
}
