//! Which certificates are registered for service clients, and by whom.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Reply, Setup, on_both};
use crate::mutual_tls::{Made, add, ask, client_with, good, good_within, is_no_client, make, started};

on_both! {
    only_certificates_that_can_be_used_are_registered;
}

async fn only_certificates_that_can_be_used_are_registered(setup: Setup) {
    let (files, _setup, server) = started(setup).await;
    let ada = server.founder("ada").await;
    let bob = server.join(&ada, "bob", "admin").await;
    let vic = server.join(&ada, "vic", "viewer").await;
    let eve = server.founder("eve").await;
    let (client, owners) = (
        make(&server, &ada, "viewer").await,
        make(&server, &ada, "owner").await,
    );
    let mine = good();
    let rule = |reply: Reply| {
        reply.expect(400).body["fields"][0]["rule"]
            .as_str()
            .unwrap()
            .to_owned()
    };

    assert_eq!(rule(add(&server, &ada, &client, "nothing").await), "format");
    assert_eq!(rule(add(&server, &ada, &client, &mine.key).await), "format");
    assert_eq!(
        rule(add(&server, &ada, &client, &good_within(-60, -1).certificate).await),
        "future"
    );
    // Who may: those who manage clients, within their own rights, in their own tenant and in person.
    assert_eq!(
        add(&server, &vic, &client, &mine.certificate)
            .await
            .expect(403)
            .code(),
        "forbidden"
    );
    assert_eq!(
        rule(add(&server, &bob, &owners, &mine.certificate).await),
        "above_rights"
    );
    let foreign = Made {
        path: client.path.replace(&ada.tenant, &eve.tenant),
        id: client.id.clone(),
        secret: String::new(),
    };
    add(&server, &eve, &foreign, &mine.certificate).await.expect(404);
    add(&server, &eve, &client, &mine.certificate).await.expect(404);
    add(&server, &bob, &client, &mine.certificate).await.expect(201);
    assert_eq!(
        rule(add(&server, &ada, &client, &mine.certificate).await),
        "unique"
    );
    let acting = ask(&server, &client_with(&files, &mine), &client.id)
        .await
        .expect(200);
    let call = server.call_through(&client_with(&files, &mine), Method::POST, &client.path);
    let body = json!({ "name": "X", "certificate": good().certificate });
    let refused = call.token(&acting.text("access_token")).body(&body).send().await;
    assert_eq!(refused.expect(403).code(), "session.required");
    let call = server.call(Method::DELETE, &format!("{}/{}", client.path, mine.thumbprint));
    assert_eq!(
        call.token(&vic.access).send().await.expect(403).code(),
        "forbidden"
    );

    // One that is not good yet stands in the list, and proves nothing.
    let later = good_within(600, 3600);
    add(&server, &ada, &client, &later.certificate).await.expect(201);
    is_no_client(ask(&server, &client_with(&files, &later), &client.id).await);
    for _ in 0..8 {
        add(&server, &ada, &client, &good().certificate).await.expect(201);
    }
    assert_eq!(
        rule(add(&server, &ada, &client, &good().certificate).await),
        "limit"
    );
    let list = format!("/v1/tenants/{}/service-clients", ada.tenant);
    let list = server.get(&list, &ada.access).await.expect(200);
    assert_eq!(
        list.body["items"][0]["certificates"].as_array().unwrap().len(),
        10
    );
    assert_eq!(list.body["items"][1]["certificates"], json!([]));
}
