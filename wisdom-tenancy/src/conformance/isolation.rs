//! Cases about isolation: what belongs to another tenant does not exist.

use wisdom_core::access::Role;
use wisdom_core::conformance::{Harness, save, try_save};
use wisdom_core::page::PageRequest;

use super::fixtures::{
    Seed, TenancyStore, assert_stale, current, new_invitation, seed_member, seed_tenant, stored,
};
use crate::invitation::{Invitation, InvitationState};
use crate::membership::Membership;
use crate::store::{OnboardingTx as _, TenancyRepositories as _};
use crate::tenant::Tenant;

async fn two<S: TenancyStore + ?Sized>(h: &Harness<S>) -> (Seed, Seed) {
    (seed_tenant(h, "mine").await, seed_tenant(h, "theirs").await)
}

/// No look-up and no list shows another tenant's membership.
pub async fn foreign_memberships_do_not_exist<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (mine, theirs) = two(h).await;
    let (user, membership) = seed_member(h, theirs.id(), "bob", Role::Member).await;
    let mut tx = h.read_of(mine.id()).await;
    assert_eq!(tx.memberships().find(membership.id).await.expect("find"), None);
    assert_eq!(tx.memberships().find_by_user(user.id).await.expect("find"), None);
    assert_eq!(
        tx.memberships()
            .find_by_user(theirs.owner.id)
            .await
            .expect("find"),
        None
    );
    let listed = tx
        .memberships()
        .list(&PageRequest::first(100))
        .await
        .expect("list");
    let ids: Vec<_> = listed.items.iter().map(|member| member.membership.id).collect();
    assert_eq!(ids, [mine.membership.id]);
}

/// No write reaches another tenant's membership or its count of owners.
pub async fn foreign_memberships_cannot_be_changed<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (mine, theirs) = two(h).await;
    let (_, second) = seed_member(h, theirs.id(), "bob", Role::Owner).await;
    let mut tx = h.of(mine.id()).await;
    assert_stale(
        tx.memberships()
            .update(
                &Membership {
                    role: Role::Viewer,
                    ..second.clone()
                },
                1,
            )
            .await,
    );
    assert_stale(tx.memberships().delete(second.id, 1).await);
    save(tx).await;
    let mut tx = h.system().await;
    let entered = tx.enter(mine.id());
    assert_stale(
        entered
            .memberships()
            .update(
                &Membership {
                    role: Role::Viewer,
                    ..second.clone()
                },
                1,
            )
            .await,
    );
    assert_stale(entered.memberships().delete(second.id, 1).await);
    save(tx).await;
    assert_eq!(
        stored(h, theirs.id(), &second)
            .await
            .map(|member| member.membership),
        Some(second)
    );
    assert_eq!(current(h, theirs.id()).await.owner_count, 2);
    assert_eq!(current(h, mine.id()).await.owner_count, 1);
}

/// No look-up and no list shows another tenant's invitation.
pub async fn foreign_invitations_do_not_exist<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (mine, theirs) = two(h).await;
    let invitation = new_invitation(h.test(), "bob@acme.test", theirs.owner.id, 1);
    let mut tx = h.of(theirs.id()).await;
    tx.invitations().insert(&invitation).await.expect("insert");
    save(tx).await;
    let mut tx = h.read_of(mine.id()).await;
    assert_eq!(tx.invitations().find(invitation.id).await.expect("find"), None);
    assert_eq!(
        tx.invitations()
            .find_pending(&invitation.email)
            .await
            .expect("find"),
        None
    );
    for state in [None, Some(InvitationState::Pending)] {
        assert_eq!(
            tx.invitations()
                .list(state, &PageRequest::first(100))
                .await
                .expect("list")
                .items,
            []
        );
    }
}

/// No write reaches another tenant's invitation.
pub async fn foreign_invitations_cannot_be_changed<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (mine, theirs) = two(h).await;
    let invitation = new_invitation(h.test(), "bob@acme.test", theirs.owner.id, 1);
    let mut tx = h.of(theirs.id()).await;
    tx.invitations().insert(&invitation).await.expect("insert");
    save(tx).await;
    let revoked = Invitation {
        state: InvitationState::Revoked,
        ..invitation.clone()
    };
    let mut tx = h.of(mine.id()).await;
    assert_stale(tx.invitations().update(&revoked, 1).await);
    save(tx).await;
    let mut tx = h.system().await;
    assert_stale(tx.enter(mine.id()).invitations().update(&revoked, 1).await);
    save(tx).await;
    let found = h
        .read_of(theirs.id())
        .await
        .invitations()
        .find(invitation.id)
        .await
        .expect("find");
    assert_eq!(found, Some(invitation));
}

/// A tenant's unit of work knows its own tenant and no other.
pub async fn own_tenant_is_the_contexts<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (mine, theirs) = two(h).await;
    assert_eq!(current(h, mine.id()).await, mine.tenant);
    assert_eq!(current(h, theirs.id()).await, theirs.tenant);
}

/// Whatever tenant the caller hands in, another's row is not written.
pub async fn own_tenant_never_writes_another<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (mine, theirs) = two(h).await;
    let mut tx = h.of(mine.id()).await;
    let smuggled = Tenant {
        epoch: 77,
        slug: mine.tenant.slug.clone(),
        ..theirs.tenant.clone()
    };
    if tx.own_tenant().update(&smuggled, 1).await.is_ok() {
        // A store may take the values as the own tenant's; what it may not do is write the other's.
        let _ = try_save(tx).await;
    }
    assert_eq!(current(h, theirs.id()).await, theirs.tenant);
}

/// Outside of any tenant the repositories are those of the tenant that was entered last.
pub async fn entered_tenant_is_the_scope<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (mine, theirs) = two(h).await;
    let mut tx = h.system_read().await;
    for (seed, other) in [(&mine, &theirs), (&theirs, &mine), (&mine, &theirs)] {
        let entered = tx.enter(seed.id());
        assert_eq!(
            entered.own_tenant().current().await.expect("current"),
            seed.tenant
        );
        assert!(
            entered
                .memberships()
                .find(seed.membership.id)
                .await
                .expect("find")
                .is_some()
        );
        assert_eq!(
            entered
                .memberships()
                .find(other.membership.id)
                .await
                .expect("find"),
            None
        );
        let listed = entered
            .memberships()
            .list(&PageRequest::first(100))
            .await
            .expect("list");
        assert_eq!(listed.items.len(), 1);
    }
}
