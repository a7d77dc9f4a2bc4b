//! Refreshes that are cut off between spending the token and answering: by `kill -9` of the server, and by the loss of its
//! database. The user goes on with the token they have, and never with two.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use wisdom_core::conformance::rounds;

use crate::crash::next;
use crate::harness::{Reply, Server, Setup, eventually, on_both};

/// Sessions that are refreshed at the same moment.
const SESSIONS: usize = 8;
/// Times the server or its database dies.
const CUTS: usize = 20;

on_both! {
    a_kill_in_the_middle_of_refreshing_signs_nobody_out;
}

/// A session, and the newest refresh token its user has.
struct Held {
    session: String,
    token: String,
}

async fn begin(server: &Server, email: &str) -> Held {
    let body = json!({ "email": email, "password": crate::harness::PASSWORD });
    let pair = server.post_public("/v1/auth/log-in", &body).await.expect(200);
    Held {
        session: pair.text("session"),
        token: pair.text("refresh_token"),
    }
}

async fn refresh(server: &Server, token: &str) -> Reply {
    let body = json!({ "refresh_token": token });
    server.post_public("/v1/auth/refresh", &body).await
}

/// Refreshes that go on while something dies: what came back for each session, if anything did.
fn all_at_once(server: &Server, held: &[Held]) -> JoinSet<(usize, Option<Reply>)> {
    let mut calls = JoinSet::new();
    for (index, held) in held.iter().enumerate() {
        let call = server.call(Method::POST, "/v1/auth/refresh");
        let call = call.body(&json!({ "refresh_token": held.token }));
        calls.spawn(async move { (index, call.attempt().await.ok()) });
    }
    calls
}

/// When each live session of the caller was refreshed last.
async fn refreshed(server: &Server, access: &str) -> BTreeMap<String, String> {
    let list = eventually("the list of sessions", async || {
        let list = patient(server.get("/v1/sessions", access).await)?;
        Some(list.expect(200))
    })
    .await;
    let items = list.body["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            let text = |name: &str| item[name].as_str().unwrap().to_owned();
            (text("id"), text("refreshed_at"))
        })
        .collect()
}

/// Nothing when the answer is to come again later, and says when.
fn patient(reply: Reply) -> Option<Reply> {
    if reply.status == 503 {
        assert!(reply.headers.contains_key("retry-after"), "{reply:?}");
        return None;
    }
    Some(reply)
}

/// How long all refreshes take when nothing dies: what dies later dies within this and a little more.
async fn usual_time(server: &Server, held: &mut [Held]) -> Duration {
    let began = Instant::now();
    for (index, answer) in all_at_once(server, held).join_all().await {
        held[index].token = answer.unwrap().expect(200).text("refresh_token");
    }
    began.elapsed()
}

fn moment(random: &mut u64, usual: Duration) -> Duration {
    let most = u64::try_from(usual.as_micros()).unwrap() * 5 / 4;
    Duration::from_micros(next(random, most.max(1)))
}

/// Goes on with every session: with the answer where it came, else with the token from before, for which there is one child.
async fn go_on(server: &Server, held: &mut [Held], answers: Vec<Option<String>>) {
    for (held, answered) in held.iter_mut().zip(answers) {
        let goes_on = async |token: &str| {
            eventually("a refresh", async || patient(refresh(server, token).await))
                .await
                .expect(200)
                .text("refresh_token")
        };
        held.token = if let Some(child) = answered {
            goes_on(&child).await
        } else {
            let child = goes_on(&held.token).await;
            assert_eq!(goes_on(&held.token).await, child, "two children live");
            // Once more within the same second.
            goes_on(&child).await
        };
    }
}

async fn a_kill_in_the_middle_of_refreshing_signs_nobody_out(setup: Setup) {
    let mut server = setup.start().await;
    let ada = server.founder("ada").await;
    let mut watcher = ada.refresh.clone();
    let mut held = Vec::new();
    for _ in 0..SESSIONS {
        held.push(begin(&server, &ada.email).await);
    }
    let mut random = 0x2545_f491_4f6c_dd1d;
    let (mut answered, mut spent, mut unspent) = (0, 0, 0);
    for kill in 0..rounds(CUTS) {
        let usual = usual_time(&server, &mut held).await;
        // Spent for long, whenever the server was started.
        let old = begin(&server, &ada.email).await;
        let child = refresh(&server, &old.token)
            .await
            .expect(200)
            .text("refresh_token");
        let grandchild = refresh(&server, &child).await.expect(200).text("refresh_token");
        let pair = refresh(&server, &watcher).await.expect(200);
        watcher = pair.text("refresh_token");
        let access = pair.text("access_token");
        let before = refreshed(&server, &access).await;

        let calls = all_at_once(&server, &held);
        sleep(moment(&mut random, usual)).await;
        server.kill().await;
        let mut answers: Vec<Option<String>> = (0..SESSIONS).map(|_| None).collect();
        for (index, answer) in calls.join_all().await {
            answers[index] = answer.map(|answer| answer.expect(200).text("refresh_token"));
        }
        server = setup.start().await;

        let after = refreshed(&server, &access).await;
        let sessions: BTreeSet<&String> = after.keys().collect();
        assert_eq!(sessions, before.keys().collect(), "after kill {kill}");
        for (held, answer) in held.iter().zip(&answers) {
            let moved = before[&held.session] != after[&held.session];
            match (answer, moved) {
                (Some(_), moved) => {
                    assert!(moved, "kill {kill}: what was answered is there");
                    answered += 1;
                }
                (None, true) => spent += 1,
                (None, false) => unspent += 1,
            }
        }
        go_on(&server, &mut held, answers).await;
        for token in [&old.token, &grandchild] {
            let refused = refresh(&server, token).await.expect(401);
            assert_eq!(refused.code(), "session.reuse", "after kill {kill}");
        }
    }
    println!("answered {answered}, spent and not answered {spent}, not spent {unspent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_in_the_middle_of_refreshing_signs_nobody_out() {
    let database = wisdom_adapters::testkit::require_or_skip!(wisdom_adapters::testkit::postgres().await);
    let setup = Setup::postgres(database);
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let mut held = Vec::new();
    for _ in 0..SESSIONS {
        held.push(begin(&server, &ada.email).await);
    }
    let mut random = 0x2545_f491_4f6c_dd1d;
    let (mut answered, mut later, mut sessions) = (0, 0, 0);
    for cut in 0..rounds(CUTS) {
        let usual = usual_time(&server, &mut held).await;
        let calls = all_at_once(&server, &held);
        sleep(moment(&mut random, usual)).await;
        sessions += setup.cut_database().await;
        let mut answers: Vec<Option<String>> = (0..SESSIONS).map(|_| None).collect();
        for (index, answer) in calls.join_all().await {
            let answer = patient(answer.expect("the server itself goes on"));
            answers[index] = answer.map(|answer| answer.expect(200).text("refresh_token"));
        }
        let given = answers.iter().flatten().count();
        (answered, later) = (answered + given, later + SESSIONS - given);
        go_on(&server, &mut held, answers).await;
        let pair = server.log_in(&ada.email).await;
        let live = refreshed(&server, &pair.access).await;
        let live: BTreeSet<&String> = live.keys().collect();
        assert!(held.iter().all(|held| live.contains(&held.session)), "cut {cut}");
        server
            .call(Method::POST, "/v1/auth/log-out")
            .token(&pair.access)
            .send()
            .await
            .expect(204);
    }
    println!("{sessions} sessions of the server ended; answered {answered}, to come again {later}");
    assert!(sessions >= rounds(CUTS), "the cuts found something to cut");
}
