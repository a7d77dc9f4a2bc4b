//! Cases about commit: everything or nothing, and nothing of another tenant.

use serde_json::json;
use wisdom_core::access::Role;
use wisdom_core::audit::AuditEntry;
use wisdom_core::conformance::{Harness, record, save};
use wisdom_core::context::{Actor, Credential};
use wisdom_core::event::{Audience, NewEvent, StoredEvent};
use wisdom_core::page::PageRequest;
use wisdom_core::storage::StorageErrorKind;
use wisdom_core::unit_of_work::{Effect, UnitOfWork as _};

use super::fixtures::{EventsStore, KIND, about, assert_kind, emit, event, new_endpoint, relay_all};
use crate::store::{EventsRepositories as _, RelayTx as _};

async fn audited<S: EventsStore + ?Sized>(h: &Harness<S>, tenant: usize) -> usize {
    let mut tx = h.read_of(h.tenant(tenant)).await;
    tx.audit_log()
        .list(None, &PageRequest::first(100))
        .await
        .expect("list")
        .items
        .len()
}

async fn endpoints<S: EventsStore + ?Sized>(h: &Harness<S>, tenant: usize) -> i64 {
    h.read_of(h.tenant(tenant))
        .await
        .endpoints()
        .count()
        .await
        .expect("count")
}

async fn pending<S: EventsStore + ?Sized>(h: &Harness<S>) -> i64 {
    h.system_read()
        .await
        .outbox()
        .counts()
        .await
        .expect("counts")
        .pending
}

/// One commit writes the state, every event and the audit entry.
pub async fn commit_writes_state_events_and_audit<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let endpoint = new_endpoint(h.test());
    let mut tx = h.of(h.tenant(0)).await;
    tx.endpoints().insert(&endpoint).await.expect("insert");
    let entry = AuditEntry::on("endpoint", endpoint.id);
    let record = record(tx.frame(), vec![about("a"), about("b"), about("a")], Some(entry));
    let ids: Vec<_> = record.events().iter().map(|event| event.id).collect();
    tx.commit(record).await.expect("commit");
    assert_eq!(endpoints(h, 0).await, 1);
    assert_eq!(audited(h, 0).await, 1);
    assert_eq!(pending(h).await, 3);
    for id in ids {
        assert!(event(h, h.tenant(0), id).await.is_some());
    }
}

/// Dropping a unit of work undoes it, and the next writer gets its turn.
pub async fn dropped_unit_leaves_nothing<S: EventsStore + ?Sized>(h: &Harness<S>) {
    for _ in 0..3 {
        let mut tx = h.of(h.tenant(0)).await;
        tx.endpoints()
            .insert(&new_endpoint(h.test()))
            .await
            .expect("insert");
        drop(tx);
    }
    assert_eq!(endpoints(h, 0).await, 0);
}

/// Rolling back undoes it too.
pub async fn rolled_back_unit_leaves_nothing<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let mut tx = h.of(h.tenant(0)).await;
    tx.endpoints()
        .insert(&new_endpoint(h.test()))
        .await
        .expect("insert");
    tx.rollback().await.expect("rollback");
    assert_eq!(endpoints(h, 0).await, 0);
}

/// A record with an event that was made in another tenant's unit of work is refused whole.
pub async fn commit_with_an_event_of_another_tenant_writes_nothing<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let foreign = {
        let tx = h.read_of(h.tenant(1)).await;
        record(tx.frame(), vec![about("a")], None)
    };
    let mut tx = h.of(h.tenant(0)).await;
    tx.endpoints()
        .insert(&new_endpoint(h.test()))
        .await
        .expect("insert");
    assert_kind(tx.commit(foreign).await, StorageErrorKind::Invalid);
    let of_none = {
        let tx = h.system_read().await;
        record(tx.frame(), vec![about("a")], None)
    };
    let tx = h.of(h.tenant(0)).await;
    assert_kind(tx.commit(of_none).await, StorageErrorKind::Invalid);
    assert_eq!((endpoints(h, 0).await, pending(h).await), (0, 0));
}

/// A record with an audit entry that was made in another tenant's unit of work is refused whole.
pub async fn commit_with_an_audit_entry_of_another_tenant_writes_nothing<S: EventsStore + ?Sized>(
    h: &Harness<S>,
) {
    let foreign = {
        let tx = h.read_of(h.tenant(1)).await;
        record(tx.frame(), Vec::new(), Some(AuditEntry::on("thing", "1")))
    };
    let mut tx = h.of(h.tenant(0)).await;
    tx.endpoints()
        .insert(&new_endpoint(h.test()))
        .await
        .expect("insert");
    assert_kind(tx.commit(foreign).await, StorageErrorKind::Invalid);
    assert_eq!(
        (endpoints(h, 0).await, audited(h, 0).await, audited(h, 1).await),
        (0, 0, 0)
    );
}

/// A unit of work that was begun for reading writes nothing, and commits an empty record.
pub async fn read_unit_refuses_writes<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let mut tx = h.read_of(h.tenant(0)).await;
    assert_kind(
        tx.endpoints().insert(&new_endpoint(h.test())).await,
        StorageErrorKind::Invalid,
    );
    drop(tx);
    let mut tx = h.read_of(h.tenant(0)).await;
    assert_eq!(tx.endpoints().count().await.expect("count"), 0);
    save(tx).await;
}

/// A unit of work that was begun for reading has nothing to tell.
pub async fn read_unit_refuses_a_record<S: EventsStore + ?Sized>(h: &Harness<S>) {
    for (events, entry) in [
        (vec![about("a")], None),
        (Vec::new(), Some(AuditEntry::on("thing", "1"))),
    ] {
        let tx = h.read_of(h.tenant(0)).await;
        let told = record(tx.frame(), events.clone(), entry.clone());
        assert_kind(tx.commit(told).await, StorageErrorKind::Invalid);
        let tx = h.system_read().await;
        let told = record(tx.frame(), events, entry);
        assert_kind(tx.commit(told).await, StorageErrorKind::Invalid);
    }
    assert_eq!((pending(h).await, audited(h, 0).await), (0, 0));
}

/// Outside of any tenant, events and entries go to the tenant they name, or to none.
pub async fn system_unit_writes_for_tenants_and_for_none<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tenant = h.tenant(1);
    let tx = h.system().await;
    let entry = AuditEntry::on("thing", "1").in_tenant(tenant);
    let told = record(
        tx.frame(),
        vec![about("a").of_tenant(tenant), about("a")],
        Some(entry),
    );
    let ids: Vec<_> = told.events().iter().map(|event| event.id).collect();
    tx.commit(told).await.expect("commit");
    assert_eq!((audited(h, 0).await, audited(h, 1).await), (0, 1));
    assert!(event(h, tenant, ids[0]).await.is_some());
    let relayed = relay_all(h).await;
    let mut tenants: Vec<_> = relayed.iter().map(|event| event.tenant).collect();
    tenants.sort();
    assert_eq!(tenants, [None, Some(tenant)]);
    assert!(
        relayed.iter().all(|event| event.seq == 1),
        "each has an order of its own"
    );
}

/// An event comes back with everything that was known of it.
pub async fn event_is_read_back<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let (user, key) = (h.test().id(), h.test().id());
    let owner = Some(user);
    let keyed = Credential::ApiKey { key, owner };
    let context = h.test().standing_for(h.tenant(0), user, Role::Admin, keyed);
    let tx = h.store().begin(&context, Effect::Write).await.expect("begin");
    let data = json!({ "text": "größer \u{1F600} \\ \" '", "number": 1.5, "none": null, "list": [1, { "deep": true }] });
    let told = NewEvent::new(KIND, "thing_1", data.clone())
        .internal()
        .ordered_by("things");
    let told = record(tx.frame(), vec![told], None);
    let id = told.events()[0].id;
    let now = tx.frame().now();
    tx.commit(told).await.expect("commit");
    let expected = StoredEvent {
        id,
        tenant: Some(h.tenant(0)),
        seq: 1,
        ordering_key: "things".to_owned(),
        kind: KIND.to_owned(),
        subject: "thing_1".to_owned(),
        audience: Audience::Internal,
        actor: Actor::ApiKey(key),
        on_behalf_of: owner,
        time: now,
        trace: context.request().trace,
        data,
    };
    assert_eq!(event(h, h.tenant(0), id).await.as_ref(), Some(&expected));
    assert_eq!(relay_all(h).await, [expected]);
}

/// A tenant does not find another's event.
pub async fn foreign_events_do_not_exist<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let id = emit(h, h.tenant(1), &["a"]).await[0];
    assert_eq!(event(h, h.tenant(0), id).await, None);
    assert_eq!(event(h, h.tenant(0), h.test().id()).await, None);
    assert!(event(h, h.tenant(1), id).await.is_some());
}

/// An event of identity is no tenant's.
pub async fn events_of_no_tenant_are_invisible_to_tenants<S: EventsStore + ?Sized>(h: &Harness<S>) {
    let tx = h.system().await;
    let told = record(tx.frame(), vec![about("a")], None);
    let id = told.events()[0].id;
    tx.commit(told).await.expect("commit");
    assert_eq!(event(h, h.tenant(0), id).await, None);
    assert_eq!(relay_all(h).await.len(), 1);
}
