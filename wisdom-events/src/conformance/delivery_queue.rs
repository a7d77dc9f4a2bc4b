//! Cases about the queue of deliveries, as workers see it.

use std::collections::BTreeSet;
use std::time::Duration;

use wisdom_core::conformance::{Harness, parallel, retrying, save, try_save};
use wisdom_core::id::DeliveryId;
use wisdom_core::unit_of_work::Effect;

use super::fixtures::{EventsStore, LEASE, emit, new_delivery, seed_delivery, seed_endpoint};
use crate::store::{EventsRepositories as _, RelayTx as _};
use crate::webhook::{Attempt, ClaimedDelivery, Delivery, DeliveryState};

/// Claims deliveries in a unit of work of its own.
pub(super) async fn take<S: EventsStore + ?Sized>(
    h: &Harness<S>,
    limit: u32,
    per_endpoint: u32,
) -> Vec<ClaimedDelivery> {
    retrying(|| async {
        let mut tx = h.begin_system(Effect::Write).await?;
        let claimed = tx
            .delivery_queue()
            .claim(limit, per_endpoint, h.test().now(), LEASE)
            .await?;
        try_save(tx).await?;
        Ok(claimed)
    })
    .await
    .expect("claim")
}

fn ids(claimed: &[ClaimedDelivery]) -> Vec<DeliveryId> {
    claimed.iter().map(|one| one.delivery.id).collect()
}

/// What is due is claimed once, with the try counted, and a claim holds it for the length of the lease.
pub async fn queue_claims_what_is_due_once<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(0);
    assert_eq!(take(h, 10, 10).await, []);
    let endpoint = seed_endpoint(h, tenant).await;
    let due = seed_delivery(h, tenant, endpoint.id).await;
    let event = emit(h, tenant, &["later"]).await[0];
    let at = h.test().now().saturating_add(Duration::from_secs(10));
    let later = Delivery {
        due_at: at,
        ..new_delivery(h.test(), endpoint.id, event)
    };
    let mut tx = h.of(tenant).await;
    assert!(tx.deliveries().insert(&later).await.expect("insert"));
    save(tx).await;
    let claimed = take(h, 10, 10).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].tenant, tenant);
    assert_eq!(claimed[0].delivery, Delivery { attempts: 1, ..due });
    assert_eq!(take(h, 10, 10).await, []);
    h.test().advance(Duration::from_secs(10));
    assert_eq!(
        ids(&take(h, 10, 10).await),
        [later.id],
        "the first one's lease still runs"
    );
}

/// When a lease ends without a settlement, another claims the delivery, with a count and a fence of its own.
pub async fn queue_lease_that_ended_is_claimed_again<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let endpoint = seed_endpoint(h, h.tenant(0)).await;
    let delivery = seed_delivery(h, h.tenant(0), endpoint.id).await;
    let mut fences = Vec::new();
    for attempts in 1..=3 {
        let claimed = take(h, 10, 1).await;
        assert_eq!(
            ids(&claimed),
            [delivery.id],
            "a lease that ended is not under way"
        );
        assert_eq!(claimed[0].delivery.attempts, attempts);
        assert!(!fences.contains(&claimed[0].fence), "a fence comes once");
        fences.push(claimed[0].fence);
        h.test().advance(LEASE.saturating_sub(Duration::from_micros(1)));
        assert_eq!(take(h, 10, 10).await, []);
        h.test().advance(Duration::from_micros(1));
    }
}

/// A claim takes as many as asked for, what is due longest first.
pub async fn queue_claims_no_more_than_asked<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let endpoint = seed_endpoint(h, h.tenant(0)).await;
    let mut seeded = Vec::new();
    for _ in 0..5 {
        seeded.push(seed_delivery(h, h.tenant(0), endpoint.id).await.id);
        h.test().advance(Duration::from_secs(1));
    }
    let mut seen = Vec::new();
    for expected in [2, 2, 1, 0] {
        let mut claimed = ids(&take(h, 2, 10).await);
        assert_eq!(claimed.len(), expected);
        claimed.sort();
        seen.extend(claimed);
    }
    assert_eq!(seen, seeded, "in the order in which they fell due");
}

/// An endpoint has so many under way and not more, and others do not wait for it.
pub async fn queue_spares_an_endpoint_that_is_busy<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(0);
    let (busy, idle) = (seed_endpoint(h, tenant).await, seed_endpoint(h, tenant).await);
    for _ in 0..5 {
        seed_delivery(h, tenant, busy.id).await;
    }
    let other = seed_delivery(h, tenant, idle.id).await;
    let first = take(h, 10, 2).await;
    assert_eq!(
        first
            .iter()
            .filter(|one| one.delivery.endpoint == busy.id)
            .count(),
        2
    );
    assert!(ids(&first).contains(&other.id));
    assert_eq!(take(h, 10, 2).await, [], "two are under way");
    let done = first
        .into_iter()
        .find(|one| one.delivery.endpoint == busy.id)
        .expect("a claim");
    let attempt = Attempt {
        number: 1,
        at: h.test().now(),
        status: Some(200),
        latency_ms: 1,
        error: None,
        response: String::new(),
    };
    let delivered = Delivery {
        state: DeliveryState::Delivered,
        ..done.delivery
    };
    let mut tx = h.of(tenant).await;
    assert!(
        tx.deliveries()
            .settle(&delivered, &attempt, done.fence)
            .await
            .expect("settle")
    );
    save(tx).await;
    assert_eq!(take(h, 10, 2).await.len(), 1, "one place is free");
    assert_eq!(take(h, 10, 3).await.len(), 1, "the number is the claimer's");
}

/// One claim takes what is due of all tenants, and says whose it is.
pub async fn queue_claims_for_all_tenants<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let mut expected = BTreeSet::new();
    for tenant in [h.tenant(0), h.tenant(1)] {
        let endpoint = seed_endpoint(h, tenant).await;
        expected.insert((tenant, seed_delivery(h, tenant, endpoint.id).await.id));
    }
    let claimed: BTreeSet<_> = take(h, 10, 10)
        .await
        .iter()
        .map(|one| (one.tenant, one.delivery.id))
        .collect();
    assert_eq!(claimed, expected);
}

/// However many claim at the same moment, no delivery goes to two of them, and none is forgotten.
pub async fn queue_claimers_at_once_never_share<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(0);
    let endpoint = seed_endpoint(h, tenant).await;
    let keys: Vec<String> = (0..40).map(|number| format!("key{number}")).collect();
    let subjects: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut seeded = Vec::new();
    let events = emit(h, tenant, &subjects).await;
    let mut tx = h.of(tenant).await;
    for event in events {
        let delivery = new_delivery(h.test(), endpoint.id, event);
        assert!(tx.deliveries().insert(&delivery).await.expect("insert"));
        seeded.push(delivery.id);
    }
    save(tx).await;
    let claims = parallel(8, |_| {
        let h = h.clone();
        async move {
            let mut mine = Vec::new();
            for _ in 0..4 {
                mine.extend(ids(&take(&h, 5, 1000).await));
            }
            mine
        }
    })
    .await;
    let mut claimed: Vec<DeliveryId> = claims.into_iter().flatten().collect();
    // Rows that others were claiming are skipped, so the last of them may be left over.
    claimed.extend(ids(&take(h, 100, 1000).await));
    claimed.sort();
    seeded.sort();
    assert_eq!(claimed, seeded);
}
