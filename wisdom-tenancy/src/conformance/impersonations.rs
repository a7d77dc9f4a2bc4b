//! Cases about operators acting for members.

use std::time::Duration;

use wisdom_auth::impersonation::Impersonation;
use wisdom_auth::store::IdentityTx as _;
use wisdom_core::conformance::{Harness, parallel, retrying, save, try_save};
use wisdom_core::storage::Constraint;
use wisdom_core::unit_of_work::Effect;

use super::fixtures::{Seed, TenancyStore, seed_tenant};
use crate::store::TenancyRepositories as _;
use crate::support_access::EndedImpersonation;

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

/// A tenant ends what goes on in it, once, and nothing of another tenant.
pub async fn impersonations_of_a_tenant_end_together<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (acme, ops) = (seed_tenant(h, "acme").await, seed_tenant(h, "ops").await);
    let one = new_impersonation(h, &acme, &ops, "aaaaaaaaaaaa");
    let two = new_impersonation(h, &acme, &ops, "bbbbbbbbbbbb");
    let ended = Impersonation {
        ended_at: Some(h.test().now()),
        ..new_impersonation(h, &acme, &ops, "cccccccccccc")
    };
    let over = Impersonation {
        expires_at: h.test().now(),
        ..new_impersonation(h, &acme, &ops, "dddddddddddd")
    };
    let others = new_impersonation(h, &ops, &acme, "eeeeeeeeeeee");
    let all = [&one, &two, &ended, &over, &others];
    let mut tx = h.system().await;
    for it in all {
        tx.impersonations().insert(it).await.expect("insert");
    }
    save(tx).await;
    let now = h.test().now();
    let mut tx = h.of(acme.id()).await;
    let mut told = tx.own_tenant().end_impersonations(now).await.expect("end");
    told.sort_by_key(|it| it.id);
    let expected = [&one, &two].map(|it| EndedImpersonation {
        id: it.id,
        operator: it.operator,
        subject: it.subject,
    });
    assert_eq!(told, expected);
    assert_eq!(
        tx.own_tenant().end_impersonations(now).await.expect("end"),
        [],
        "once"
    );
    save(tx).await;
    let mut tx = h.system_read().await;
    for (it, at) in all
        .into_iter()
        .zip([Some(now), Some(now), ended.ended_at, None, None])
    {
        let found = tx.impersonations().find(it.id).await.expect("find").expect("it");
        assert_eq!(found.ended_at, at);
    }
}

/// An operator's request to a tenant is noted once in a while, of parallel ones too, and apart from all others.
pub async fn requests_of_operators_are_noted_once_in_a_while<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (acme, ops) = (seed_tenant(h, "acme").await, seed_tenant(h, "ops").await);
    let (tenant, operator) = (acme.id(), ops.owner.id);
    let note = async |tenant, operator, at, since| {
        retrying(|| async {
            let mut tx = h.begin_system(Effect::Write).await?;
            let noted = tx.impersonations().note_request(tenant, operator, at, since);
            let noted = noted.await?;
            try_save(tx).await.map(|()| noted)
        })
        .await
    };
    let first = h.test().now();
    let before = first.saturating_sub(Duration::from_secs(1));
    let later = first.saturating_add(Duration::from_secs(60));
    let firsts = parallel(8, |_| {
        let h = h.clone();
        async move {
            retrying(|| async {
                let mut tx = h.begin_system(Effect::Write).await?;
                let noted = tx.impersonations().note_request(tenant, operator, first, before);
                let noted = noted.await?;
                try_save(tx).await.map(|()| noted)
            })
            .await
            .expect("note")
        }
    })
    .await;
    assert_eq!(firsts.into_iter().filter(|noted| *noted).count(), 1);
    assert!(
        !note(tenant, operator, later, before).await.expect("note"),
        "too soon"
    );
    assert!(
        note(ops.id(), operator, later, before).await.expect("note"),
        "elsewhere"
    );
    assert!(
        note(tenant, acme.owner.id, later, before).await.expect("note"),
        "somebody else"
    );
    assert!(
        note(tenant, operator, later, first).await.expect("note"),
        "long ago"
    );
    assert!(
        !note(tenant, operator, later, first).await.expect("note"),
        "the new time counts"
    );
    for (tenant, operator) in [(h.test().id(), operator), (tenant, h.test().id())] {
        let refused = note(tenant, operator, later, first).await.expect_err("nobody");
        assert!(refused.violates(Constraint::REFERENCE), "{refused}");
    }
}
