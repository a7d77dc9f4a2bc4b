//! Passwords over HTTP: what is refused when one is chosen, and changing one.

use reqwest::Method;
use serde_json::json;

use crate::harness::{PASSWORD, Setup, eventually, on_both};

const NEW: &str = "nine silver kettles on the roof";

on_both! {
    a_password_is_changed_with_the_current_one;
}

async fn a_password_is_changed_with_the_current_one(setup: Setup) {
    let setup = setup.set("auth.password.history", "1");
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let there = server.log_in(&ada.email).await;
    let change = async |current: &str, new: &str| {
        let body = json!({ "current_password": current, "new_password": new });
        server.post("/v1/me/password", &ada.access, &body).await
    };
    assert_eq!(
        change("not it at all, sorry", NEW).await.expect(400).code(),
        "password.wrong"
    );
    assert_eq!(
        change(PASSWORD, PASSWORD).await.expect(400).body["fields"][0]["rule"],
        "reused"
    );
    assert_eq!(
        change(PASSWORD, "correct horse battery staple")
            .await
            .expect(400)
            .body["fields"][0]["rule"],
        "blocked"
    );
    server.get("/v1/me", &there.access).await.expect(200);
    change(PASSWORD, NEW).await.expect(204);
    server.get("/v1/me", &ada.access).await.expect(200);
    server.get("/v1/me", &there.access).await.expect(401);
    let refreshed = server
        .post_public("/v1/auth/refresh", &json!({ "refresh_token": there.refresh }))
        .await;
    assert_eq!(refreshed.expect(401).code(), "session.credential_change");
    assert_eq!(
        change(NEW, PASSWORD).await.expect(400).body["fields"][0]["rule"],
        "reused"
    );
    let log_in = async |password: &str| {
        let body = json!({ "email": ada.email, "password": password });
        server.post_public("/v1/auth/log-in", &body).await
    };
    log_in(PASSWORD).await.expect(401);
    log_in(NEW).await.expect(200);
    // A mailed proof brings no earlier password back either.
    let first = server.mailed_token(&ada.email).await;
    let wish = json!({ "email": ada.email });
    server
        .post_public("/v1/auth/reset-password/request", &wish)
        .await
        .expect(202);
    let token = eventually("the token", async || {
        let newest = server.mailed_token(&ada.email).await;
        (newest != first).then_some(newest)
    })
    .await;
    let reset = async |password: &str| {
        let body = json!({ "token": token, "password": password });
        server.post_public("/v1/auth/reset-password", &body).await
    };
    for used in [NEW, PASSWORD] {
        let refused = reset(used).await.expect(400);
        assert_eq!(refused.body["fields"][0]["rule"], "reused");
    }
    reset("seven copper kites above the town").await.expect(204);
    log_in(NEW).await.expect(401);
    server
        .call(Method::POST, "/v1/me/password")
        .body(&json!({ "current_password": NEW, "new_password": PASSWORD }))
        .send()
        .await
        .expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_password_is_refused_at_every_door() {
    let setup = Setup::sqlite();
    let list = setup.data().with_file_name("refused.txt");
    std::fs::write(&list, "Umbrella Factory Nineteen\n").unwrap();
    let server = setup
        .set("auth.password.blocklist_file", list.to_str().unwrap())
        .start()
        .await;
    let ada = server.founder("ada").await;
    let listed = "umbrella FACTORY nineteen";
    let blocked = |reply: crate::harness::Reply| {
        assert_eq!(reply.expect(400).body["fields"][0]["rule"], "blocked");
    };
    let sign_up =
        json!({ "email": "bob@example.com", "password": listed, "display_name": "Bob", "tenant_name": "B" });
    blocked(server.post_public("/v1/auth/sign-up", &sign_up).await);
    let change = json!({ "current_password": PASSWORD, "new_password": listed });
    blocked(server.post("/v1/me/password", &ada.access, &change).await);
    let check = json!({ "password": listed, "email": "bob@example.com" });
    let told = server
        .post_public("/v1/auth/password/check", &check)
        .await
        .expect(200);
    assert_eq!(
        (&told.body["acceptable"], &told.body["rule"]),
        (&json!(false), &json!("blocked"))
    );
    let check = json!({ "password": "violet harbour seven lanterns", "email": "bob@example.com" });
    let told = server
        .post_public("/v1/auth/password/check", &check)
        .await
        .expect(200);
    assert_eq!(
        (&told.body["acceptable"], &told.body["score"]),
        (&json!(true), &json!(4))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_password_is_trimmed_or_cut() {
    let server = Setup::sqlite().start().await;
    for (n, length) in [15_usize, 73, 128].into_iter().enumerate() {
        let base: String = "vT3 äö✓wq🦀 zK7;".chars().cycle().take(length - 1).collect();
        let (right, wrong) = (format!("{base}a"), format!("{base}b"));
        let email = format!("p{n}@example.com");
        let body =
            json!({ "email": email, "password": right, "display_name": "P", "tenant_name": format!("T{n}") });
        server.post_public("/v1/auth/sign-up", &body).await.expect(202);
        let log_in = async |password: &str| {
            let body = json!({ "email": email, "password": password });
            server.post_public("/v1/auth/log-in", &body).await
        };
        log_in(&wrong).await.expect(401);
        log_in(&format!("{right} ")).await.expect(401);
        log_in(&format!("{right}\0")).await.expect(401);
        log_in(&right).await.expect(200);
    }
    let huge = json!({ "email": "a@example.com", "password": "x".repeat(1 << 20) });
    server.post_public("/v1/auth/log-in", &huge).await.expect(413);
}
