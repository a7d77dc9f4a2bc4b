//! No acknowledged write loses its event, however the server dies.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use crate::harness::{Setup, eventually, on_both};
use crate::listener::Listener;

/// Times the server is killed.
const KILLS: u32 = 50;
/// Acknowledged writes before each kill.
const WRITES: u32 = 3;

on_both! {
    killing_it_loses_no_event;
}

/// Numbers below `bound` that depend on nothing but the seed (an `xorshift` of Marsaglia).
pub(crate) fn next(state: &mut u64, bound: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % bound
}

async fn killing_it_loses_no_event(setup: Setup) {
    let receiver = Listener::start().await;
    let mut server = setup.start().await;
    let ada = server.founder("ada").await;
    let tenant = format!("/v1/tenants/{}", ada.tenant);
    let body = json!({ "url": receiver.url, "event_kinds": ["tenancy.invitation.created"] });
    server
        .post(&format!("{tenant}/webhook-endpoints"), &ada.access, &body)
        .await
        .expect(201);

    let mut acknowledged = BTreeSet::new();
    let mut random = 0x9e37_79b9_7f4a_7c15;
    for kill in 0..KILLS {
        for write in 0..WRITES {
            let body = json!({ "email": format!("guest-{kill}-{write}@example.org"), "role": "viewer" });
            let reply = server
                .post(&format!("{tenant}/invitations"), &ada.access, &body)
                .await
                .expect(201);
            acknowledged.insert(reply.text("id"));
        }
        // From before the relay woke up to after the receiver answered.
        tokio::time::sleep(Duration::from_millis(next(&mut random, 51))).await;
        server.kill().await;
        server = setup.start().await;
    }

    let count = usize::try_from(KILLS * WRITES).unwrap();
    assert_eq!(acknowledged.len(), count);
    // By invitation, the ids under which its event came. What was in flight at a kill waits for its lease to end.
    let arrived = eventually("every event", async || {
        let mut arrived: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for delivery in receiver.deliveries() {
            let event = delivery.event();
            let subject = event["subject"].as_str().unwrap();
            let invitation = subject.rsplit('/').next().unwrap().to_owned();
            arrived.entry(invitation).or_default().insert(delivery.id());
        }
        acknowledged
            .iter()
            .all(|id| arrived.contains_key(id))
            .then_some(arrived)
    })
    .await;
    for (invitation, ids) in &arrived {
        assert_eq!(ids.len(), 1, "{invitation} came under more than one id");
    }
    let deliveries = receiver.deliveries().len();
    assert!(deliveries >= count, "{deliveries}");
}
