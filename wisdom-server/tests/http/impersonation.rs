//! Operators acting for users over HTTP: who may, what they may, and who is told.

use reqwest::Method;
use serde_json::{Value, json};
use wisdom_auth::second_factor::totp::{TotpSecret, step_at};
use wisdom_core::clock::{Clock as _, SystemClock};

use crate::harness::{PASSWORD, Person, Reply, Server, Setup, eventually, on_both};
use crate::sign_in::bytes;

on_both! {
    operators_begin_after_a_fresh_proof_and_for_a_reason;
    who_reads_changes_nothing;
    who_writes_touches_no_keys_and_everybody_knows;
    impersonations_end_with_whatever_they_rest_on;
}

pub(crate) const REASON: &str = "Ticket 4711: the export is empty";

/// Signs somebody in with a second factor that they have just proven.
pub(crate) async fn proven(server: &Server, person: &Person) -> String {
    let offer = server
        .post("/v1/me/second-factor/totp", &person.access, &json!({}))
        .await
        .expect(201);
    let secret = TotpSecret::from_bytes(bytes(&offer.text("secret"))).unwrap();
    let step = step_at(SystemClock.now());
    let digits = |step: i64| String::from_utf8(secret.code(step).to_vec()).unwrap();
    let confirm = "/v1/me/second-factor/totp/confirm";
    server
        .post(confirm, &person.access, &json!({ "code": digits(step) }))
        .await
        .expect(200);
    let body = json!({ "email": person.email, "password": PASSWORD });
    let half = server.post_public("/v1/auth/log-in", &body).await.expect(200);
    let body = json!({ "challenge": half.text("challenge"), "code": digits(step + 1) });
    let done = server
        .post_public("/v1/auth/second-factor", &body)
        .await
        .expect(200);
    done.text("access_token")
}

/// Opens the person's tenant to operators.
async fn open(server: &Server, owner: &Person) {
    let path = format!("/v1/tenants/{}/support-access/open", owner.tenant);
    let opened = server
        .post(&path, &owner.access, &json!({ "hours": 1 }))
        .await
        .expect(200);
    assert!(opened.body["open_until"].is_string());
}

pub(crate) async fn start(server: &Server, operator: &str, of: &Person, user: &Value, more: &Value) -> Reply {
    let mut body = json!({ "tenant": of.tenant, "user": user, "reason": REASON });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    server.post("/v1/impersonations", operator, &body).await
}

pub(crate) async fn user_id(server: &Server, person: &Person) -> Value {
    let me = server.get("/v1/me", &person.access).await.expect(200);
    me.body["user"].clone()
}

/// Ada's tenant with Bob in it, somebody who may look, and somebody who may also change things.
struct Stage {
    /// Its database goes when it does.
    setup: Setup,
    server: Server,
    ada: Person,
    bob: Person,
    ops: Person,
    look: Person,
    ada_id: Value,
    bob_id: Value,
    ops_id: Value,
    tenant: String,
}

async fn stage(setup: Setup) -> Stage {
    let setup = setup
        .set("auth.impersonation.readers", "look@example.com")
        .set("auth.impersonation.writers", "ops@example.com");
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let bob = server.join(&ada, "bob", "admin").await;
    open(&server, &ada).await;
    let (ops, look) = (server.founder("ops").await, server.founder("look").await);
    Stage {
        ada_id: user_id(&server, &ada).await,
        bob_id: user_id(&server, &bob).await,
        ops_id: user_id(&server, &ops).await,
        tenant: format!("/v1/tenants/{}", ada.tenant),
        setup,
        server,
        ada,
        bob,
        ops,
        look,
    }
}

async fn operators_begin_after_a_fresh_proof_and_for_a_reason(setup: Setup) {
    let Stage {
        setup: _setup,
        server,
        ada,
        ops,
        look,
        bob_id,
        ops_id,
        ..
    } = stage(setup).await;
    let none = json!({});
    // Nobody but an operator, who has just proven a second factor, for a reason.
    assert_eq!(
        start(&server, &ada.access, &ada, &bob_id, &none)
            .await
            .expect(404)
            .code(),
        "not_found"
    );
    server.get("/v1/impersonations", &ada.access).await.expect(404);
    let refused = start(&server, &ops.access, &ada, &bob_id, &none)
        .await
        .expect(403);
    assert_eq!(refused.code(), "mfa.required");
    let (operator, reader) = (proven(&server, &ops).await, proven(&server, &look).await);
    for reason in [
        "short",
        "         x         ",
        "two\nlines of a reason",
        &"x".repeat(501),
    ] {
        let refused = start(&server, &operator, &ada, &bob_id, &json!({ "reason": reason })).await;
        assert_eq!(refused.expect(400).body["fields"][0]["field"], "reason");
    }
    let refused = start(&server, &reader, &ada, &bob_id, &json!({ "write": true })).await;
    assert_eq!(refused.expect(403).code(), "impersonation.read_only");
    start(&server, &operator, &ada, &ops_id, &none).await.expect(404);
    let refused = start(&server, &reader, &ops, &ops_id, &none).await.expect(403);
    assert_eq!(refused.code(), "impersonation.of_operator");
}

async fn who_reads_changes_nothing(setup: Setup) {
    let Stage {
        setup: _setup,
        server,
        ada,
        ops,
        look,
        bob_id,
        tenant,
        ..
    } = stage(setup).await;
    let reader = proven(&server, &look).await;
    // Who reads, reads what the user sees, in that tenant, and nothing else.
    let begun = start(&server, &reader, &ada, &bob_id, &json!({}))
        .await
        .expect(201);
    assert_eq!(begun.body["expires_in"], 1800);
    let token = begun.text("access_token");
    let seen = server.get(&tenant, &token).await.expect(200);
    assert_eq!(seen.headers["wisdom-impersonation"], begun.text("impersonation"));
    server
        .get(&format!("{tenant}/webhook-endpoints"), &token)
        .await
        .expect(200);
    let change = json!({ "name": "Changed", "expected_version": seen.body["version"] });
    let patch = async |token: &str| {
        let call = server.call(Method::PATCH, &tenant).token(token);
        call.body(&change).send().await
    };
    assert_eq!(patch(&token).await.expect(403).status, 403);
    server
        .get(&format!("/v1/tenants/{}", ops.tenant), &token)
        .await
        .expect(404);
    for path in ["/v1/me", "/v1/sessions", "/v1/tenants", "/v1/impersonations"] {
        assert_eq!(
            server.get(path, &token).await.expect(403).code(),
            "session.required"
        );
    }
}

/// What no operator touches: in a tenant, about a member of it, and by the one they act for.
fn closed(tenant: &str, tenant_id: &str, member: &str, ada_id: &Value) -> Vec<(Method, String, Value)> {
    vec![
        (
            Method::POST,
            format!("{tenant}/api-keys"),
            json!({ "name": "K", "role": "viewer" }),
        ),
        (
            Method::POST,
            format!("{tenant}/personal-api-keys"),
            json!({ "name": "K" }),
        ),
        (
            Method::POST,
            format!("{tenant}/service-clients"),
            json!({ "name": "K", "role": "viewer" }),
        ),
        (
            Method::POST,
            format!("{tenant}/webhook-endpoints"),
            json!({ "url": "http://127.0.0.1:9/" }),
        ),
        (
            Method::POST,
            format!("{tenant}/invitations"),
            json!({ "email": "x@example.com", "role": "viewer" }),
        ),
        (
            Method::PATCH,
            format!("{tenant}/members/{member}"),
            json!({ "role": "viewer" }),
        ),
        (
            Method::PATCH,
            tenant.to_owned(),
            json!({ "name": "Changed", "expected_version": 1 }),
        ),
        (Method::POST, format!("{tenant}/leave"), json!({})),
        (
            Method::POST,
            "/v1/me/password".to_owned(),
            json!({ "current_password": PASSWORD, "new_password": "violet harbour seven lanterns" }),
        ),
        (Method::POST, "/v1/me/second-factor/totp".to_owned(), json!({})),
        (
            Method::POST,
            "/v1/impersonations".to_owned(),
            json!({ "tenant": tenant_id, "user": ada_id, "reason": REASON }),
        ),
    ]
}

async fn who_writes_touches_no_keys_and_everybody_knows(setup: Setup) {
    let Stage {
        setup: _setup,
        server,
        ada,
        bob,
        ops,
        ada_id,
        bob_id,
        ops_id,
        tenant,
        ..
    } = stage(setup).await;
    let operator = proven(&server, &ops).await;
    let endpoint = format!("{tenant}/webhook-endpoints");
    // Who may write still touches nothing that protects anybody.
    let begun = start(&server, &operator, &ada, &bob_id, &json!({ "write": true }))
        .await
        .expect(201);
    let token = begun.text("access_token");
    for (method, path, body) in closed(&tenant, &ada.tenant, &bob.member, &ada_id) {
        let refused = server.call(method, &path).token(&token).body(&body).send().await;
        let refused = refused.expect(403);
        assert!(
            ["session.required", "impersonation.blocked"].contains(&refused.code()),
            "{path}: {refused:?}"
        );
    }
    let call = server.call(
        Method::PATCH,
        &format!("{endpoint}/whe_01kaaaaaaaaaaaaaaaaaaaaaaa"),
    );
    let call = call.token(&token).body(&json!({ "description": "x" }));
    assert_eq!(call.send().await.expect(403).code(), "impersonation.blocked");
    let invite = json!({ "email": "x@example.com", "role": "viewer" });
    let made = server
        .post(&format!("{tenant}/invitations"), &ada.access, &invite)
        .await;
    let place = format!("{tenant}/invitations/{}", made.expect(201).text("id"));
    server
        .call(Method::DELETE, &place)
        .token(&token)
        .send()
        .await
        .expect(204);

    // The owners know, and the log has both names.
    let mails = eventually("the owner's mails", async || {
        let mails = server.mails(&ada.email);
        let told: Vec<String> = mails.into_iter().filter(|mail| mail.contains(REASON)).collect();
        (told.len() == 1).then_some(told)
    });
    assert!(mails.await[0].contains("bob"));
    assert!(!server.mails(&bob.email).iter().any(|mail| mail.contains(REASON)));
    let audit = async |action: &str| {
        let path = format!("{tenant}/audit-entries?action={action}");
        server.get(&path, &ada.access).await.expect(200).body["items"][0].clone()
    };
    let entry = audit("tenancy.invitation.revoke").await;
    assert_eq!(entry["actor"], json!({ "kind": "operator", "id": ops_id }));
    assert_eq!(entry["on_behalf_of"], bob_id);
    let entry = audit("auth.impersonation.start").await;
    assert_eq!(
        (&entry["details"]["reason"], &entry["details"]["user"]),
        (&json!(REASON), &bob_id)
    );
}

async fn impersonations_end_with_whatever_they_rest_on(setup: Setup) {
    let setup = setup.set("auth.impersonation.readers", "ops@example.com");
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let bob = server.join(&ada, "bob", "member").await;
    open(&server, &ada).await;
    let ops = server.founder("ops").await;
    let bob_id = user_id(&server, &bob).await;
    let operator = proven(&server, &ops).await;
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let begin = async || {
        let begun = start(&server, &operator, &ada, &bob_id, &json!({}))
            .await
            .expect(201);
        let token = begun.text("access_token");
        server.get(&tenant, &token).await.expect(200);
        (begun.text("impersonation"), token)
    };
    let refused = async |token: &str| {
        let reply = server.get(&tenant, token).await.expect(401);
        assert_eq!(reply.code(), "token.invalid");
    };

    // By the operator, and nobody else.
    let (id, token) = begin().await;
    let place = format!("/v1/impersonations/{id}");
    let end = async |access: &str| server.call(Method::DELETE, &place).token(access).send().await;
    end(&ada.access).await.expect(404);
    server.get(&tenant, &token).await.expect(200);
    for _ in 0..2 {
        end(&operator).await.expect(204);
        refused(&token).await;
    }
    let listed = server.get("/v1/impersonations", &operator).await.expect(200);
    assert!(listed.body["items"][0]["ended_at"].is_string());
    assert!(listed.body["items"][0].get("access_token").is_none());
    let mut typo = token.clone();
    typo.replace_range(30..31, if &typo[30..31] == "x" { "y" } else { "x" });
    refused(&typo).await;

    // With the user's membership, and with the operator's session.
    let (_, token) = begin().await;
    let gone = server.call(Method::DELETE, &format!("{tenant}/members/{}", bob.member));
    gone.token(&ada.access).send().await.expect(204);
    server.get(&tenant, &token).await.expect(404);
    start(&server, &operator, &ada, &bob_id, &json!({}))
        .await
        .expect(404);
    let ada_id = user_id(&server, &ada).await;
    let begun = start(&server, &operator, &ada, &ada_id, &json!({}))
        .await
        .expect(201);
    let token = begun.text("access_token");
    server.get(&tenant, &token).await.expect(200);
    server
        .post("/v1/auth/log-out", &operator, &json!({}))
        .await
        .expect(204);
    refused(&token).await;
}
