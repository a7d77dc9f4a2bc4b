//! Answers that the real provider never gives, each refused.

use serde_json::{Value, json};

use super::faulty::{FaultyProvider, Says};
use super::{begin, complete, completion};
use crate::harness::{Reply, Server, Setup, on_both};

on_both! {
    every_wrong_answer_is_refused;
    every_other_answer_of_an_endpoint_is_refused;
    a_provider_that_is_out_of_order_is_told_from_one_that_lies;
    the_application_is_returned_to_allowed_addresses_only;
}

/// A sign-in at which the provider does as `change` says.
async fn sign_in(server: &Server, provider: &FaultyProvider, change: impl FnOnce(&mut Says)) -> Reply {
    let begun = begin(server, "acme").await;
    provider.vouch(&begun, "ada", "ada@example.com");
    provider.change(change);
    let reply = complete(server, "acme", &completion(&begun, "code")).await;
    provider.change(|says| {
        says.header = json!({ "alg": "EdDSA", "kid": "k" });
        says.token = None;
    });
    reply
}

fn claim(name: &'static str, value: Value) -> impl FnOnce(&mut Says) {
    move |says| says.claims[name] = value
}

fn header(value: Value) -> impl FnOnce(&mut Says) {
    move |says| says.header = value
}

async fn every_wrong_answer_is_refused(setup: Setup) {
    let provider = FaultyProvider::start().await;
    let setup = provider.known_to(setup, "acme");
    let server = setup.start().await;
    sign_in(&server, &provider, |_| ()).await.expect(200);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    for (name, value) in [
        ("nonce", json!("another attempt's")),
        ("nonce", Value::Null),
        ("iss", json!("https://evil.example")),
        ("iss", json!(format!("{}/", provider.url()))),
        ("aud", json!("another-client")),
        ("aud", json!(["client", "another-client"])),
        ("azp", json!("another-client")),
        ("exp", json!(now - 120)),
        ("exp", json!((now + 300).to_string())),
        ("iat", json!(now + 300)),
        ("iat", json!(now - 3600)),
        ("nbf", json!(now + 300)),
        ("sub", json!("")),
        ("sub", json!(["ada"])),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
    ] {
        let what = format!("{name} {value}");
        let reply = sign_in(&server, &provider, claim(name, value)).await;
        assert_eq!(
            (reply.status, reply.code()),
            (401, "provider.refused"),
            "{what}: {reply:?}"
        );
    }
    let elsewhere = format!("{}/elsewhere", provider.url());
    for value in [
        json!({ "alg": "none" }),
        json!({ "alg": "HS256", "kid": "k" }),
        json!({ "alg": "RS256", "kid": "k" }),
        json!({ "alg": "EdDSA", "kid": "../../k" }),
        json!({ "alg": "EdDSA", "kid": "k", "typ": "at+jwt" }),
        json!({ "alg": "EdDSA", "kid": "k", "crit": ["x"] }),
        json!({ "alg": "EdDSA", "kid": "new", "jku": elsewhere }),
        json!({ "alg": "EdDSA", "kid": "new", "x5u": elsewhere }),
    ] {
        let what = value.to_string();
        let reply = sign_in(&server, &provider, header(value)).await;
        assert_eq!(
            (reply.status, reply.code()),
            (401, "provider.refused"),
            "{what}: {reply:?}"
        );
    }
    only_the_needed_keys_are_asked_for(&server, &provider).await;
    // And none of it did harm.
    sign_in(&server, &provider, |_| ()).await.expect(200);
}

async fn every_other_answer_of_an_endpoint_is_refused(setup: Setup) {
    let provider = FaultyProvider::start().await;
    let setup = provider.known_to(setup, "acme");
    let server = setup.start().await;
    for (status, body) in [
        (400, json!({ "error": "invalid_grant" }).to_string()),
        (401, String::new()),
        (302, String::new()),
        (200, String::new()),
        (200, "[]".to_owned()),
        (200, json!({ "error": "bad_verification_code" }).to_string()),
        (
            200,
            json!({ "access_token": "a", "token_type": "Bearer" }).to_string(),
        ),
        (
            200,
            json!({ "access_token": "a", "token_type": "mac", "id_token": "x.y.z" }).to_string(),
        ),
        (
            200,
            json!({ "access_token": 7, "token_type": "Bearer", "id_token": "x.y.z" }).to_string(),
        ),
    ] {
        let what = format!("{status} {body}");
        let reply = sign_in(&server, &provider, |says| says.token = Some((status, body))).await;
        assert_eq!(
            (reply.status, reply.code()),
            (401, "provider.refused"),
            "{what}: {reply:?}"
        );
    }
    for verified in [json!(false), json!("true"), json!(1), Value::Null] {
        let what = verified.to_string();
        let change = |says: &mut Says| {
            says.claims["sub"] = json!("somebody-new");
            says.claims["email_verified"] = verified;
        };
        let reply = sign_in(&server, &provider, change).await;
        assert_eq!(
            (reply.status, reply.code()),
            (403, "provider.email_unverified"),
            "{what}"
        );
    }
    assert_eq!(
        provider.asked_for("/elsewhere"),
        0,
        "nobody follows what a token or an answer points at"
    );
    sign_in(&server, &provider, |_| ()).await.expect(200);
}

async fn only_the_needed_keys_are_asked_for(server: &Server, provider: &FaultyProvider) {
    assert_eq!(
        provider.asked_for("/elsewhere"),
        0,
        "nobody follows what a token points at"
    );
    // Tokens with invented keys ask for the keys again at most once in ten seconds.
    let (before, began) = (
        provider.asked_for("/jwks"),
        std::time::UNIX_EPOCH.elapsed().unwrap(),
    );
    for kid in 0..25 {
        sign_in(
            server,
            provider,
            header(json!({ "alg": "EdDSA", "kid": format!("x{kid}") })),
        )
        .await
        .expect(401);
    }
    let passed = std::time::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .saturating_sub(began)
        .as_secs();
    let most = usize::try_from(passed / 10 + 1).unwrap();
    assert!(provider.asked_for("/jwks") - before <= most, "in {passed} s");
}

async fn a_provider_that_is_out_of_order_is_told_from_one_that_lies(setup: Setup) {
    let (provider, liar) = (FaultyProvider::start().await, FaultyProvider::start().await);
    liar.change(|says| says.description = json!({ "issuer": provider.url() }));
    let setup = liar.known_to(provider.known_to(setup, "acme"), "liar");
    // Nothing listens there.
    let gone = super::with_provider(
        setup,
        "gone",
        &[("issuer", "http://127.0.0.1:9"), ("client_id", "client")],
    );
    let server = gone.start().await;
    for name in ["liar", "gone"] {
        for _ in 0..5 {
            let reply = server
                .post_public(&format!("/v1/auth/providers/{name}/begin"), &json!({}))
                .await
                .expect(503);
            assert_eq!(reply.code(), "provider.unavailable");
            assert!(reply.headers.contains_key("retry-after"));
        }
    }
    let asked = liar.asked_for("/.well-known/openid-configuration");
    assert!((1..5).contains(&asked), "{asked} times in a row");
    for status in [500, 503, 429] {
        let reply = sign_in(&server, &provider, |says| {
            says.token = Some((status, String::new()));
        })
        .await
        .expect(503);
        assert_eq!(reply.code(), "provider.unavailable");
    }
    let huge = "x".repeat(100_000);
    let reply = sign_in(&server, &provider, |says| says.token = Some((200, huge)))
        .await
        .expect(503);
    assert_eq!(reply.code(), "provider.unavailable");
    let unknown = server
        .post_public("/v1/auth/providers/nobody/begin", &json!({}))
        .await
        .expect(404);
    assert_eq!(unknown.code(), "provider.unknown");
}

async fn the_application_is_returned_to_allowed_addresses_only(setup: Setup) {
    let provider = FaultyProvider::start().await;
    let setup = setup.set("auth.federation.return_to", "https://app.example.com/in/*");
    let setup = provider.known_to(setup, "acme");
    let server = setup.start().await;
    let begin_at = async |address: &str| {
        server
            .post_public("/v1/auth/providers/acme/begin", &json!({ "return_to": address }))
            .await
    };
    for address in [
        "//evil.example",
        "/\\evil.example",
        "https:evil.example",
        "https:/app.example.com/in/",
        "https://app.example.com\\@evil.example/in/",
        "https://app.example.com@evil.example/in/",
        "https://app.example.com.evil.example/in/",
        "https://evil.example/in/",
        "http://app.example.com/in/",
        "https://app.example.com/\tin/",
        "https://app.example.com/in/../out",
        "https://app.example.com/in/%2e%2e/out",
        "https://app.example.com:444/in/",
        "javascript:alert(1)",
        "",
    ] {
        let reply = begin_at(address).await;
        assert_eq!(
            (reply.status, reply.code()),
            (400, "provider.return_to"),
            "{address}"
        );
        assert_eq!(reply.body["fields"][0]["field"], "return_to", "{reply:?}");
    }
    let begun = super::Begun::of(
        &begin_at("https://app.example.com/in/orders?id=7")
            .await
            .expect(200),
    );
    assert!(
        !begun.url.as_str().contains("app.example.com"),
        "the provider does not learn it"
    );
    provider.vouch(&begun, "ada", "ada@example.com");
    let signed_in = complete(&server, "acme", &completion(&begun, "code"))
        .await
        .expect(200);
    assert_eq!(
        signed_in.text("return_to"),
        "https://app.example.com/in/orders?id=7"
    );
}
