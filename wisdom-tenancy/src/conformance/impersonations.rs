//! Cases about operators acting for members.

use std::time::Duration;

use wisdom_auth::impersonation::Impersonation;
use wisdom_auth::store::IdentityTx as _;
use wisdom_core::conformance::{Harness, save};
use wisdom_core::storage::Constraint;

use super::fixtures::{Seed, TenancyStore, seed_tenant};

fn new_impersonation<S: TenancyStore + ?Sized>(
    h: &Harness<S>,
    acme: &Seed,
    operator: &Seed,
    public_id: &str,
) -> Impersonation {
    h.test().advance(Duration::from_millis(1));
    let now = h.test().now();
    Impersonation {
        id: h.test().id(),
        public_id: public_id.to_owned(),
        hash: [5; 32],
        operator: operator.owner.id,
        session: h.test().id(),
        subject: acme.owner.id,
        tenant: acme.id(),
        reason: "Ticket 4711: größer als ASCII".to_owned(),
        may_write: true,
        started_at: now,
        expires_at: now.saturating_add(Duration::from_secs(60)),
        ended_at: None,
    }
}

/// An impersonation comes back as written, by its id and by its token's public part, and in its operator's list.
pub async fn impersonation_is_read_back_and_listed<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (acme, ops) = (seed_tenant(h, "acme").await, seed_tenant(h, "ops").await);
    let first = new_impersonation(h, &acme, &ops, "aaaaaaaaaaaa");
    let second = Impersonation {
        may_write: false,
        ended_at: Some(h.test().now()),
        ..new_impersonation(h, &acme, &ops, "bbbbbbbbbbbb")
    };
    let others = new_impersonation(h, &ops, &acme, "cccccccccccc");
    let mut tx = h.system().await;
    for it in [&first, &second, &others] {
        tx.impersonations().insert(it).await.expect("insert");
    }
    save(tx).await;
    let mut tx = h.system_read().await;
    for it in [&first, &second, &others] {
        assert_eq!(
            tx.impersonations().find(it.id).await.expect("find").as_ref(),
            Some(it)
        );
        let presented = tx
            .impersonations()
            .find_presented(&it.public_id)
            .await
            .expect("find");
        assert_eq!(presented.as_ref(), Some(it));
    }
    let none = tx
        .impersonations()
        .find_presented("dddddddddddd")
        .await
        .expect("find");
    assert_eq!(none, None);
    let operator = ops.owner.id;
    let listed = tx.impersonations().list_of(operator, 9).await.expect("list");
    assert_eq!(listed, [second.clone(), first], "newest first");
    let listed = tx.impersonations().list_of(operator, 1).await.expect("list");
    assert_eq!(listed, [second]);
}

/// It ends once, and not after its time.
pub async fn impersonation_ends_once<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (acme, ops) = (seed_tenant(h, "acme").await, seed_tenant(h, "ops").await);
    let (one, late) = (
        new_impersonation(h, &acme, &ops, "aaaaaaaaaaaa"),
        new_impersonation(h, &acme, &ops, "bbbbbbbbbbbb"),
    );
    let mut tx = h.system().await;
    for it in [&one, &late] {
        tx.impersonations().insert(it).await.expect("insert");
    }
    save(tx).await;
    let now = h.test().now();
    let mut tx = h.system().await;
    assert!(tx.impersonations().end(one.id, now).await.expect("end"));
    assert!(!tx.impersonations().end(one.id, now).await.expect("end"));
    assert!(
        !tx.impersonations()
            .end(late.id, late.expires_at)
            .await
            .expect("end")
    );
    assert!(!tx.impersonations().end(h.test().id(), now).await.expect("end"));
    save(tx).await;
    let mut tx = h.system_read().await;
    let ended = tx.impersonations().find(one.id).await.expect("find").expect("it");
    assert_eq!(ended.ended_at, Some(now));
    let late = tx
        .impersonations()
        .find(late.id)
        .await
        .expect("find")
        .expect("it");
    assert_eq!(late.ended_at, None);
}

/// Operator, subject and tenant exist.
pub async fn impersonation_needs_its_people<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (acme, ops) = (seed_tenant(h, "acme").await, seed_tenant(h, "ops").await);
    for part in 0..3 {
        let mut it = new_impersonation(h, &acme, &ops, "aaaaaaaaaaaa");
        match part {
            0 => it.operator = h.test().id(),
            1 => it.subject = h.test().id(),
            _ => it.tenant = h.test().id(),
        }
        let mut tx = h.system().await;
        let refused = tx.impersonations().insert(&it).await.expect_err("nobody");
        assert!(refused.violates(Constraint::REFERENCE), "{refused}");
    }
}
