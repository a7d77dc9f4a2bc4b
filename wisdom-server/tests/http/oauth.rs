//! Service clients and the OAuth endpoints over HTTP: what a client gets, and what it never does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Person, Reply, Server, Setup, on_both};

on_both! {
    a_client_gets_short_tokens_for_its_secret;
    a_client_ends_with_its_tokens;
    the_token_endpoint_refuses_by_the_book;
    tokens_are_introspected_and_revoked;
}

struct Client {
    id: String,
    secret: String,
}

async fn make(server: &Server, person: &Person, body: &Value) -> Client {
    let path = format!("/v1/tenants/{}/service-clients", person.tenant);
    let made = server.post(&path, &person.access, body).await.expect(201);
    Client {
        id: made.text("client"),
        secret: made.text("client_secret"),
    }
}

/// Posts a form.
async fn form(server: &Server, path: &str, basic: Option<&Client>, pairs: &[(&str, &str)]) -> Reply {
    let body: String = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let mut call = server.call(Method::POST, path);
    if let Some(client) = basic {
        let line = STANDARD.encode(format!("{}:{}", client.id, client.secret));
        call = call.header("authorization", &format!("Basic {line}"));
    }
    call.raw("application/x-www-form-urlencoded", body.into_bytes())
        .send()
        .await
}

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

async fn token(server: &Server, client: &Client) -> String {
    let reply = form(server, "/oauth/token", Some(client), &[GRANT]).await;
    reply.expect(200).text("access_token")
}

fn error(reply: &Reply) -> &str {
    reply.body["error"].as_str().unwrap_or_default()
}

async fn a_client_gets_short_tokens_for_its_secret(setup: Setup) {
    let server = setup.start().await;
    let (ada, eve) = (server.founder("ada").await, server.founder("eve").await);
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let body = json!({
        "name": "Importer", "role": "admin",
        "scopes": ["tenancy.tenant.read", "tenancy.tenant.update", "tenancy.member.list"],
    });
    let client = make(&server, &ada, &body).await;
    assert!(client.id.starts_with("svc_") && client.secret.starts_with("wk_live_cs_"));

    // Both ways of saying who one is; unknown parameters are ignored.
    let reply = form(
        &server,
        "/oauth/token",
        Some(&client),
        &[GRANT, ("audience", "x")],
    )
    .await;
    let reply = reply.expect(200);
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert_eq!(reply.text("token_type"), "Bearer");
    assert_eq!(reply.body["expires_in"], 600);
    let access = reply.text("access_token");
    assert!(access.starts_with("wk_live_ct_"));
    let narrow = [
        GRANT,
        ("client_id", &client.id),
        ("client_secret", &client.secret),
        ("scope", "tenancy.tenant.read"),
    ];
    let narrow = form(&server, "/oauth/token", None, &narrow).await.expect(200);
    assert_eq!(narrow.text("scope"), "tenancy.tenant.read");
    let narrow = narrow.text("access_token");

    // What it opens: its tenant, within its scopes, and nothing that needs a person.
    let seen = server.get(&tenant, &access).await.expect(200);
    let change = json!({ "name": "By a client", "expected_version": seen.body["version"] });
    let patch = async |token: &str| {
        let call = server.call(Method::PATCH, &tenant).token(token);
        call.body(&change).send().await
    };
    assert_eq!(patch(&narrow).await.expect(403).code(), "forbidden");
    patch(&access).await.expect(200);
    server
        .get(&format!("{tenant}/members"), &access)
        .await
        .expect(200);
    assert_eq!(
        server
            .get(&format!("{tenant}/members"), &narrow)
            .await
            .expect(403)
            .code(),
        "forbidden"
    );
    server
        .get(&format!("/v1/tenants/{}", eve.tenant), &access)
        .await
        .expect(404);
    assert_eq!(
        server.get("/v1/me", &access).await.expect(403).code(),
        "session.required"
    );
    let path = format!("{tenant}/service-clients");
    let more = json!({ "name": "X", "role": "viewer" });
    assert_eq!(
        server.post(&path, &access, &more).await.expect(403).code(),
        "session.required"
    );
    let audit = format!("{tenant}/audit-entries?action=tenancy.tenant.update");
    let audit = server.get(&audit, &ada.access).await.expect(200);
    assert_eq!(
        audit.body["items"][0]["actor"],
        json!({ "kind": "client", "id": client.id })
    );
    // The secret is no bearer token, and a token no secret.
    server.get(&tenant, &client.secret).await.expect(401);
    let wrong = Client {
        id: client.id.clone(),
        secret: access.clone(),
    };
    form(&server, "/oauth/token", Some(&wrong), &[GRANT])
        .await
        .expect(401);
}

async fn a_client_ends_with_its_tokens(setup: Setup) {
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let path = format!("{tenant}/service-clients");
    let client = make(&server, &ada, &json!({ "name": "Importer", "role": "viewer" })).await;
    let access = token(&server, &client).await;
    server.get(&tenant, &access).await.expect(200);

    // Both secrets are good during a rotation; the end of a client is that of its tokens.
    let place = format!("{path}/{}", client.id);
    let rotated = server
        .post(&format!("{place}/rotate-secret"), &ada.access, &json!({}))
        .await;
    let rotated = Client {
        id: client.id.clone(),
        secret: rotated.expect(200).text("client_secret"),
    };
    token(&server, &client).await;
    let second = token(&server, &rotated).await;
    let strict = json!({ "overlap_seconds": 0 });
    server
        .post(&format!("{place}/rotate-secret"), &ada.access, &strict)
        .await
        .expect(200);
    for client in [&client, &rotated] {
        let refused = form(&server, "/oauth/token", Some(client), &[GRANT])
            .await
            .expect(401);
        assert_eq!(error(&refused), "invalid_client");
    }
    server.get(&tenant, &second).await.expect(200);
    let listed = server.get(&path, &ada.access).await.expect(200);
    assert!(listed.body["items"][0]["last_used_at"].is_string());
    assert!(!listed.body.to_string().contains(&client.secret[24..56]));
    let keys = server
        .get(&format!("{tenant}/api-keys"), &ada.access)
        .await
        .expect(200);
    assert_eq!(keys.body["items"], json!([]), "a client is no key");
    let call = server.call(Method::DELETE, &place).token(&ada.access);
    call.send().await.expect(204);
    for token in [&access, &second] {
        assert_eq!(
            server.get(&tenant, token).await.expect(401).code(),
            "token.invalid"
        );
    }
}

async fn the_token_endpoint_refuses_by_the_book(setup: Setup) {
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let bob = server.join(&ada, "bob", "admin").await;
    let client = make(&server, &ada, &json!({ "name": "Reader", "role": "viewer" })).await;
    let path = format!("/v1/tenants/{}/service-clients", ada.tenant);
    // Nobody makes a client above themself.
    let above = json!({ "name": "X", "role": "owner" });
    let refused = server.post(&path, &bob.access, &above).await.expect(400);
    assert_eq!(refused.body["fields"][0]["rule"], "above_rights");

    let id = ("client_id", client.id.as_str());
    let secret = ("client_secret", client.secret.as_str());
    let mut typo = client.secret.clone();
    typo.replace_range(30..31, if &typo[30..31] == "x" { "y" } else { "x" });
    let other = make(&server, &ada, &json!({ "name": "Other", "role": "viewer" })).await;
    for (pairs, status, code) in [
        (vec![GRANT, id], 401, "invalid_client"),
        (vec![GRANT], 401, "invalid_client"),
        (vec![GRANT, id, ("client_secret", &typo)], 401, "invalid_client"),
        (
            vec![GRANT, id, ("client_secret", &other.secret)],
            401,
            "invalid_client",
        ),
        (vec![id, secret], 400, "invalid_request"),
        (vec![GRANT, GRANT, id, secret], 400, "invalid_request"),
        (
            vec![("grant_type", "password"), id, secret],
            400,
            "unsupported_grant_type",
        ),
        (
            vec![GRANT, id, secret, ("scope", "tenancy.tenant.update")],
            400,
            "invalid_scope",
        ),
        (
            vec![GRANT, id, secret, ("scope", "no.such.thing")],
            400,
            "invalid_scope",
        ),
    ] {
        let refused = form(&server, "/oauth/token", None, &pairs).await.expect(status);
        assert_eq!(error(&refused), code, "{pairs:?}");
        assert_eq!(refused.headers["cache-control"], "no-store");
        assert_eq!(refused.headers.contains_key("www-authenticate"), status == 401);
    }
    // Two ways of saying who one is at once, a body that is no form, parameters in the address.
    let twice = form(&server, "/oauth/token", Some(&client), &[GRANT, id, secret]).await;
    assert_eq!(error(&twice.expect(400)), "invalid_request");
    let body =
        json!({ "grant_type": "client_credentials", "client_id": client.id, "client_secret": client.secret });
    let refused = server.post_public("/oauth/token", &body).await.expect(400);
    assert_eq!(error(&refused), "invalid_request");
    let refused = form(&server, "/oauth/token?x=1", Some(&client), &[GRANT]).await;
    assert_eq!(error(&refused.expect(400)), "invalid_request");
    server.call(Method::GET, "/oauth/token").send().await.expect(405);

    // A range of addresses holds for the secret and for its tokens.
    let body = json!({ "name": "Inside", "role": "viewer", "addresses": ["203.0.113.0/24"] });
    let inside = make(&server, &ada, &body).await;
    let refused = form(&server, "/oauth/token", Some(&inside), &[GRANT])
        .await
        .expect(401);
    assert_eq!(error(&refused), "invalid_client");
}

async fn tokens_are_introspected_and_revoked(setup: Setup) {
    let server = setup.start().await;
    let (ada, eve) = (server.founder("ada").await, server.founder("eve").await);
    let body = json!({ "name": "Gateway", "role": "viewer", "scopes": ["tenancy.tenant.read"] });
    let (hers, other) = (make(&server, &ada, &body).await, make(&server, &eve, &body).await);
    let second = make(&server, &ada, &body).await;
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let introspect = async |client: Option<&Client>, token: &str| {
        form(&server, "/oauth/introspect", client, &[("token", token)]).await
    };
    let access = token(&server, &hers).await;
    let active = introspect(Some(&second), &access).await.expect(200).body;
    assert_eq!(active["active"], true);
    assert_eq!(
        (
            &active["client_id"],
            &active["sub"],
            &active["scope"],
            &active["tid"]
        ),
        (
            &json!(hers.id),
            &json!(hers.id),
            &json!("tenancy.tenant.read"),
            &json!(ada.tenant)
        )
    );
    let active = introspect(Some(&hers), &ada.access).await.expect(200).body;
    assert_eq!(active["active"], true, "{active}");
    assert!(active["sub"].as_str().unwrap().starts_with("usr_"));

    // Whatever is not good here is told in one way.
    let nothing = json!({ "active": false });
    for (client, token) in [
        (&other, access.as_str()),
        (&other, &ada.access),
        (&hers, &eve.access),
        (&hers, &ada.refresh),
        (&hers, &hers.secret),
        (&hers, "wk_live_ct_x"),
        (&hers, "x"),
    ] {
        let told = introspect(Some(client), token).await.expect(200);
        assert_eq!(told.body, nothing, "{token}");
    }
    assert_eq!(
        error(&introspect(None, &access).await.expect(401)),
        "invalid_client"
    );
    let refused = form(&server, "/oauth/introspect", Some(&hers), &[])
        .await
        .expect(400);
    assert_eq!(error(&refused), "invalid_request");

    // A client ends its own tokens only; what is unknown is no error.
    let revoke = async |client: Option<&Client>, token: &str| {
        form(&server, "/oauth/revoke", client, &[("token", token)]).await
    };
    revoke(Some(&second), &access).await.expect(200);
    revoke(Some(&hers), &ada.access).await.expect(200);
    for token in ["x", "wrt_x", "wk_live_ct_x", &ada.refresh[..40]] {
        revoke(None, token).await.expect(200);
    }
    server.get(&tenant, &access).await.expect(200);
    server.get("/v1/me", &ada.access).await.expect(200);
    let mut wrong = hers.secret.clone();
    wrong.replace_range(30..31, if &wrong[30..31] == "x" { "y" } else { "x" });
    let wrong = Client {
        id: hers.id.clone(),
        secret: wrong,
    };
    assert_eq!(
        error(&revoke(Some(&wrong), &access).await.expect(401)),
        "invalid_client"
    );
    for _ in 0..2 {
        revoke(Some(&hers), &access).await.expect(200);
        server.get(&tenant, &access).await.expect(401);
        assert_eq!(introspect(Some(&hers), &access).await.expect(200).body, nothing);
    }

    // A user's tokens end with their session, by either of them.
    let again = server.log_in(&ada.email).await;
    revoke(None, &again.refresh).await.expect(200);
    server.get("/v1/me", &again.access).await.expect(401);
    let body = json!({ "refresh_token": again.refresh });
    server.post_public("/v1/auth/refresh", &body).await.expect(401);
    assert_eq!(
        introspect(Some(&hers), &again.access).await.expect(200).body,
        nothing
    );
    revoke(None, &ada.access).await.expect(200);
    server.get("/v1/me", &ada.access).await.expect(401);
    let body = json!({ "refresh_token": ada.refresh });
    server.post_public("/v1/auth/refresh", &body).await.expect(401);
}
