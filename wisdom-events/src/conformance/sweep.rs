//! Cases about the sweep.

use std::sync::Arc;
use std::time::Duration;

use wisdom_core::conformance::{Harness, save};
use wisdom_core::id::{EventId, TenantId};
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::UnitOfWork as _;

use super::fixtures::{EventsStore, LEASE, claim, emit, event, relay_all, seed_delivery, seed_endpoint};

use crate::store::{EventsRepositories as _, Fence, RelayTx as _};
use crate::webhook::{Attempt, Delivery, DeliveryState};

const HOUR: Duration = Duration::from_hours(1);

async fn sweep<S: EventsStore + ?Sized>(h: &Harness<S>, before: Timestamp, limit: u32) -> u64 {
    let mut tx = h.system().await;
    let now = Arc::clone(tx.frame()).now();
    let swept = tx.outbox().sweep(before, now, limit).await.expect("sweep");
    save(tx).await;
    swept
}

async fn left<S: EventsStore + ?Sized>(h: &Harness<S>, tenant: TenantId, ids: &[EventId]) -> Vec<bool> {
    let mut left = Vec::new();
    for id in ids {
        left.push(event(h, tenant, *id).await.is_some());
    }
    left
}

/// Old events that were relayed go; what is young, waits or is dead stays.
pub async fn sweep_takes_old_relayed_events<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(0);
    let relayed = emit(h, tenant, &["relayed"]).await;
    relay_all(h).await;
    let dead = emit(h, tenant, &["dead"]).await;
    let claimed = claim(h, 10).await;
    let mut tx = h.system().await;
    assert!(
        tx.outbox()
            .bury(dead[0], claimed[0].fence, h.test().now(), "poison")
            .await
            .expect("bury")
    );
    save(tx).await;
    let waiting = emit(h, tenant, &["waiting"]).await;
    let claimed = claim(h, 10).await;
    let mut tx = h.system().await;
    let far = h.test().now().saturating_add(HOUR * 24);
    assert!(
        tx.outbox()
            .retry(waiting[0], claimed[0].fence, far, "later")
            .await
            .expect("retry")
    );
    save(tx).await;
    let before = h.test().advance(HOUR);
    h.test().advance(HOUR);
    let young = emit(h, tenant, &["young"]).await;
    relay_all(h).await;
    assert_eq!(sweep(h, before, 100).await, 1);
    let all = [relayed[0], dead[0], waiting[0], young[0]];
    assert_eq!(left(h, tenant, &all).await, [false, true, true, true]);
    assert_eq!(sweep(h, before, 100).await, 0);
    let again = emit(h, tenant, &["relayed"]).await[0];
    let seq = event(h, tenant, again).await.expect("the event").seq;
    assert_eq!(seq, 2, "the order goes on behind what was swept");
}

async fn settle<S: EventsStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    delivery: &Delivery,
    state: DeliveryState,
) {
    let mut tx = h.system().await;
    let claimed = tx
        .delivery_queue()
        .claim(10, 10, h.test().now(), LEASE)
        .await
        .expect("claim");
    save(tx).await;
    let fence: Fence = claimed
        .iter()
        .find(|one| one.delivery.id == delivery.id)
        .expect("claimed")
        .fence;
    let settled = Delivery {
        state,
        attempts: 1,
        ..delivery.clone()
    };
    let attempt = Attempt {
        number: 1,
        at: h.test().now(),
        status: Some(204),
        latency_ms: 3,
        error: None,
        response: String::new(),
    };
    let mut tx = h.of(tenant).await;
    assert!(
        tx.deliveries()
            .settle(&settled, &attempt, fence)
            .await
            .expect("settle")
    );
    save(tx).await;
}

/// An event stays while a delivery of it is to be made; its finished deliveries go with it.
pub async fn sweep_keeps_what_has_deliveries_to_make<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(0);
    let endpoint = seed_endpoint(h, tenant).await;
    let done = seed_delivery(h, tenant, endpoint.id).await;
    settle(h, tenant, &done, DeliveryState::Delivered).await;
    let dead = seed_delivery(h, tenant, endpoint.id).await;
    settle(h, tenant, &dead, DeliveryState::Dead).await;
    let open = seed_delivery(h, tenant, endpoint.id).await;
    relay_all(h).await;
    let before = h.test().advance(HOUR);
    assert_eq!(sweep(h, before, 100).await, 2);
    assert_eq!(
        left(h, tenant, &[done.event, dead.event, open.event]).await,
        [false, false, true]
    );
    let mut tx = h.read_of(tenant).await;
    assert_eq!(tx.deliveries().find(done.id).await.expect("find"), None);
    assert_eq!(tx.deliveries().attempts(done.id).await.expect("attempts"), []);
    assert_eq!(tx.deliveries().find(open.id).await.expect("find"), Some(open));
}

/// One sweep has an end.
pub async fn sweep_takes_no_more_than_asked<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let ids = emit(h, h.tenant(0), &["a", "b", "c", "d", "e"]).await;
    relay_all(h).await;
    let before = h.test().advance(HOUR);
    for (swept, kept) in [(2, 3), (2, 1), (1, 0), (0, 0)] {
        assert_eq!(sweep(h, before, 2).await, swept);
        let left = left(h, h.tenant(0), &ids).await;
        assert_eq!(left.into_iter().filter(|left| *left).count(), kept);
    }
}

/// Answers of idempotency keys go when they expire, and what consumers have seen goes with its age.
pub async fn sweep_takes_expired_answers<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let seen = emit(h, h.tenant(0), &["a"]).await[0];
    let mut tx = h.of(h.tenant(0)).await;
    assert!(tx.inbox().first_time("mail", seen).await.expect("first_time"));
    save(tx).await;
    relay_all(h).await;
    super::idempotent_system_calls_run_once(h).await;
    relay_all(h).await;
    assert_eq!(sweep(h, h.test().now(), 100).await, 0, "nothing is old yet");
    let before = h.test().advance(HOUR * 24);
    // Two events, one answer, one inbox row.
    assert_eq!(sweep(h, before, 100).await, 4);
    assert_eq!(sweep(h, before, 100).await, 0);
}
