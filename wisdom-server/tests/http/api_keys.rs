//! API keys over HTTP: what they open, and what they never do.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Person, Reply, Server, Setup, eventually, on_both};

on_both! {
    a_key_opens_its_tenant_and_nothing_else;
    rights_of_keys_follow_people;
}

async fn make(server: &Server, person: &Person, kind: &str, body: &Value) -> Reply {
    let path = format!("/v1/tenants/{}/{kind}", person.tenant);
    server.post(&path, &person.access, body).await
}

async fn a_key_opens_its_tenant_and_nothing_else(setup: Setup) {
    let server = setup.start().await;
    let (ada, eve) = (server.founder("ada").await, server.founder("eve").await);
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let body = json!({
        "name": "Robot", "role": "admin", "scopes": ["tenancy.tenant.read", "tenancy.tenant.update"],
        "addresses": ["203.0.113.0/24"],
    });
    let made = make(&server, &ada, "api-keys", &body).await.expect(201);
    let (key, text) = (made.text("key"), made.text("text"));
    assert!(text.starts_with(&format!("{}_", made.text("begins"))) && text.starts_with("wk_live_"));

    // From its range it works, from elsewhere it is worth nothing.
    let from = async |source: &str, path: &str, text: &str| {
        let call = server.call(Method::GET, path).token(text);
        call.header("x-forwarded-for", source).send().await
    };
    assert_eq!(
        from("203.0.113.9", &tenant, &text).await.expect(200).text("id"),
        ada.tenant
    );
    assert_eq!(
        from("198.51.100.9", &tenant, &text).await.expect(401).code(),
        "token.invalid"
    );
    server.get(&tenant, &text).await.expect(401);
    let mut typo = text.clone();
    typo.replace_range(20..21, if &text[20..21] == "x" { "y" } else { "x" });
    from("203.0.113.9", &tenant, &typo).await.expect(401);

    // Its scopes and the kind of caller it is are the end of it.
    let members = from("203.0.113.9", &format!("{tenant}/members"), &text).await;
    assert_eq!(members.expect(403).code(), "forbidden");
    for path in ["/v1/me", "/v1/sessions", "/v1/tenants"] {
        assert_eq!(
            from("203.0.113.9", path, &text).await.expect(403).code(),
            "session.required"
        );
    }

    // Another tenant does not exist for it, whichever way it is named.
    let other = format!("/v1/tenants/{}", eve.tenant);
    assert_eq!(
        from("203.0.113.9", &other, &text).await.expect(404).code(),
        "not_found"
    );
    let call = server
        .call(Method::GET, &tenant)
        .token(&text)
        .header("wisdom-tenant", &eve.tenant);
    call.header("x-forwarded-for", "203.0.113.9")
        .send()
        .await
        .expect(404);

    // What it does is its doing, and its use is noted.
    let seen = from("203.0.113.9", &tenant, &text).await.expect(200);
    let change = json!({ "name": "By a key", "expected_version": seen.body["version"] });
    let call = server.call(Method::PATCH, &tenant).token(&text).body(&change);
    call.header("x-forwarded-for", "203.0.113.9")
        .send()
        .await
        .expect(200);
    let audit = format!("{tenant}/audit-entries?action=tenancy.tenant.update");
    let audit = server.get(&audit, &ada.access).await.expect(200);
    assert_eq!(
        audit.body["items"][0]["actor"],
        json!({ "kind": "api_key", "id": key })
    );
    assert_eq!(audit.body["items"][0].get("on_behalf_of"), None);
    let place = format!("{tenant}/api-keys/{key}");
    eventually("the note of its use", async || {
        let view = server.get(&place, &ada.access).await.expect(200);
        view.body["last_used_at"].is_string().then_some(())
    })
    .await;

    // Both secrets are good during a rotation; a revoked key is refused at once.
    let rotated = server
        .post(&format!("{place}/rotate"), &ada.access, &json!({}))
        .await
        .expect(200)
        .text("text");
    for text in [&text, &rotated] {
        from("203.0.113.9", &tenant, text).await.expect(200);
    }
    server
        .post(&format!("{place}/rotate"), &rotated, &json!({}))
        .await
        .expect(401);
    let call = server.call(Method::DELETE, &place).token(&ada.access);
    call.send().await.expect(204);
    for text in [&text, &rotated] {
        from("203.0.113.9", &tenant, text).await.expect(401);
    }
    let listed = server
        .get(&format!("{tenant}/api-keys"), &ada.access)
        .await
        .expect(200);
    assert!(listed.body["items"][0]["revoked_at"].is_string());
    assert!(
        !listed.body.to_string().contains(&text[21..53]),
        "secrets are shown once"
    );
}

async fn rights_of_keys_follow_people(setup: Setup) {
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let bob = server.join(&ada, "bob", "admin").await;
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let personal = make(&server, &bob, "personal-api-keys", &json!({ "name": "Mine" }))
        .await
        .expect(201);
    let shared = make(
        &server,
        &bob,
        "api-keys",
        &json!({ "name": "Ours", "role": "member" }),
    )
    .await
    .expect(201);
    let (mine, ours) = (personal.text("text"), shared.text("text"));

    let invite = async |email: &str| {
        let body = json!({ "email": email, "role": "viewer" });
        server.post(&format!("{tenant}/invitations"), &mine, &body).await
    };
    invite("first@example.com").await.expect(201);
    let audit = format!("{tenant}/audit-entries?action=tenancy.invitation.create");
    let audit = server.get(&audit, &ada.access).await.expect(200);
    let entry = &audit.body["items"][0];
    assert_eq!(
        entry["actor"],
        json!({ "kind": "api_key", "id": personal.text("key") })
    );
    assert_eq!(entry["on_behalf_of"], personal.body["owner"], "both are named");

    // A key makes no keys, and nobody gives away more than they have.
    let path = format!("{tenant}/api-keys");
    let body = json!({ "name": "X", "role": "viewer" });
    assert_eq!(
        server.post(&path, &mine, &body).await.expect(403).code(),
        "session.required"
    );
    let body = json!({ "name": "X", "role": "owner" });
    let refused = server.post(&path, &bob.access, &body).await.expect(400);
    assert_eq!(refused.body["fields"][0]["rule"], "above_rights");

    // Demoted, the owner of a personal key takes it along.
    let change = server.call(Method::PATCH, &format!("{tenant}/members/{}", bob.member));
    let change = change.token(&ada.access).body(&json!({ "role": "viewer" }));
    change.send().await.expect(200);
    assert_eq!(invite("second@example.com").await.expect(403).code(), "forbidden");
    server.get(&tenant, &mine).await.expect(200);

    // Gone, too; the tenant's key stays and asks for a look.
    let gone = server.call(Method::DELETE, &format!("{tenant}/members/{}", bob.member));
    gone.token(&ada.access).send().await.expect(204);
    assert_eq!(server.get(&tenant, &mine).await.expect(404).code(), "not_found");
    server.get(&tenant, &ours).await.expect(200);
    let place = format!("{tenant}/api-keys/{}", shared.text("key"));
    assert_eq!(
        server.get(&place, &ada.access).await.expect(200).body["needs_review"],
        true
    );
}
