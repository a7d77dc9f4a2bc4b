//! Mailed proofs and second factors, over HTTP.

use reqwest::Method;
use serde_json::{Value, json};
use wisdom_auth::second_factor::totp::{TotpSecret, step_at};
use wisdom_core::clock::{Clock as _, SystemClock};

use crate::harness::{PASSWORD, Reply, Server, Setup, eventually, on_both};

on_both! {
    a_forgotten_password_is_chosen_anew;
    links_and_codes_sign_in_once;
    an_address_is_changed_by_its_new_mailbox;
    the_second_factor_is_asked_for_and_never_skipped;
    a_tenant_asks_its_members_for_a_second_factor;
    a_deployment_asks_everybody_for_a_second_factor;
}

const NEW_PASSWORD: &str = "violet harbour seven lanterns";

/// Names of the headers of an answer that may differ between two requests in their values only.
fn shape(reply: &Reply) -> (u16, Value, Vec<String>) {
    let mut names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
    names.sort();
    (reply.status, reply.body.clone(), names)
}

/// The value behind a label in the newest mail that has it, once there is one that was not there before.
async fn mailed(server: &Server, address: &str, label: &str, before: &[String]) -> String {
    eventually("a mail", async || {
        server
            .mails(address)
            .into_iter()
            .rev()
            .filter(|text| !before.contains(text))
            .find_map(|text| {
                text.lines()
                    .find_map(|line| line.strip_prefix(label).map(|rest| rest.trim().to_owned()))
            })
    })
    .await
}

/// Asks for a mail with a proof, and answers what the mail says behind the label.
async fn proof(server: &Server, path: &str, address: &str, label: &str) -> String {
    let before = server.mails(address);
    server
        .post_public(path, &json!({ "email": address }))
        .await
        .expect(202);
    mailed(server, address, label, &before).await
}

async fn a_forgotten_password_is_chosen_anew(setup: Setup) {
    let setup = setup.set("app_url", "https://app.acme.example");
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let path = "/v1/auth/reset-password";
    let wish = format!("{path}/request");
    let unknown = json!({ "email": "nobody@example.com" });
    let stranger = server.post_public(&wish, &unknown).await.expect(202);
    let before = server.mails(&ada.email);
    let known = server
        .post_public(&wish, &json!({ "email": ada.email }))
        .await
        .expect(202);
    assert_eq!(shape(&stranger), shape(&known));
    // Two wishes at once are heard in any order; here each is heard before the next.
    mailed(&server, &ada.email, "Token: ", &before).await;

    // Whatever the headers say, links lead to the configured place.
    let forged: [&[(&str, &str)]; 3] = [
        &[
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-port", "81"),
            ("x-forwarded-server", "evil.example"),
            ("x-forwarded-prefix", "/evil"),
        ],
        &[
            ("forwarded", "host=evil.example;proto=http"),
            ("x-host", "evil.example"),
            ("x-original-host", "evil.example"),
            ("x-original-url", "https://evil.example/"),
            ("x-rewrite-url", "https://evil.example/"),
        ],
        &[
            ("origin", "https://evil.example"),
            ("referer", "https://evil.example/"),
            ("x-http-host-override", "evil.example"),
            ("x-url-scheme", "http"),
            ("front-end-https", "off"),
        ],
    ];
    for headers in forged {
        let before = server.mails(&ada.email);
        let call = headers
            .iter()
            .fold(server.call(Method::POST, &wish), |call, (name, value)| {
                call.header(name, value)
            });
        call.body(&json!({ "email": ada.email })).send().await.expect(202);
        let token = mailed(&server, &ada.email, "Token: ", &before).await;
        let mails = server.mails(&ada.email);
        let text = mails.iter().find(|text| text.contains(&token)).unwrap();
        assert!(
            text.contains(&format!("https://app.acme.example/reset-password#token={token}")),
            "{text}"
        );
        assert!(!text.contains("evil"), "{text}");
    }

    // One address as one text, and nothing else.
    for bad in [
        r#"{"email":["ada@example.com","eve@example.com"]}"#,
        r#"{"email":{"0":"ada@example.com"}}"#,
        r#"{"email":"ada@example.com","email":"eve@example.com"}"#,
        r#"{"email":"ada@example.com,eve@example.com"}"#,
        r#"{"email":"ada@example.com\r\nBcc: eve@example.com"}"#,
        r#"{"email":"ada@example.com","cc":"eve@example.com"}"#,
    ] {
        let call = server.call(Method::POST, &wish);
        call.raw("application/json", bad.as_bytes().to_vec())
            .send()
            .await
            .expect(400);
    }
    let token = proof(&server, &wish, &ada.email, "Token: ").await;
    // Looking at a link uses nothing up.
    server
        .call(Method::GET, &format!("{path}?token={token}"))
        .send()
        .await
        .expect(405);
    let body = json!({ "token": token, "password": NEW_PASSWORD });
    server.post_public(path, &body).await.expect(204);
    let again = server.post_public(path, &body).await.expect(400);
    assert_eq!(again.code(), "verification.invalid");
    server.get("/v1/me", &ada.access).await.expect(401);
    let refresh = json!({ "refresh_token": ada.refresh });
    let refused = server.post_public("/v1/auth/refresh", &refresh).await.expect(401);
    assert_eq!(refused.code(), "session.credential_change");
    let log_in = |password: &str| json!({ "email": ada.email, "password": password });
    server
        .post_public("/v1/auth/log-in", &log_in(PASSWORD))
        .await
        .expect(401);
    server
        .post_public("/v1/auth/log-in", &log_in(NEW_PASSWORD))
        .await
        .expect(200);
    for other in ["eve@example.com", "nobody@example.com"] {
        assert!(server.mails(other).is_empty(), "{other}");
    }
}

async fn links_and_codes_sign_in_once(setup: Setup) {
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let token = proof(&server, "/v1/auth/link/request", &ada.email, "Token: ").await;
    let pair = server
        .post_public("/v1/auth/link", &json!({ "token": token }))
        .await
        .expect(200);
    server.get("/v1/me", &pair.text("access_token")).await.expect(200);
    let again = server
        .post_public("/v1/auth/link", &json!({ "token": token }))
        .await;
    assert_eq!(again.expect(400).code(), "verification.invalid");

    let digits = proof(&server, "/v1/auth/code/request", &ada.email, "Code: ").await;
    let wrong = if digits == "000000" { "000001" } else { "000000" };
    let try_code = async |address: &str, code: &str| {
        let body = json!({ "email": address, "code": code });
        server.post_public("/v1/auth/code", &body).await
    };
    let refused = try_code(&ada.email, wrong).await;
    let unknown = try_code("nobody@example.com", wrong).await;
    assert_eq!(
        (refused.status, refused.code(), unknown.status, unknown.code()),
        (401, "credentials.invalid", 401, "credentials.invalid")
    );
    let pair = try_code(&ada.email, &digits).await.expect(200);
    server.get("/v1/me", &pair.text("access_token")).await.expect(200);
    try_code(&ada.email, &digits).await.expect(401);
}

async fn an_address_is_changed_by_its_new_mailbox(setup: Setup) {
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let new = "countess@example.com";
    server
        .call(Method::POST, "/v1/auth/change-email/request")
        .body(&json!({ "email": new }))
        .send()
        .await
        .expect(401);
    server
        .post(
            "/v1/auth/change-email/request",
            &ada.access,
            &json!({ "email": new }),
        )
        .await
        .expect(202);
    let token = server.mailed_token(new).await;
    server
        .post_public("/v1/auth/change-email", &json!({ "token": token }))
        .await
        .expect(204);
    server.get("/v1/me", &ada.access).await.expect(401);
    eventually("the notices", async || {
        let told = |address: &str| {
            let mails = server.mails(address);
            mails
                .iter()
                .any(|text| text.contains("was changed to c***@example.com"))
        };
        (told(&ada.email) && told(new)).then_some(())
    })
    .await;
    server.log_in(new).await;
    let old = json!({ "email": ada.email, "password": PASSWORD });
    server.post_public("/v1/auth/log-in", &old).await.expect(401);
}

/// The bytes of a secret in base32 (RFC 4648, section 6).
pub(crate) fn bytes(base32: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bits, mut held, mut out) = (0_u64, 0, Vec::new());
    for character in base32.bytes() {
        let value = alphabet.iter().position(|known| *known == character).unwrap();
        bits = (bits << 5) | u64::try_from(value).unwrap();
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).unwrap());
        }
    }
    out
}

async fn the_second_factor_is_asked_for_and_never_skipped(setup: Setup) {
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let offer = server
        .post("/v1/me/second-factor/totp", &ada.access, &json!({}))
        .await
        .expect(201);
    let secret = TotpSecret::from_bytes(bytes(&offer.text("secret"))).unwrap();
    let step = step_at(SystemClock.now());
    let digits = |step: i64| String::from_utf8(secret.code(step).to_vec()).unwrap();
    let confirm = "/v1/me/second-factor/totp/confirm";
    let codes = server
        .post(confirm, &ada.access, &json!({ "code": digits(step) }))
        .await
        .expect(200);
    let recovery = codes.body["recovery_codes"].as_array().unwrap().clone();
    assert_eq!(recovery.len(), 10);
    let status = server.get("/v1/me/second-factor", &ada.access).await.expect(200);
    assert_eq!(
        status.body,
        json!({ "totp": true, "passkeys": 0, "recovery_codes_left": 10 })
    );

    let body = json!({ "email": ada.email, "password": PASSWORD });
    let half = server.post_public("/v1/auth/log-in", &body).await.expect(200);
    assert_eq!(half.body["second_factor_required"], true);
    assert_eq!(half.body["methods"], json!(["totp", "recovery_code"]));
    assert!(half.body.get("access_token").is_none() && half.body.get("refresh_token").is_none());
    let challenge = half.text("challenge");
    server.get("/v1/me", &challenge).await.expect(401);
    let finish = async |challenge: &str, code: &Value| {
        let body = json!({ "challenge": challenge, "code": code });
        server.post_public("/v1/auth/second-factor", &body).await
    };
    let refused = finish(&challenge, &json!(digits(step))).await.expect(401);
    assert_eq!(
        refused.code(),
        "second_factor.invalid",
        "the first code never signs in"
    );
    let done = finish(&challenge, &json!(digits(step + 1))).await.expect(200);
    server.get("/v1/me", &done.text("access_token")).await.expect(200);
    let spent = finish(&challenge, &json!(digits(step + 1))).await.expect(401);
    assert_eq!(spent.code(), "challenge.invalid");

    let token = proof(&server, "/v1/auth/link/request", &ada.email, "Token: ").await;
    let half = server
        .post_public("/v1/auth/link", &json!({ "token": token }))
        .await
        .expect(200);
    assert!(half.body.get("access_token").is_none());
    let done = finish(&half.text("challenge"), &recovery[0]).await.expect(200);
    assert_eq!(done.body["recovery_codes_left"], 9);

    let step_up = server
        .post(
            "/v1/auth/step-up",
            &done.text("access_token"),
            &json!({ "password": PASSWORD }),
        )
        .await;
    assert_eq!(step_up.expect(401).code(), "credentials.invalid");
    let access = server
        .post(
            "/v1/auth/step-up",
            &done.text("access_token"),
            &json!({ "code": recovery[1] }),
        )
        .await
        .expect(200)
        .text("access_token");
    server
        .call(Method::DELETE, "/v1/me/second-factor/totp")
        .token(&access)
        .send()
        .await
        .expect(204);
    server.get("/v1/me", &ada.access).await.expect(401);
    server.log_in(&ada.email).await;
}

async fn a_tenant_asks_its_members_for_a_second_factor(setup: Setup) {
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let bob = server.join(&ada, "bob", "member").await;
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let before = server.get(&tenant, &ada.access).await.expect(200);
    assert_eq!(before.body["mfa_required"], false);
    let change = json!({ "mfa_required": true, "expected_version": before.body["version"] });
    let call = server.call(Method::PATCH, &tenant).token(&ada.access);
    call.body(&change).send().await.expect(200);
    for person in [&ada, &bob] {
        let refused = server.get(&tenant, &person.access).await.expect(403);
        assert_eq!(refused.code(), "mfa.required");
        let refused = server
            .post(&format!("{tenant}/leave"), &person.access, &json!({}))
            .await;
        assert_eq!(refused.expect(403).code(), "mfa.required");
    }
    server.get("/v1/me", &bob.access).await.expect(200);
    let offer = server
        .post("/v1/me/second-factor/totp", &bob.access, &json!({}))
        .await
        .expect(201);
    // Offered and not confirmed, it is none.
    server.get(&tenant, &bob.access).await.expect(403);
    let secret = TotpSecret::from_bytes(bytes(&offer.text("secret"))).unwrap();
    let digits = String::from_utf8(secret.code(step_at(SystemClock.now())).to_vec()).unwrap();
    server
        .post(
            "/v1/me/second-factor/totp/confirm",
            &bob.access,
            &json!({ "code": digits }),
        )
        .await
        .expect(200);
    eventually("the way in", async || {
        let reply = server.get(&tenant, &bob.access).await;
        (reply.status == 200).then_some(())
    })
    .await;
    server.get(&tenant, &ada.access).await.expect(403);
}

async fn a_deployment_asks_everybody_for_a_second_factor(setup: Setup) {
    // The database lives as long as the setup.
    let setup = setup.set("auth.second_factor.required", "true");
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let refused = server.get(&tenant, &ada.access).await.expect(403);
    assert_eq!(refused.code(), "mfa.required");
    server.get("/v1/me", &ada.access).await.expect(200);
}
