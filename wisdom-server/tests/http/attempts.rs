//! Guessing over HTTP: slowed down for known and unknown addresses alike, and never for a known device.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{PASSWORD, Reply, Server, Setup, on_both};

on_both! {
    guessing_is_slowed_and_a_known_device_is_not;
}

async fn guess(server: &Server, email: &str, password: &str, device: Option<&str>) -> Reply {
    let mut body = json!({ "email": email, "password": password });
    if let Some(device) = device {
        body["device_token"] = Value::from(device);
    }
    server.post_public("/v1/auth/log-in", &body).await
}

async fn guessing_is_slowed_and_a_known_device_is_not(setup: Setup) {
    // Long enough that a slow machine does not sit it out.
    let setup = setup.set("auth.attempts.first_pause_seconds", "60");
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let body = json!({ "email": ada.email, "password": PASSWORD, "remember_device": true });
    let remembered = server.post_public("/v1/auth/log-in", &body).await.expect(200);
    let device = remembered.text("device_token");
    let mut answers = Vec::new();
    for email in [ada.email.as_str(), "nobody@example.com"] {
        for _ in 0..5 {
            let refused = guess(&server, email, "not it at all, sorry", None)
                .await
                .expect(401);
            assert_eq!(refused.code(), "credentials.invalid");
        }
        let refused = guess(&server, email, PASSWORD, None).await.expect(429);
        assert_eq!(refused.code(), "rate_limited");
        let after: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&after), "{after}");
        let names: Vec<String> = refused.headers.keys().map(ToString::to_string).collect();
        answers.push((
            names,
            refused.body["detail"].clone(),
            refused.body["title"].clone(),
        ));
    }
    assert_eq!(answers[0], answers[1], "nothing tells who has an account");
    guess(&server, &ada.email, PASSWORD, Some("wdv_invented"))
        .await
        .expect(429);
    guess(&server, &ada.email, PASSWORD, Some(&device))
        .await
        .expect(200);
    guess(&server, &ada.email, PASSWORD, None).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_one_text_that_names_one_mailbox() {
    let server = Setup::sqlite().start().await;
    for email in [
        json!(["a@example.com", "b@example.com"]),
        json!({ "a@example.com": "b@example.com" }),
        json!("a@example.com,b@example.com"),
        json!("a@example.com b@example.com"),
        json!("a@example.com%0aBcc:b@example.com"),
        json!("a@example.com\nBcc: b@example.com"),
        json!("<a@example.com>"),
    ] {
        let body = json!({ "email": email, "password": PASSWORD, "display_name": "X", "tenant_name": "X" });
        server.post_public("/v1/auth/sign-up", &body).await.expect(400);
        let body = json!({ "email": email, "password": PASSWORD });
        server.post_public("/v1/auth/log-in", &body).await.expect(400);
    }
    let twice = format!(r#"{{"email":"a@example.com","email":"b@example.com","password":"{PASSWORD}"}}"#);
    server
        .call(Method::POST, "/v1/auth/log-in")
        .raw("application/json", twice.into_bytes())
        .send()
        .await
        .expect(400);
    let ada = server.founder("ada").await;
    for form in ["ADA@example.com", "ada@EXAMPLE.com", "\u{ff21}da@example.com"] {
        let body = json!({ "email": form, "password": PASSWORD });
        server.post_public("/v1/auth/log-in", &body).await.expect(200);
    }
    assert_eq!(ada.email, "ada@example.com");
}
