//! Passkeys over HTTP: with an authenticator in software, with a verifier that nobody here wrote, and in a browser.

mod chromium;
mod verifier;

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use wisdom_adapters::testkit::authenticator::{Assertion, SoftAuthenticator, USER_PRESENT};

use crate::harness::{PASSWORD, Person, Reply, Server, Setup, eventually, on_both};

on_both! {
    a_passkey_is_made_used_and_removed;
    what_does_not_hold_is_refused_and_changes_nothing;
    of_sixteen_completions_one_signs_in;
    a_passkey_that_verifies_nobody_is_a_second_factor_only;
}

const ORIGIN: &str = "http://localhost:4173";

fn with_passkeys(setup: Setup) -> Setup {
    setup.set("app_url", ORIGIN)
}

/// Makes a passkey for somebody who has just signed in.
async fn make(server: &Server, person: &Person, key: &mut SoftAuthenticator) -> Reply {
    let begun = begin(server, person).await;
    let answer = key.create(&begun.body["public_key"]).unwrap();
    add(server, person, &begun, &answer).await
}

async fn begin(server: &Server, person: &Person) -> Reply {
    let path = "/v1/me/passkeys/begin";
    server.post(path, &person.access, &json!({})).await.expect(200)
}

async fn add(server: &Server, person: &Person, begun: &Reply, answer: &Value) -> Reply {
    let body = json!({ "ceremony": begun.text("ceremony"), "name": "Laptop", "credential": answer });
    server.post("/v1/me/passkeys", &person.access, &body).await
}

async fn begin_log_in(server: &Server) -> Reply {
    server
        .post_public("/v1/auth/passkey/begin", &json!({}))
        .await
        .expect(200)
}

async fn log_in(server: &Server, begun: &Reply, answer: &Value) -> Reply {
    let body = json!({ "ceremony": begun.text("ceremony"), "credential": answer, "device": "Test" });
    server.post_public("/v1/auth/passkey", &body).await
}

async fn list(server: &Server, access: &str) -> Value {
    server.get("/v1/me/passkeys", access).await.expect(200).body["items"].clone()
}

async fn half(server: &Server, person: &Person) -> Reply {
    let body = json!({ "email": person.email, "password": PASSWORD });
    let half = server.post_public("/v1/auth/log-in", &body).await.expect(200);
    assert_eq!(half.body["second_factor_required"], true);
    half
}

async fn a_passkey_is_made_used_and_removed(setup: Setup) {
    let setup = with_passkeys(setup);
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let mut key = SoftAuthenticator::new(ORIGIN).unwrap();
    let made = make(&server, &ada, &mut key).await.expect(201);
    assert_eq!(made.body["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(made.body["passkey"]["name"], "Laptop");
    assert_eq!(made.body["passkey"]["signs_in_alone"], true);
    server.mailed(&ada.email, "A passkey was added").await;
    // It is what a tenant asks for that wants a second factor of its members.
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let before = server.get(&tenant, &ada.access).await.expect(200);
    let change = json!({ "mfa_required": true, "expected_version": before.body["version"] });
    let call = server.call(Method::PATCH, &tenant).token(&ada.access);
    call.body(&change).send().await.expect(200);
    server.get(&tenant, &ada.access).await.expect(200);
    let status = server.get("/v1/me/second-factor", &ada.access).await.expect(200);
    assert_eq!(
        status.body,
        json!({ "totp": false, "passkeys": 1, "recovery_codes_left": 10 })
    );

    let begun = begin_log_in(&server).await;
    let answer = key.get(&begun.body["public_key"]).unwrap();
    let pair = log_in(&server, &begun, &answer).await.expect(200);
    let access = pair.text("access_token");
    server.get("/v1/me", &access).await.expect(200);
    assert!(list(&server, &access).await[0]["last_used_at"].is_string());

    // Behind the password it is the second factor.
    let half = half(&server, &ada).await;
    assert_eq!(half.body["methods"], json!(["passkey", "recovery_code"]));
    let challenge = half.text("challenge");
    let begun = server
        .post_public(
            "/v1/auth/second-factor/passkey/begin",
            &json!({ "challenge": challenge }),
        )
        .await
        .expect(200);
    let answer = key.get(&begun.body["public_key"]).unwrap();
    let body = json!({ "challenge": challenge, "ceremony": begun.text("ceremony"), "credential": answer });
    let done = server
        .post_public("/v1/auth/second-factor/passkey", &body)
        .await
        .expect(200);
    server.get("/v1/me", &done.text("access_token")).await.expect(200);

    // And a fresh proof.
    let begun = server
        .post("/v1/auth/step-up/passkey/begin", &access, &json!({}))
        .await
        .expect(200);
    let answer = key.get(&begun.body["public_key"]).unwrap();
    let body = json!({ "ceremony": begun.text("ceremony"), "credential": answer });
    let stepped = server
        .post("/v1/auth/step-up/passkey", &access, &body)
        .await
        .expect(200);
    let access = stepped.text("access_token");

    let id = made.body["passkey"]["id"].as_str().unwrap();
    assert!(id.starts_with("pky_"));
    let path = format!("/v1/me/passkeys/{id}");
    let call = |method: Method, access: &str| server.call(method, &path).token(access);
    let rename = call(Method::PATCH, &access).body(&json!({ "name": "Bürotür" }));
    rename.send().await.expect(204);
    assert_eq!(list(&server, &access).await[0]["name"], "Bürotür");
    let eve = server.founder("eve").await;
    call(Method::DELETE, &eve.access).send().await.expect(404);
    let rename = call(Method::PATCH, &eve.access).body(&json!({ "name": "mine" }));
    rename.send().await.expect(404);
    call(Method::DELETE, &access).send().await.expect(204);
    assert_eq!(list(&server, &access).await, json!([]));
    server.mailed(&ada.email, "A passkey was removed").await;
    // The others have ended, and the password is enough again.
    server.get("/v1/me", &done.text("access_token")).await.expect(401);
    server.log_in(&ada.email).await;
    let begun = begin_log_in(&server).await;
    let answer = key.get(&begun.body["public_key"]).unwrap();
    let gone = log_in(&server, &begun, &answer).await.expect(401);
    assert_eq!(gone.code(), "passkey.invalid");
}

async fn what_does_not_hold_is_refused_and_changes_nothing(setup: Setup) {
    let setup = with_passkeys(setup);
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let mut key = SoftAuthenticator::new(ORIGIN).unwrap();
    make(&server, &ada, &mut key).await.expect(201);
    let before = list(&server, &ada.access).await;
    let sessions = async || server.get("/v1/sessions", &ada.access).await.expect(200).body;
    let sessions_before = sessions().await;
    let refused = async |answer: &dyn Fn(&Value) -> Value| {
        let begun = begin_log_in(&server).await;
        let reply = log_in(&server, &begun, &answer(&begun.body["public_key"])).await;
        (reply.status, reply.code().to_owned())
    };
    let draft = |options: &Value| key.draft(options).unwrap();
    let redrawn = |options: &Value, change: &dyn Fn(&mut Assertion)| {
        let mut draft = draft(options);
        change(&mut draft);
        key.sign(&draft).unwrap()
    };
    let changed = |options: &Value, member: &str, value: Value| {
        redrawn(options, &|draft| {
            draft.client_data.0.insert(member.to_owned(), value.clone());
        })
    };
    let stranger = SoftAuthenticator::new(ORIGIN).unwrap();
    let answers: [&dyn Fn(&Value) -> Value; 12] = [
        &|options| changed(options, "type", json!("webauthn.create")),
        &|options| {
            changed(
                options,
                "challenge",
                json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            )
        },
        &|options| changed(options, "origin", json!("http://localhost:4174")),
        &|options| changed(options, "origin", json!("https://localhost:4173")),
        &|options| changed(options, "crossOrigin", json!(true)),
        &|options| redrawn(options, &|draft| "evil.example".clone_into(&mut draft.rp_id)),
        &|options| redrawn(options, &|draft| draft.flags = USER_PRESENT),
        &|options| redrawn(options, &|draft| draft.flags = 0),
        &|options| redrawn(options, &|draft| draft.user_handle = None),
        &|options| stranger.sign(&draft(options)).unwrap(),
        &|options| stranger.sign(&stranger.draft(options).unwrap()).unwrap(),
        &|_| json!({ "id": "", "rawId": "", "type": "public-key", "response": {} }),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        assert_eq!(
            refused(answer).await,
            (401, "passkey.invalid".to_owned()),
            "{number}"
        );
    }
    // One whose counter stands still is told.
    let still = |options: &Value| redrawn(options, &|draft| draft.counter = 1);
    assert_eq!(refused(&still).await, (401, "passkey.invalid".to_owned()));
    server
        .mailed(&ada.email, "A sign-in with your passkey was refused")
        .await;

    // A sign-in that ended, of another purpose, or invented.
    let begun = begin_log_in(&server).await;
    let answer = key.get(&begun.body["public_key"]).unwrap();
    let invented = json!({ "ceremony": "wpc_nonsense", "credential": answer });
    let reply = server.post_public("/v1/auth/passkey", &invented).await;
    assert_eq!(reply.expect(400).code(), "passkey.ceremony_invalid");
    let body = json!({ "ceremony": begun.text("ceremony"), "credential": answer });
    let reply = server.post("/v1/auth/step-up/passkey", &ada.access, &body).await;
    assert_eq!(reply.expect(400).code(), "passkey.ceremony_invalid");
    let eve = server.founder("eve").await;
    let foreign = begin(&server, &ada).await;
    let mut other = SoftAuthenticator::new(ORIGIN).unwrap();
    let created = other.create(&foreign.body["public_key"]).unwrap();
    let reply = add(&server, &eve, &foreign, &created).await;
    assert_eq!(reply.expect(400).code(), "passkey.ceremony_invalid");
    // Nobody who has not signed in makes one, and the ceremony's token is no other token.
    server
        .call(Method::POST, "/v1/me/passkeys/begin")
        .body(&json!({}))
        .send()
        .await
        .expect(401);
    server.get("/v1/me", &begun.text("ceremony")).await.expect(401);

    assert_eq!(list(&server, &ada.access).await, before);
    assert_eq!(sessions().await, sessions_before);
    let begun = begin_log_in(&server).await;
    let answer = key.get(&begun.body["public_key"]).unwrap();
    log_in(&server, &begun, &answer).await.expect(200);
    let replayed = log_in(&server, &begun, &answer).await.expect(400);
    assert_eq!(replayed.code(), "passkey.ceremony_invalid");
}

async fn of_sixteen_completions_one_signs_in(setup: Setup) {
    let setup = with_passkeys(setup);
    let server = Arc::new(setup.start().await);
    let ada = server.founder("ada").await;
    let mut key = SoftAuthenticator::new(ORIGIN).unwrap();
    make(&server, &ada, &mut key).await.expect(201);
    for round in 0..5 {
        let begun = begin_log_in(&server).await;
        let answer = key.get(&begun.body["public_key"]).unwrap();
        let body = json!({ "ceremony": begun.text("ceremony"), "credential": answer });
        let calls: Vec<_> = (0..16)
            .map(|_| {
                let (server, body) = (Arc::clone(&server), body.clone());
                tokio::spawn(async move { server.post_public("/v1/auth/passkey", &body).await })
            })
            .collect();
        let mut won = 0;
        for call in calls {
            let reply = call.await.unwrap();
            match (reply.status, reply.code()) {
                (200, _) => won += 1,
                (400, "passkey.ceremony_invalid") | (401, "passkey.invalid") => {}
                _ => panic!("{reply:?}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
}

async fn a_passkey_that_verifies_nobody_is_a_second_factor_only(setup: Setup) {
    let setup = with_passkeys(setup).set("auth.passkeys.user_verification", "preferred");
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let mut key = SoftAuthenticator::new(ORIGIN).unwrap().flags(USER_PRESENT);
    let made = make(&server, &ada, &mut key).await.expect(201);
    assert_eq!(made.body["passkey"]["signs_in_alone"], false);
    let begun = begin_log_in(&server).await;
    let answer = key.get(&begun.body["public_key"]).unwrap();
    let alone = log_in(&server, &begun, &answer).await.expect(401);
    assert_eq!(alone.code(), "passkey.invalid");
    let challenge = half(&server, &ada).await.text("challenge");
    let begun = server
        .post_public(
            "/v1/auth/second-factor/passkey/begin",
            &json!({ "challenge": challenge }),
        )
        .await
        .expect(200);
    let answer = key.get(&begun.body["public_key"]).unwrap();
    let body = json!({ "challenge": challenge, "ceremony": begun.text("ceremony"), "credential": answer });
    server
        .post_public("/v1/auth/second-factor/passkey", &body)
        .await
        .expect(200);
}

/// Where `app_url` is of no origin that may use passkeys, there are none.
#[tokio::test(flavor = "multi_thread")]
async fn without_an_origin_for_them_there_are_none() {
    let server = Setup::sqlite().start().await;
    let reply = server.post_public("/v1/auth/passkey/begin", &json!({})).await;
    assert_eq!(reply.expect(404).code(), "passkey.unavailable");
    let ended = eventually("the line about it", async || {
        let log = std::fs::read_to_string(&server.log).unwrap();
        log.contains("passkeys are not set up").then_some(())
    });
    ended.await;
}
