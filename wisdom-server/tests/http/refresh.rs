//! Refresh tokens over HTTP: used by many at once, and with the strict setting.

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;
use wisdom_core::conformance::rounds;

use crate::harness::{Reply, Server, Setup, on_both};

on_both! {
    tabs_of_one_browser_share_one_child;
    without_a_window_a_used_child_makes_its_parent_deadly;
}

const TABS: usize = 16;

async fn refresh(server: &Server, token: &str) -> Reply {
    let body = json!({ "refresh_token": token });
    server.post_public("/v1/auth/refresh", &body).await
}

async fn tabs_of_one_browser_share_one_child(setup: Setup) {
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let mut token = ada.refresh;
    for round in 0..rounds(20) {
        let mut calls = JoinSet::new();
        for _ in 0..TABS {
            let call = server.call(Method::POST, "/v1/auth/refresh");
            calls.spawn(call.body(&json!({ "refresh_token": token })).send());
        }
        let answers = calls.join_all().await;
        let child = answers[0].text("refresh_token");
        assert_ne!(child, token);
        let mut access = String::new();
        for answer in answers {
            let answer = answer.expect(200);
            assert_eq!(answer.text("refresh_token"), child, "round {round}");
            access = answer.text("access_token");
        }
        let sessions = server.get("/v1/sessions", &access).await.expect(200);
        assert_eq!(
            sessions.body["items"].as_array().unwrap().len(),
            1,
            "round {round}"
        );
        token = child;
    }
}

async fn without_a_window_a_used_child_makes_its_parent_deadly(setup: Setup) {
    let setup = setup.set("auth.refresh_window_seconds", "0");
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    for round in 0..rounds(10) {
        let first = server.log_in(&ada.email).await;
        let child = refresh(&server, &first.refresh).await.expect(200);
        let again = refresh(&server, &first.refresh).await.expect(200);
        assert_eq!(again.text("refresh_token"), child.text("refresh_token"));
        let (access, lost) = (child.text("access_token"), again.text("access_token"));
        // Each of some parallel uses of the child counts from its own answer on.
        let mut uses = JoinSet::new();
        for _ in 0..4 {
            let used = server.call(Method::GET, "/v1/me").token(&access);
            let parent = server.call(Method::POST, "/v1/auth/refresh");
            let parent = parent.body(&json!({ "refresh_token": first.refresh }));
            uses.spawn(async move {
                let used = used.send().await;
                (used.status == 200).then_some(parent.send().await)
            });
        }
        let refusals: Vec<Reply> = uses.join_all().await.into_iter().flatten().collect();
        assert!(
            !refusals.is_empty(),
            "round {round}: a use comes before any refusal"
        );
        for refused in refusals {
            let refused = refused.expect(401);
            assert_eq!(refused.code(), "session.reuse", "round {round}");
        }
        for member in [&access, &lost, &first.access] {
            server.get("/v1/me", member).await.expect(401);
        }
        for member in [first.refresh, child.text("refresh_token")] {
            let refused = refresh(&server, &member).await.expect(401);
            assert_eq!(refused.code(), "session.reuse", "round {round}");
        }
    }
    server.get("/v1/me", &ada.access).await.expect(200);
}
