//! The way through the product that the README shows.

use reqwest::Method;
use serde_json::json;
use standardwebhooks::Webhook;

use crate::harness::{Setup, eventually, on_both};
use crate::listener::Listener;

on_both! {
    from_sign_up_to_log_out;
}

async fn from_sign_up_to_log_out(setup: Setup) {
    // Strict: a spent refresh token is worth nothing once its successor was used.
    let setup = setup.set("auth.refresh_window_seconds", "0");
    let server = setup.start().await;
    let ada = server.founder("ada").await;

    let me = server.get("/v1/me", &ada.access).await.expect(200);
    assert!(me.text("user").starts_with("usr_"));
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    assert_eq!(
        server.get(&tenant, &ada.access).await.expect(200).text("name"),
        "ada Works"
    );

    let bob = server.join(&ada, "bob", "member").await;
    let members = server
        .get(&format!("{tenant}/members?limit=10"), &bob.access)
        .await
        .expect(200);
    assert_eq!(members.body["items"].as_array().unwrap().len(), 2);

    let receiver = Listener::start().await;
    let body = json!({ "url": receiver.url, "event_kinds": ["tenancy.membership.*"] });
    let endpoint = server
        .post(&format!("{tenant}/webhook-endpoints"), &ada.access, &body)
        .await
        .expect(201);
    let secret = endpoint.text("secret");

    let change = server
        .call(Method::PATCH, &format!("{tenant}/members/{}", bob.member))
        .token(&ada.access)
        .body(&json!({ "role": "admin" }))
        .send()
        .await
        .expect(200);
    assert_eq!(change.text("role"), "admin");

    let delivery = eventually("the delivery", async || receiver.deliveries().pop()).await;
    Webhook::new(&secret)
        .unwrap()
        .verify(&delivery.body, &delivery.headers)
        .unwrap();
    let event = delivery.event();
    assert_eq!(event["type"], "tenancy.membership.role_changed");
    assert_eq!(event["id"], delivery.id());
    assert_eq!(event["tenantid"], ada.tenant);
    let mut forged = delivery.body.to_vec();
    forged[0] ^= 1;
    assert!(
        Webhook::new(&secret)
            .unwrap()
            .verify(&forged, &delivery.headers)
            .is_err()
    );

    let audit = server
        .get(
            &format!("{tenant}/audit-entries?action=tenancy.member.change_role"),
            &bob.access,
        )
        .await;
    let audit = audit.expect(200);
    let entries = audit.body["items"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["actor"]["id"], me.body["user"]);
    assert_eq!(
        entries[0]["request"],
        change.headers["x-request-id"].to_str().unwrap()
    );

    let refresh = async |token: &str| {
        server
            .post_public("/v1/auth/refresh", &json!({ "refresh_token": token }))
            .await
    };
    let second = refresh(&bob.refresh).await.expect(200);
    let third = refresh(&second.text("refresh_token")).await.expect(200);
    server
        .get("/v1/me", &third.text("access_token"))
        .await
        .expect(200);
    assert_eq!(refresh(&bob.refresh).await.expect(401).code(), "session.reuse");
    // The whole family is gone with it.
    refresh(&third.text("refresh_token")).await.expect(401);
    server
        .get("/v1/me", &third.text("access_token"))
        .await
        .expect(401);

    server
        .call(Method::POST, "/v1/auth/log-out")
        .token(&ada.access)
        .send()
        .await
        .expect(204);
    server.get("/v1/me", &ada.access).await.expect(401);
    refresh(&ada.refresh).await.expect(401);
    let again = server.log_in(&ada.email).await;
    assert_eq!(
        server.get("/v1/sessions", &again.access).await.expect(200).body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_has_one_effect_and_one_answer() {
    let server = Setup::sqlite().start().await;
    let ada = server.founder("ada").await;
    let create = |name: &'static str| {
        let call = server
            .call(Method::POST, "/v1/tenants")
            .token(&ada.access)
            .header("idempotency-key", "k-1");
        call.body(&json!({ "name": name })).send()
    };
    let first = create("Second Works").await.expect(201);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let again = create("Second Works").await.expect(201);
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_eq!(first.body, again.body);
    create("Third Works").await.expect(422);
    let tenants = server.get("/v1/tenants", &ada.access).await.expect(200);
    assert_eq!(tenants.body["items"].as_array().unwrap().len(), 2);
}
