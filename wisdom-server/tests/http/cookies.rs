//! Sessions in cookies: for the application's own pages, and worth nothing to any other.

use reqwest::Method;
use reqwest::header::SET_COOKIE;
use serde_json::json;

use crate::harness::{Call, PASSWORD, Reply, Server, Setup, on_both};

const APP: &str = "https://app.example.com";

on_both! {
    a_browser_signs_in_refreshes_and_signs_out;
}

/// What a browser would keep of an answer and send again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Jar {
    access: String,
    refresh: String,
}

impl Jar {
    /// From an answer that sets both, each with all that keeps it where it belongs.
    fn of(reply: &Reply) -> Self {
        let set: Vec<&str> = reply
            .headers
            .get_all(SET_COOKIE)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect();
        let [access, refresh] = set[..] else {
            panic!("two cookies: {set:?}");
        };
        let value = |cookie: &str, name: &str| {
            let (pair, attributes) = cookie.split_once("; ").unwrap();
            let attributes: Vec<&str> = attributes.split("; ").collect();
            for wanted in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
                assert!(attributes.contains(&wanted), "{cookie}");
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
            pair.strip_prefix(name)
                .unwrap()
                .strip_prefix('=')
                .unwrap()
                .to_owned()
        };
        let text = reply.body.to_string();
        let jar = Self {
            access: value(access, "__Host-wisdom_access"),
            refresh: value(refresh, "__Host-wisdom_refresh"),
        };
        for secret in [&jar.access, &jar.refresh] {
            assert!(
                secret.is_empty() || !text.contains(secret.as_str()),
                "scripts can read it: {text}"
            );
        }
        jar
    }

    fn header(&self) -> String {
        format!(
            "theme=dark; __Host-wisdom_access={}; __Host-wisdom_refresh={}",
            self.access, self.refresh
        )
    }

    /// A call as the application's page makes it.
    fn call(&self, server: &Server, method: Method, path: &str) -> Call {
        asking(server, method, path).header("cookie", &self.header())
    }
}

fn asking(server: &Server, method: Method, path: &str) -> Call {
    server
        .call(method, path)
        .header("wisdom-session", "cookie")
        .header("origin", APP)
}

async fn a_browser_signs_in_refreshes_and_signs_out(setup: Setup) {
    let setup = setup
        .set("server.cookie_origins", APP)
        .set("server.cookie_same_site", "Strict");
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let planted = Jar {
        access: "planted".to_owned(),
        refresh: "planted".to_owned(),
    };
    let credentials = json!({ "email": ada.email, "password": PASSWORD });
    let log_in = async || {
        let call = planted
            .call(&server, Method::POST, "/v1/auth/log-in")
            .body(&credentials);
        Jar::of(&call.send().await.expect(200))
    };
    let (first, second) = (log_in().await, log_in().await);
    assert!(first.access != second.access && first.refresh != second.refresh);
    let me = |jar: &Jar| jar.call(&server, Method::GET, "/v1/me").send();
    me(&planted).await.expect(401);
    me(&first).await.expect(200);

    // Cookies alone prove nothing; neither does a page of somebody else.
    let cookies = first.header();
    let bare = server.call(Method::GET, "/v1/me").header("cookie", &cookies);
    bare.send().await.expect(401);
    let tenants = "/v1/tenants";
    for (origin, site) in [
        ("https://evil.example", "cross-site"),
        ("null", "cross-site"),
        ("https://evil.example.com", "same-site"),
        ("", "cross-site"),
        ("", "none"),
        ("", ""),
    ] {
        for method in [Method::GET, Method::POST] {
            let mut call = server
                .call(method, tenants)
                .header("wisdom-session", "cookie")
                .header("cookie", &cookies);
            if !origin.is_empty() {
                call = call.header("origin", origin);
            }
            if !site.is_empty() {
                call = call.header("sec-fetch-site", site);
            }
            let refused = call
                .body(&json!({ "name": "Stolen Works" }))
                .send()
                .await
                .expect(403);
            assert_eq!(refused.code(), "origin.forbidden", "{origin} {site}");
        }
    }
    let form = server
        .call(Method::POST, tenants)
        .header("cookie", &cookies)
        .header("origin", APP)
        .raw("application/x-www-form-urlencoded", b"name=Stolen".to_vec());
    form.send().await.expect(401);
    let listed = first.call(&server, Method::GET, tenants).send().await.expect(200);
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 1);

    // A page of the service itself reads without naming an origin.
    let own = server
        .call(Method::GET, "/v1/me")
        .header("wisdom-session", "cookie")
        .header("sec-fetch-site", "same-origin")
        .header("cookie", &cookies);
    own.send().await.expect(200);

    let refreshed = first
        .call(&server, Method::POST, "/v1/auth/refresh")
        .send()
        .await
        .expect(200);
    let refreshed = Jar::of(&refreshed);
    assert!(refreshed.access != first.access && refreshed.refresh != first.refresh);
    me(&refreshed).await.expect(200);
    let both = first
        .call(&server, Method::POST, "/v1/auth/refresh")
        .body(&json!({ "refresh_token": first.refresh }));
    both.send().await.expect(400);
    asking(&server, Method::POST, "/v1/auth/refresh")
        .send()
        .await
        .expect(401);

    let out = refreshed
        .call(&server, Method::POST, "/v1/auth/log-out")
        .send()
        .await
        .expect(204);
    let cleared = Jar::of(&out);
    assert!(cleared.access.is_empty() && cleared.refresh.is_empty());
    me(&refreshed).await.expect(401);
    me(&second).await.expect(200);

    // Tokens go on working beside.
    server.get("/v1/me", &ada.access).await.expect(200);
    let two = asking(&server, Method::GET, "/v1/me")
        .token(&ada.access)
        .send()
        .await;
    assert_eq!(two.expect(400).code(), "cookies.request");
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_told_which_pages_may_send_cookies() {
    let setup = Setup::sqlite()
        .set("server.cookie_origins", APP)
        .set("server.cors_origins", "https://reader.example.com");
    let server = setup.start().await;
    let preflight = async |origin: &str| {
        let call = server
            .call(Method::OPTIONS, "/v1/me")
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "wisdom-session");
        let headers = call.send().await.headers;
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (
            text("access-control-allow-origin"),
            text("access-control-allow-credentials").is_some(),
        )
    };
    assert_eq!(preflight(APP).await, (Some(APP.to_owned()), true));
    let reader = "https://reader.example.com";
    assert_eq!(preflight(reader).await, (Some(reader.to_owned()), false));
    assert_eq!(preflight("https://evil.example").await, (None, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_configured_pages_there_are_no_cookies() {
    let server = Setup::sqlite().start().await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    let call = asking(&server, Method::POST, "/v1/auth/log-in").body(&body);
    assert_eq!(call.send().await.expect(400).code(), "cookies.off");
}
