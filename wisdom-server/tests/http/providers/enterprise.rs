//! A provider of an organization: its people become members, and nobody else comes in.

use reqwest::Method;
use serde_json::json;

use super::faulty::FaultyProvider;
use super::{begin, complete, completion};
use crate::harness::{Reply, Server, Setup, on_both};

on_both! {
    people_of_an_organization_become_members;
}

async fn sign_in(server: &Server, provider: &FaultyProvider, subject: &str, email: &str) -> Reply {
    let begun = begin(server, "acme").await;
    provider.vouch(&begun, subject, email);
    complete(server, "acme", &completion(&begun, "code")).await
}

async fn people_of_an_organization_become_members(setup: Setup) {
    let provider = FaultyProvider::start().await;
    let mut server = setup.start().await;
    let (ada, eve) = (server.founder("ada").await, server.founder("eve").await);
    server.signal("TERM");
    server.ended().await;
    let setup = provider
        .known_to(setup, "acme")
        .set("auth.providers.acme.domains", "acme.example")
        .set("auth.providers.acme.organization", &ada.tenant)
        .set("auth.providers.acme.organization_role", "member");
    let server = setup.start().await;
    let members = async || {
        let path = format!("/v1/tenants/{}/members", ada.tenant);
        let ada = server.log_in(&ada.email).await;
        let list = server.get(&path, &ada.access).await.expect(200);
        list.body["items"].as_array().unwrap().clone()
    };

    // Found by the domain, whoever has the address; not told to everybody.
    let discover = async |email: &str| {
        let reply = server
            .post_public("/v1/auth/providers/discover", &json!({ "email": email }))
            .await;
        reply.expect(200).body["provider"].clone()
    };
    for email in ["nobody@acme.example", "Bob@ACME.example"] {
        assert_eq!(discover(email).await, "acme");
    }
    for email in [
        "ada@example.com",
        "bob@sub.acme.example",
        "bob@acme.example.evil.test",
    ] {
        assert_eq!(discover(email).await, json!(null), "{email}");
    }
    let all = server
        .call(Method::GET, "/v1/auth/providers")
        .send()
        .await
        .expect(200);
    assert_eq!(all.body["items"], json!([]));

    let bob = sign_in(&server, &provider, "s-bob", "bob@acme.example")
        .await
        .expect(200);
    assert_eq!(bob.body["new_user"], true);
    let tenant = server
        .get(&format!("/v1/tenants/{}", ada.tenant), &bob.text("access_token"))
        .await
        .expect(200);
    assert_eq!(tenant.text("id"), ada.tenant);
    let found = members().await;
    let bobs = found
        .iter()
        .find(|member| member["email"] == "bob@acme.example")
        .unwrap();
    assert_eq!(bobs["role"], "member");

    // Once more changes nothing, and a role that was raised stays.
    let path = format!(
        "/v1/tenants/{}/members/{}",
        ada.tenant,
        bobs["id"].as_str().unwrap()
    );
    let owner = server.log_in(&ada.email).await;
    let raise = server
        .call(Method::PATCH, &path)
        .token(&owner.access)
        .body(&json!({ "role": "admin" }));
    raise.send().await.expect(200);
    sign_in(&server, &provider, "s-bob", "bob@acme.example")
        .await
        .expect(200);
    let found = members().await;
    assert_eq!(found.len(), 2);
    assert!(
        found
            .iter()
            .any(|member| member["email"] == "bob@acme.example" && member["role"] == "admin")
    );

    // It may not vouch for addresses of others: neither to come in, nor into another's account.
    for email in ["eve@example.com", "new@other.example", "x@sub.acme.example"] {
        let refused = sign_in(&server, &provider, "s-foreign", email).await.expect(403);
        assert_eq!(refused.code(), "provider.email_unverified", "{email}");
    }
    assert_eq!(members().await.len(), 2);
    // Its members see nothing of other tenants.
    let foreign = format!("/v1/tenants/{}", eve.tenant);
    server.get(&foreign, &bob.text("access_token")).await.expect(404);
}
