//! Whether operators come in is the tenant's choice, over HTTP.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Setup, on_both};
use crate::impersonation::{REASON, proven, start, user_id};

on_both! {
    a_start_that_is_not_granted_asks_the_owners_once;
    tenants_decide_whether_operators_come_in;
}

async fn a_start_that_is_not_granted_asks_the_owners_once(setup: Setup) {
    let setup = setup.set("auth.impersonation.writers", "ops@example.com");
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let bob = server.join(&ada, "bob", "admin").await;
    let ops = server.founder("ops").await;
    let bob_id = user_id(&server, &bob).await;
    let operator = proven(&server, &ops).await;
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let begin = async || start(&server, &operator, &ada, &bob_id, &json!({})).await;
    let seen = server.get(&tenant, &ada.access).await.expect(200);
    assert_eq!(seen.body["support_access"], json!({ "mode": "ask" }));
    for _ in 0..3 {
        assert_eq!(begin().await.expect(403).code(), "impersonation.not_granted");
    }
    server
        .mailed(&ada.email, "Our support asks to work in your organization")
        .await;
    let asked = server
        .mails(&ada.email)
        .into_iter()
        .filter(|mail| mail.contains(REASON));
    assert_eq!(asked.count(), 1);
    assert!(!server.mails(&bob.email).iter().any(|mail| mail.contains(REASON)));
    let path = format!("{tenant}/audit-entries?action=auth.impersonation.request");
    let entries = server.get(&path, &ada.access).await.expect(200);
    let items = entries.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["details"]["reason"], REASON);
}

async fn tenants_decide_whether_operators_come_in(setup: Setup) {
    let setup = setup.set("auth.impersonation.writers", "ops@example.com");
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let bob = server.join(&ada, "bob", "admin").await;
    let ops = server.founder("ops").await;
    let (ada_id, bob_id) = (user_id(&server, &ada).await, user_id(&server, &bob).await);
    let operator = proven(&server, &ops).await;
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let place = format!("{tenant}/support-access");
    let set = async |token: &str, mode: &str| {
        let call = server.call(Method::PATCH, &place).token(token);
        call.body(&json!({ "mode": mode })).send().await
    };
    let open = async |token: &str, hours: u8| {
        let body = json!({ "hours": hours });
        server.post(&format!("{place}/open"), token, &body).await
    };
    let close = async |token: &str| server.post(&format!("{place}/close"), token, &json!({})).await;
    let begin =
        async |write: bool| start(&server, &operator, &ada, &ada_id, &json!({ "write": write })).await;

    // Owners alone open it, in person, for 1 to 72 hours.
    assert_eq!(open(&bob.access, 1).await.expect(403).code(), "forbidden");
    assert_eq!(set(&bob.access, "always").await.expect(403).code(), "forbidden");
    assert_eq!(close(&bob.access).await.expect(403).code(), "forbidden");
    for hours in [0, 73] {
        assert_eq!(
            open(&ada.access, hours).await.expect(400).body["fields"][0]["field"],
            "hours"
        );
    }
    set(&ada.access, "sometimes").await.expect(400);
    let key = json!({ "name": "Robot" });
    let key = server
        .post(&format!("{tenant}/personal-api-keys"), &ada.access, &key)
        .await;
    let key = key.expect(201).text("text");
    for refused in [open(&key, 1).await, set(&key, "always").await, close(&key).await] {
        assert_eq!(refused.expect(403).code(), "session.required");
    }

    // Whoever acts for an owner does not let themselves stay.
    open(&ada.access, 1).await.expect(200);
    let begun = begin(true).await.expect(201);
    let token = begun.text("access_token");
    for refused in [
        open(&token, 72).await,
        set(&token, "always").await,
        close(&token).await,
    ] {
        assert_eq!(refused.expect(403).code(), "session.required");
    }

    // Closing ends what goes on at once.
    server.get(&tenant, &token).await.expect(200);
    let closed = close(&ada.access).await.expect(200);
    assert_eq!(closed.body, json!({ "mode": "ask" }));
    assert_eq!(
        server.get(&tenant, &token).await.expect(401).code(),
        "token.invalid"
    );
    assert_eq!(begin(false).await.expect(403).code(), "impersonation.not_granted");
    let listed = server.get("/v1/impersonations", &operator).await.expect(200);
    assert!(listed.body["items"][0]["ended_at"].is_string());

    // So does never, which cannot be opened either; and nothing that ended comes back.
    set(&ada.access, "always").await.expect(200);
    let later = start(&server, &operator, &ada, &bob_id, &json!({}))
        .await
        .expect(201);
    let later = later.text("access_token");
    server.get(&tenant, &later).await.expect(200);
    set(&ada.access, "never").await.expect(200);
    server.get(&tenant, &later).await.expect(401);
    assert_eq!(begin(false).await.expect(403).code(), "impersonation.closed");
    assert_eq!(
        open(&ada.access, 1).await.expect(409).code(),
        "support_access.not_asked"
    );
    set(&ada.access, "always").await.expect(200);
    for token in [&token, &later] {
        server.get(&tenant, token).await.expect(401);
    }
    begin(false).await.expect(201);

    let audited = async |action: &str| {
        let path = format!("{tenant}/audit-entries?action={action}");
        let entries = server.get(&path, &ada.access).await.expect(200);
        let items = entries.body["items"].as_array().unwrap().iter();
        items.filter(|item| item["result"] == "done").count()
    };
    for (action, times) in [
        ("tenancy.support_access.open", 1),
        ("tenancy.support_access.close", 1),
        ("tenancy.support_access.set", 3),
    ] {
        assert_eq!(audited(action).await, times, "{action}");
    }
}
