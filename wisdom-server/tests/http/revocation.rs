//! Several servers on one database: what ends on one is over on all.

use std::time::{Duration, Instant};

use reqwest::Method;

use crate::harness::{Setup, eventually, on_both};

on_both! {
    an_end_on_one_server_is_known_on_the_other_within_a_second;
}

#[expect(clippy::disallowed_methods, reason = "measures the programs from outside")]
async fn an_end_on_one_server_is_known_on_the_other_within_a_second(setup: Setup) {
    const ROUNDS: usize = 3;
    let (one, other) = (setup.start().await, setup.start().await);
    let ada = one.founder("ada").await;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let session = one.log_in(&ada.email).await;
        other.get("/v1/me", &session.access).await.expect(200);
        let log_out = one.call(Method::POST, "/v1/auth/log-out").token(&session.access);
        log_out.send().await.expect(204);
        let ended = Instant::now();
        one.get("/v1/me", &session.access).await.expect(401);
        eventually("the other server to know", async || {
            (other.get("/v1/me", &session.access).await.status == 401).then_some(())
        })
        .await;
        times.push(ended.elapsed());
        other.get("/v1/me", &ada.access).await.expect(200);
    }
    // A machine that is busy with other tests may hold up one round.
    times.sort_unstable();
    assert!(times[ROUNDS / 2] <= Duration::from_secs(1), "{times:?}");
}
