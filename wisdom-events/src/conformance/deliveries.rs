//! Cases about webhook deliveries and their attempts.

use std::time::Duration;

use wisdom_core::conformance::{Harness, save};
use wisdom_core::id::TenantId;
use wisdom_core::page::PageRequest;
use wisdom_core::storage::Constraint;

use super::delivery_queue::take;
use super::fixtures::{EventsStore, LEASE, emit, new_delivery, seed_delivery, seed_endpoint};
use crate::store::{EventsRepositories as _, Fence};
use crate::webhook::{Attempt, Delivery, DeliveryState};

fn attempt<S: EventsStore + ?Sized>(h: &Harness<S>, number: i32) -> Attempt {
    Attempt {
        number,
        at: h.test().now(),
        status: Some(503),
        latency_ms: u32::MAX / 3,
        error: Some("unavailable".to_owned()),
        response: "größer \u{1F600} <html>".to_owned(),
    }
}

async fn find<S: EventsStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    delivery: &Delivery,
) -> Option<Delivery> {
    h.read_of(tenant)
        .await
        .deliveries()
        .find(delivery.id)
        .await
        .expect("find")
}

async fn settle<S: EventsStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    delivery: &Delivery,
    attempt: &Attempt,
    fence: Fence,
) -> bool {
    let mut tx = h.of(tenant).await;
    let settled = tx
        .deliveries()
        .settle(delivery, attempt, fence)
        .await
        .expect("settle");
    save(tx).await;
    settled
}

/// A delivery comes back as written.
pub async fn delivery_is_read_back<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let endpoint = seed_endpoint(h, h.tenant(0)).await;
    let delivery = seed_delivery(h, h.tenant(0), endpoint.id).await;
    assert_eq!(find(h, h.tenant(0), &delivery).await, Some(delivery));
    let unknown = h
        .read_of(h.tenant(0))
        .await
        .deliveries()
        .find(h.test().id())
        .await
        .expect("find");
    assert_eq!(unknown, None);
}

/// An endpoint gets one delivery of an event, and asking for a second does no harm to the rest of the unit of work.
pub async fn delivery_is_one_for_endpoint_and_event<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(0);
    let (one, other) = (seed_endpoint(h, tenant).await, seed_endpoint(h, tenant).await);
    let first = seed_delivery(h, tenant, one.id).await;
    let second = new_delivery(h.test(), one.id, first.event);
    let third = new_delivery(h.test(), other.id, first.event);
    let mut tx = h.of(tenant).await;
    assert!(!tx.deliveries().insert(&second).await.expect("insert"));
    assert!(tx.deliveries().insert(&third).await.expect("insert"));
    save(tx).await;
    assert_eq!(find(h, tenant, &second).await, None);
    assert_eq!(find(h, tenant, &first).await, Some(first));
    assert_eq!(find(h, tenant, &third).await, Some(third));
}

/// A delivery is of an event of the tenant to an endpoint of the tenant.
pub async fn delivery_needs_endpoint_and_event<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let (mine, theirs) = (h.tenant(0), h.tenant(1));
    let (endpoint, foreign_endpoint) = (seed_endpoint(h, mine).await, seed_endpoint(h, theirs).await);
    let (event, foreign_event) = (emit(h, mine, &["a"]).await[0], emit(h, theirs, &["a"]).await[0]);
    for (endpoint, event) in [
        (h.test().id(), event),
        (endpoint.id, h.test().id()),
        (foreign_endpoint.id, event),
        (endpoint.id, foreign_event),
        (foreign_endpoint.id, foreign_event),
    ] {
        let mut tx = h.of(mine).await;
        let refused = tx
            .deliveries()
            .insert(&new_delivery(h.test(), endpoint, event))
            .await;
        let refused = refused.expect_err("it refers to nothing of this tenant");
        assert!(refused.violates(Constraint::REFERENCE), "{refused}");
    }
}

/// Deliveries of an endpoint come newest first, ties by id, in pages too, and no other endpoint's are among them.
pub async fn deliveries_are_listed_newest_first<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(0);
    let (endpoint, other) = (seed_endpoint(h, tenant).await, seed_endpoint(h, tenant).await);
    let mut expected = Vec::new();
    for number in 0..7 {
        if number % 3 == 0 {
            h.test().advance(Duration::from_secs(1));
        }
        seed_delivery(h, tenant, other.id).await;
        let delivery = seed_delivery(h, tenant, endpoint.id).await;
        expected.push((delivery.created_at, delivery.id));
    }
    expected.sort();
    expected.reverse();
    let mut seen = Vec::new();
    let mut request = PageRequest::first(3);
    loop {
        let slice = h
            .read_of(tenant)
            .await
            .deliveries()
            .list(endpoint.id, &request)
            .await
            .expect("list");
        assert!(slice.items.len() <= 3);
        seen.extend(
            slice
                .items
                .iter()
                .map(|delivery| (delivery.created_at, delivery.id)),
        );
        request.after = slice.next;
        if slice.next.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected);
}

/// A settlement sets state, due time and count, keeps the attempt, and ends the lease.
pub async fn delivery_is_settled_with_its_attempt<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(0);
    let endpoint = seed_endpoint(h, tenant).await;
    let delivery = seed_delivery(h, tenant, endpoint.id).await;
    let claimed = take(h, 10, 10).await.remove(0);
    let failed = attempt(h, 1);
    let due_at = h.test().now().saturating_add(Duration::from_secs(5));
    let later = Delivery {
        due_at,
        ..claimed.delivery.clone()
    };
    assert!(settle(h, tenant, &later, &failed, claimed.fence).await);
    assert_eq!(
        find(h, tenant, &delivery).await,
        Some(Delivery {
            due_at,
            attempts: 1,
            ..delivery.clone()
        })
    );
    assert_eq!(take(h, 10, 10).await, [], "the next try is not due");
    h.test().advance(Duration::from_secs(5));
    let claimed = take(h, 10, 10).await.remove(0);
    assert_eq!(
        claimed.delivery.attempts, 2,
        "the lease ended with the settlement"
    );
    let mut done = attempt(h, 2);
    (done.status, done.error, done.response) = (None, None, String::new());
    let delivered = Delivery {
        state: DeliveryState::Delivered,
        ..claimed.delivery
    };
    assert!(settle(h, tenant, &delivered, &done, claimed.fence).await);
    assert!(
        !settle(h, tenant, &delivered, &attempt(h, 3), claimed.fence).await,
        "a fence settles once"
    );
    assert_eq!(find(h, tenant, &delivery).await, Some(delivered));
    let attempts = h
        .read_of(tenant)
        .await
        .deliveries()
        .attempts(delivery.id)
        .await
        .expect("attempts");
    assert_eq!(attempts, [done, failed]);
    h.test().advance(Duration::from_hours(24));
    assert_eq!(take(h, 10, 10).await, [], "what was delivered is over");
}

/// Who lost the lease settles nothing and leaves no attempt.
pub async fn delivery_outdated_fence_changes_nothing<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(0);
    let endpoint = seed_endpoint(h, tenant).await;
    let delivery = seed_delivery(h, tenant, endpoint.id).await;
    let old = take(h, 10, 10).await.remove(0);
    h.test().advance(LEASE);
    let new = take(h, 10, 10).await.remove(0);
    assert_ne!(old.fence, new.fence);
    let dead = Delivery {
        state: DeliveryState::Dead,
        ..old.delivery
    };
    assert!(!settle(h, tenant, &dead, &attempt(h, 1), old.fence).await);
    assert_eq!(
        find(h, tenant, &delivery).await.map(|found| found.state),
        Some(DeliveryState::Pending)
    );
    let attempts = h
        .read_of(tenant)
        .await
        .deliveries()
        .attempts(delivery.id)
        .await
        .expect("attempts");
    assert_eq!(attempts, []);
    assert!(
        settle(h, tenant, &dead, &attempt(h, 2), new.fence).await,
        "who holds the lease does"
    );
}

/// A replay makes a delivery due, whatever became of it, and its next attempt is one more.
pub async fn delivery_is_rescheduled_from_any_state<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(0);
    let endpoint = seed_endpoint(h, tenant).await;
    let delivery = seed_delivery(h, tenant, endpoint.id).await;
    for (number, state) in (1..).zip([
        DeliveryState::Dead,
        DeliveryState::Delivered,
        DeliveryState::Pending,
    ]) {
        let claimed = take(h, 10, 10).await.remove(0);
        assert_eq!(claimed.delivery.attempts, number);
        let due_at = h.test().now().saturating_add(Duration::from_hours(24));
        let over = Delivery {
            state,
            due_at,
            ..claimed.delivery
        };
        assert!(settle(h, tenant, &over, &attempt(h, number), claimed.fence).await);
        assert_eq!(take(h, 10, 10).await, []);
        h.test().advance(Duration::from_secs(1));
        let mut tx = h.of(tenant).await;
        assert!(
            tx.deliveries()
                .reschedule(delivery.id, h.test().now())
                .await
                .expect("reschedule")
        );
        assert!(
            !tx.deliveries()
                .reschedule(h.test().id(), h.test().now())
                .await
                .expect("reschedule")
        );
        save(tx).await;
        let found = find(h, tenant, &delivery).await.expect("the delivery");
        assert_eq!(
            (found.state, found.due_at),
            (DeliveryState::Pending, h.test().now())
        );
    }
    assert_eq!(take(h, 10, 10).await.len(), 1);
}

/// No look-up, list or write reaches another tenant's delivery.
pub async fn foreign_deliveries_do_not_exist<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let (mine, theirs) = (h.tenant(0), h.tenant(1));
    let endpoint = seed_endpoint(h, theirs).await;
    let delivery = seed_delivery(h, theirs, endpoint.id).await;
    let claimed = take(h, 10, 10).await.remove(0);
    let dead = Delivery {
        state: DeliveryState::Dead,
        ..claimed.delivery.clone()
    };
    let mut tx = h.of(mine).await;
    assert_eq!(tx.deliveries().find(delivery.id).await.expect("find"), None);
    assert_eq!(
        tx.deliveries()
            .list(endpoint.id, &PageRequest::first(100))
            .await
            .expect("list")
            .items,
        []
    );
    assert!(
        !tx.deliveries()
            .reschedule(delivery.id, h.test().now())
            .await
            .expect("reschedule")
    );
    assert!(
        !tx.deliveries()
            .settle(&dead, &attempt(h, 1), claimed.fence)
            .await
            .expect("settle")
    );
    save(tx).await;
    assert!(settle(h, theirs, &dead, &attempt(h, 1), claimed.fence).await);
    let mut tx = h.read_of(mine).await;
    assert_eq!(tx.deliveries().attempts(delivery.id).await.expect("attempts"), []);
    drop(tx);
    assert_eq!(
        find(h, theirs, &delivery).await.map(|found| found.state),
        Some(DeliveryState::Dead)
    );
}
