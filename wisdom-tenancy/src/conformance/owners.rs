//! Cases about the last owner.

use wisdom_core::access::Role;
use wisdom_core::conformance::{Harness, parallel, retrying, save, try_save};
use wisdom_core::id::TenantId;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::unit_of_work::Effect;

use super::fixtures::{TenancyStore, current, seed_member, seed_tenant, stored};
use crate::membership::Membership;
use crate::store::TenancyRepositories as _;

fn demoted(owner: &Membership) -> Membership {
    Membership {
        role: Role::Admin,
        ..owner.clone()
    }
}

/// Whoever becomes, stops being, or leaves as an owner is counted.
pub async fn owners_are_counted<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let owners = async || current(h, acme.id()).await.owner_count;
    assert_eq!(owners().await, 1);
    seed_member(h, acme.id(), "member", Role::Admin).await;
    assert_eq!(owners().await, 1, "an admin is no owner");
    let (_, second) = seed_member(h, acme.id(), "second", Role::Owner).await;
    assert_eq!(owners().await, 2, "an owner was added");
    let mut tx = h.of(acme.id()).await;
    tx.memberships().update(&second, 1).await.expect("update");
    save(tx).await;
    assert_eq!(owners().await, 2, "an owner stayed one");
    let mut tx = h.of(acme.id()).await;
    tx.memberships()
        .update(&demoted(&second), 2)
        .await
        .expect("update");
    save(tx).await;
    assert_eq!(owners().await, 1, "an owner was demoted");
    let mut tx = h.of(acme.id()).await;
    tx.memberships().update(&second, 3).await.expect("update");
    save(tx).await;
    assert_eq!(owners().await, 2, "a member was made an owner");
    let mut tx = h.of(acme.id()).await;
    tx.memberships().delete(second.id, 4).await.expect("delete");
    save(tx).await;
    let tenant = current(h, acme.id()).await;
    assert_eq!(tenant.owner_count, 1, "an owner was removed");
    assert_eq!(tenant.version, 1, "counting owners is no change of the tenant");
}

/// The last owner stays an owner.
pub async fn last_owner_cannot_be_demoted<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    seed_member(h, acme.id(), "admin", Role::Admin).await;
    let mut tx = h.of(acme.id()).await;
    let refused = tx
        .memberships()
        .update(&demoted(&acme.membership), 1)
        .await
        .expect_err("the last owner");
    assert!(refused.violates(Constraint::TENANT_OWNER), "{refused}");
    drop(tx);
    let member = stored(h, acme.id(), &acme.membership).await.expect("the owner");
    assert_eq!(member.membership, acme.membership);
    assert_eq!(current(h, acme.id()).await.owner_count, 1);
}

/// The last owner stays a member.
pub async fn last_owner_cannot_be_removed<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    seed_member(h, acme.id(), "admin", Role::Admin).await;
    let mut tx = h.of(acme.id()).await;
    let refused = tx
        .memberships()
        .delete(acme.membership.id, 1)
        .await
        .expect_err("the last owner");
    assert!(refused.violates(Constraint::TENANT_OWNER), "{refused}");
    drop(tx);
    assert!(stored(h, acme.id(), &acme.membership).await.is_some());
    assert_eq!(current(h, acme.id()).await.owner_count, 1);
}

async fn demote<S: TenancyStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    owner: &Membership,
) -> Result<(), StorageError> {
    retrying(|| async {
        let mut tx = h.begin(tenant, Effect::Write).await?;
        tx.memberships().update(&demoted(owner), owner.version).await?;
        try_save(tx).await
    })
    .await
}

async fn remove<S: TenancyStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    owner: &Membership,
) -> Result<(), StorageError> {
    retrying(|| async {
        let mut tx = h.begin(tenant, Effect::Write).await?;
        tx.memberships().delete(owner.id, owner.version).await?;
        try_save(tx).await
    })
    .await
}

async fn one_is_left<S: TenancyStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    owners: &[Membership],
    answers: Vec<Result<(), StorageError>>,
) {
    let refused: Vec<StorageError> = answers.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 1, "of two attempts exactly one fails: {refused:?}");
    assert!(refused[0].violates(Constraint::TENANT_OWNER), "{}", refused[0]);
    assert_eq!(current(h, tenant).await.owner_count, 1);
    let mut left = 0;
    for owner in owners {
        let member = stored(h, tenant, owner).await;
        left += usize::from(member.is_some_and(|member| member.membership.role == Role::Owner));
    }
    assert_eq!(left, 1, "the count is the truth");
}

/// Of two owners who demote each other at the same moment, one stays.
pub async fn owners_demoting_each_other_leave_one<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    for round in 0..8 {
        let seed = seed_tenant(h, &format!("acme-{round}")).await;
        let (_, second) = seed_member(h, seed.id(), &format!("second-{round}"), Role::Owner).await;
        let owners = [seed.membership.clone(), second];
        let answers = parallel(2, |number| {
            let (h, tenant, owner) = (h.clone(), seed.id(), owners[number].clone());
            async move { demote(&h, tenant, &owner).await }
        })
        .await;
        one_is_left(h, seed.id(), &owners, answers).await;
    }
}

/// Of two owners who leave at the same moment, one stays.
pub async fn owners_leaving_at_once_leave_one<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    for round in 0..8 {
        let seed = seed_tenant(h, &format!("acme-{round}")).await;
        let (_, second) = seed_member(h, seed.id(), &format!("second-{round}"), Role::Owner).await;
        let owners = [seed.membership.clone(), second];
        let answers = parallel(2, |number| {
            let (h, tenant, owner) = (h.clone(), seed.id(), owners[number].clone());
            async move { remove(&h, tenant, &owner).await }
        })
        .await;
        one_is_left(h, seed.id(), &owners, answers).await;
    }
}
