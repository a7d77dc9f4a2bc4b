//! Events, endpoints and deliveries that cases work on.

use std::time::Duration;

use serde_json::json;
use wisdom_core::conformance::{Harness, TestKit, record, retrying, save, try_save};
use wisdom_core::event::{NewEvent, StoredEvent};
use wisdom_core::id::{EndpointId, EventId, TenantId};
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::{Effect, Store, UnitOfWork as _};
use wisdom_core::value::HttpsUrl;

use crate::outbox::ClaimedEvent;
use crate::store::{EventsRepositories as _, EventsTx, RelayTx};
use crate::webhook::{Delivery, DeliveryState, Endpoint, SealedSecret};

/// How long claims last in cases.
pub(super) const LEASE: Duration = Duration::from_secs(30);
/// The kind of the events that cases emit.
pub(super) const KIND: &str = "conformance.thing.changed";

/// A store that keeps events.
pub trait EventsStore: Store<TenantTx: EventsTx, SystemTx: RelayTx> {}

impl<S: Store<TenantTx: EventsTx, SystemTx: RelayTx> + ?Sized> EventsStore for S {}

pub(super) fn assert_kind<T: std::fmt::Debug>(answer: Result<T, StorageError>, kind: StorageErrorKind) {
    let refused = answer.expect_err("must be refused");
    assert_eq!(refused.kind(), kind, "{refused}");
}

/// An event about a subject, which is its ordering key too.
pub(super) fn about(subject: &str) -> NewEvent {
    NewEvent::new(KIND, subject, json!({ "subject": subject }))
}

/// Commits events of the tenant about these subjects in one unit of work; answers their ids in order.
///
/// # Errors
/// The store's.
pub(super) async fn try_emit<S: EventsStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    subjects: &[&str],
) -> Result<Vec<EventId>, StorageError> {
    let tx = h.begin(tenant, Effect::Write).await?;
    let record = record(
        tx.frame(),
        subjects.iter().map(|subject| about(subject)).collect(),
        None,
    );
    let ids = record.events().iter().map(|event| event.id).collect();
    tx.commit(record).await?;
    Ok(ids)
}

/// Commits events of the tenant about these subjects in one unit of work; answers their ids in order.
pub async fn emit<S: EventsStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    subjects: &[&str],
) -> Vec<EventId> {
    retrying(|| try_emit(h, tenant, subjects)).await.expect("emit")
}

/// The event of the tenant.
pub(super) async fn event<S: EventsStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    id: EventId,
) -> Option<StoredEvent> {
    h.read_of(tenant).await.events().find(id).await.expect("find")
}

/// Claims events in a unit of work of its own.
pub(super) async fn claim<S: EventsStore + ?Sized>(h: &Harness<S>, limit: u32) -> Vec<ClaimedEvent> {
    retrying(|| async {
        let mut tx = h.begin_system(Effect::Write).await?;
        let claimed = tx.outbox().claim(limit, h.test().now(), LEASE).await?;
        try_save(tx).await?;
        Ok(claimed)
    })
    .await
    .expect("claim")
}

/// Claims everything that is due and marks it as relayed; answers it in the order in which it was claimed.
pub(super) async fn relay_all<S: EventsStore + ?Sized>(h: &Harness<S>) -> Vec<StoredEvent> {
    let mut relayed = Vec::new();
    loop {
        let claimed = claim(h, 100).await;
        if claimed.is_empty() {
            return relayed;
        }
        let mut tx = h.system().await;
        for one in claimed {
            let done = tx
                .outbox()
                .complete(one.event.id, one.fence, h.test().now())
                .await
                .expect("complete");
            assert!(done, "the fence is the current one");
            relayed.push(one.event);
        }
        save(tx).await;
    }
}

/// An endpoint that is not stored yet; it wants all events.
#[must_use]
pub fn new_endpoint(test: &TestKit) -> Endpoint {
    endpoint(test.id(), test.now())
}

pub(super) fn endpoint(id: EndpointId, created_at: Timestamp) -> Endpoint {
    Endpoint {
        id,
        url: HttpsUrl::parse("https://hooks.acme.test/in?x=1").expect("a valid address"),
        description: "für die Buchhaltung".to_owned(),
        event_kinds: Vec::new(),
        enabled: true,
        disabled_reason: None,
        failing_since: None,
        secrets: vec![SealedSecret {
            sealed: vec![0, 0xff, 7],
            until: None,
        }],
        created_at,
        version: 1,
    }
}

/// A delivery that is not stored yet and due now.
#[must_use]
pub fn new_delivery(test: &TestKit, endpoint: EndpointId, event: EventId) -> Delivery {
    Delivery {
        id: test.id(),
        endpoint,
        event,
        event_kind: KIND.to_owned(),
        state: DeliveryState::Pending,
        attempts: 0,
        due_at: test.now(),
        created_at: test.now(),
    }
}

/// Stores an endpoint of the tenant.
pub(super) async fn seed_endpoint<S: EventsStore + ?Sized>(h: &Harness<S>, tenant: TenantId) -> Endpoint {
    let endpoint = new_endpoint(h.test());
    let mut tx = h.of(tenant).await;
    tx.endpoints().insert(&endpoint).await.expect("insert");
    save(tx).await;
    endpoint
}

/// Stores a delivery of a new event of the tenant to the endpoint.
pub(super) async fn seed_delivery<S: EventsStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    endpoint: EndpointId,
) -> Delivery {
    let event = emit(h, tenant, &["delivered"]).await[0];
    let delivery = new_delivery(h.test(), endpoint, event);
    let mut tx = h.of(tenant).await;
    assert!(tx.deliveries().insert(&delivery).await.expect("insert"));
    save(tx).await;
    delivery
}
