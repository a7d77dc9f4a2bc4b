//! Users see from where their sessions come, and nobody else does.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{PASSWORD, Server, Setup, eventually, on_both};

on_both! {
    sessions_say_from_where_they_come;
    a_new_device_is_told_with_its_address;
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Sends from an address, which the proxy of the test vouches for, with these words of the client.
async fn send(server: &Server, path: &str, body: &Value, address: &str, agent: &str) -> Value {
    let call = server.call(Method::POST, path).body(body);
    let call = call
        .header("x-forwarded-for", address)
        .header("user-agent", agent);
    call.send().await.expect(200).body
}

async fn sessions_say_from_where_they_come(setup: Setup) {
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let eve = server.founder("eve").await;
    let sign_in = json!({ "email": ada.email, "password": PASSWORD });
    let begun = send(&server, "/v1/auth/log-in", &sign_in, "203.0.113.9", FIREFOX).await;
    let session = async |id: &Value| {
        let listed = server.get("/v1/sessions", &ada.access).await.expect(200);
        let mut items = listed.body["items"].as_array().unwrap().iter();
        items.find(|item| item["id"] == *id).cloned().unwrap()
    };
    let seen = session(&begun["session"]).await;
    let first = json!({ "address": "203.0.113.9", "agent": FIREFOX });
    assert_eq!((&seen["begun_from"], &seen["refreshed_from"]), (&first, &first));
    assert_eq!(seen["label"], FIREFOX);

    // A refresh tells where the session is now, a name given to it changes neither.
    let refresh = json!({ "refresh_token": begun["refresh_token"] });
    let again = send(&server, "/v1/auth/refresh", &refresh, "2001:db8::7", "curl/8.5").await;
    let place = format!("/v1/sessions/{}", begun["session"].as_str().unwrap());
    let named = server.call(Method::PATCH, &place).token(&ada.access);
    named.body(&json!({ "label": "Laptop" })).send().await.expect(204);
    let seen = session(&begun["session"]).await;
    assert_eq!(seen["begun_from"], first);
    assert_eq!(
        seen["refreshed_from"],
        json!({ "address": "2001:db8::7", "agent": "curl/8.5" })
    );
    assert_eq!(seen["label"], "Laptop");

    // What the body says goes before the header, and both are cut.
    let own = json!({ "refresh_token": again["refresh_token"], "device": "Ada's\nphone\u{202e}" });
    let again = send(&server, "/v1/auth/refresh", &own, "2001:db8::7", "curl/8.5").await;
    let seen = session(&begun["session"]).await;
    assert_eq!(seen["refreshed_from"]["agent"], "Ada'sphone");
    let refresh = json!({ "refresh_token": again["refresh_token"] });
    send(
        &server,
        "/v1/auth/refresh",
        &refresh,
        "2001:db8::7",
        &"x".repeat(4000),
    )
    .await;
    let seen = session(&begun["session"]).await;
    assert_eq!(seen["refreshed_from"]["agent"].as_str().unwrap().len(), 256);

    // Nobody else sees any of it: not another user, and not the tenant in what it keeps.
    let others = server.get("/v1/sessions", &eve.access).await.expect(200);
    let entries = server
        .get(&format!("/v1/tenants/{}/audit-entries", ada.tenant), &ada.access)
        .await;
    let members = server
        .get(&format!("/v1/tenants/{}/members", ada.tenant), &ada.access)
        .await;
    for reply in [others, entries.expect(200), members.expect(200)] {
        let text = reply.body.to_string();
        assert!(
            !text.contains("203.0.113.9") && !text.contains("Firefox/140.0"),
            "{text}"
        );
    }
}

async fn a_new_device_is_told_with_its_address(setup: Setup) {
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let known = json!({ "email": ada.email, "password": PASSWORD, "remember_device": true });
    send(&server, "/v1/auth/log-in", &known, "203.0.113.9", FIREFOX).await;
    let new = json!({ "email": ada.email, "password": PASSWORD });
    send(&server, "/v1/auth/log-in", &new, "198.51.100.7", "curl/8.5").await;
    let mail = eventually("the notice", async || {
        let mails = server.mails(&ada.email).into_iter();
        mails
            .rev()
            .find(|mail| mail.contains("on a device that you did not use before"))
    });
    let mail = mail.await;
    assert!(
        mail.contains("curl/8.5") && mail.contains("198.51.100.7"),
        "{mail}"
    );
}
