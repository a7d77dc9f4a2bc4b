//! Cases about memberships.

use std::time::Duration;

use wisdom_auth::conformance::seed_user;
use wisdom_core::access::Role;
use wisdom_core::conformance::{Harness, parallel, retrying, save, try_save};
use wisdom_core::storage::Constraint;
use wisdom_core::unit_of_work::Effect;

use super::fixtures::{TenancyStore, assert_stale, new_membership, seed_member, seed_tenant, stored};
use crate::membership::{Member, Membership};
use crate::store::{OnboardingTx as _, TenancyRepositories as _};

/// A membership comes back as written, with what the tenant sees of its user.
pub async fn member_is_read_back<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    for role in Role::ALL {
        let (user, membership) = seed_member(h, acme.id(), &format!("the-{role}"), role).await;
        let expected = Member {
            membership: membership.clone(),
            email: user.email.clone(),
            display_name: user.display_name.clone(),
        };
        let mut tx = h.read_of(acme.id()).await;
        let found = tx
            .memberships()
            .find(membership.id)
            .await
            .expect("find")
            .expect("the member");
        assert_eq!(found, expected);
        assert_eq!(found.email.as_str(), user.email.as_str());
        assert_eq!(
            tx.memberships().find_by_user(user.id).await.expect("find"),
            Some(expected)
        );
    }
    let mut tx = h.read_of(acme.id()).await;
    assert_eq!(tx.memberships().find(h.test().id()).await.expect("find"), None);
    assert_eq!(
        tx.memberships().find_by_user(h.test().id()).await.expect("find"),
        None
    );
}

/// A user is a member once, and the conflict does no harm to the rest of the unit of work.
pub async fn membership_of_a_user_is_one_and_the_unit_stays_usable<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let (ada, first) = seed_member(h, acme.id(), "ada", Role::Member).await;
    let bob = seed_user(h, "bob").await;
    let mut tx = h.of(acme.id()).await;
    // As an owner, so that a store that counts before it looks is found out.
    let second = new_membership(h.test(), ada.id, Role::Owner);
    let refused = tx
        .memberships()
        .insert(&second)
        .await
        .expect_err("a member already");
    assert!(refused.violates(Constraint::MEMBERSHIP_USER), "{refused}");
    let other = new_membership(h.test(), bob.id, Role::Viewer);
    tx.memberships()
        .insert(&other)
        .await
        .expect("the unit of work is usable");
    assert_eq!(tx.own_tenant().current().await.expect("current").owner_count, 1);
    save(tx).await;
    assert_eq!(
        stored(h, acme.id(), &first).await.map(|member| member.membership),
        Some(first)
    );
    assert_eq!(stored(h, acme.id(), &second).await, None);
    assert!(stored(h, acme.id(), &other).await.is_some());
}

/// Of many who make a user a member at the same moment, one does.
pub async fn membership_is_given_once_to_many_at_once<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let ada = seed_user(h, "ada").await;
    let answers = parallel(16, |_| {
        let (h, tenant) = (h.clone(), acme.id());
        async move {
            let membership = new_membership(h.test(), ada.id, Role::Owner);
            retrying(|| async {
                let mut tx = h.begin(tenant, Effect::Write).await?;
                match tx.memberships().insert(&membership).await {
                    Err(refused) if refused.violates(Constraint::MEMBERSHIP_USER) => Ok(false),
                    Err(error) => Err(error),
                    Ok(()) => try_save(tx).await.map(|()| true),
                }
            })
            .await
            .expect("insert")
        }
    })
    .await;
    assert_eq!(answers.iter().filter(|won| **won).count(), 1);
    let tenant = h
        .read_of(acme.id())
        .await
        .own_tenant()
        .current()
        .await
        .expect("current");
    assert_eq!(tenant.owner_count, 2, "who lost was not counted");
}

/// There is no membership without a user.
pub async fn membership_needs_its_user<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let mut tx = h.of(acme.id()).await;
    let nobody = new_membership(h.test(), h.test().id(), Role::Member);
    let refused = tx.memberships().insert(&nobody).await.expect_err("no user");
    assert!(refused.violates(Constraint::REFERENCE), "{refused}");
}

/// There is no membership without a tenant.
pub async fn membership_needs_its_tenant<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let membership = new_membership(h.test(), ada.id, Role::Member);
    let mut tx = h.system().await;
    let refused = tx
        .enter(h.test().id())
        .memberships()
        .insert(&membership)
        .await
        .expect_err("no tenant");
    assert!(refused.violates(Constraint::REFERENCE), "{refused}");
}

/// An update needs the stored version, raises it by one, and changes the role only.
pub async fn membership_update_is_compare_and_set<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let (_, membership) = seed_member(h, acme.id(), "ada", Role::Viewer).await;
    let bob = seed_user(h, "bob").await;
    h.test().advance(Duration::from_secs(1));
    let promoted = Membership {
        role: Role::Admin,
        user: bob.id,
        created_at: h.test().now(),
        version: 40,
        ..membership.clone()
    };
    let mut tx = h.of(acme.id()).await;
    tx.memberships().update(&promoted, 1).await.expect("update");
    assert_stale(tx.memberships().update(&membership, 1).await);
    assert_stale(tx.memberships().update(&membership, 3).await);
    assert_stale(
        tx.memberships()
            .update(&new_membership(h.test(), bob.id, Role::Viewer), 1)
            .await,
    );
    save(tx).await;
    let found = stored(h, acme.id(), &membership)
        .await
        .map(|member| member.membership);
    assert_eq!(
        found,
        Some(Membership {
            role: Role::Admin,
            version: 2,
            ..membership
        })
    );
}

/// A removal needs the stored version.
pub async fn membership_delete_is_compare_and_set<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let (user, membership) = seed_member(h, acme.id(), "ada", Role::Member).await;
    let mut tx = h.of(acme.id()).await;
    assert_stale(tx.memberships().delete(membership.id, 2).await);
    assert_stale(tx.memberships().delete(h.test().id(), 1).await);
    tx.memberships().delete(membership.id, 1).await.expect("delete");
    assert_stale(tx.memberships().delete(membership.id, 1).await);
    save(tx).await;
    assert_eq!(stored(h, acme.id(), &membership).await, None);
    assert_eq!(
        h.read_of(acme.id())
            .await
            .memberships()
            .find_by_user(user.id)
            .await
            .expect("find"),
        None
    );
}

/// Who left can come back.
pub async fn membership_can_be_had_again<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let (user, first) = seed_member(h, acme.id(), "ada", Role::Admin).await;
    let again = new_membership(h.test(), user.id, Role::Viewer);
    let mut tx = h.of(acme.id()).await;
    tx.memberships().delete(first.id, 1).await.expect("delete");
    tx.memberships().insert(&again).await.expect("insert");
    save(tx).await;
    let member = h
        .read_of(acme.id())
        .await
        .memberships()
        .find_by_user(user.id)
        .await
        .expect("find");
    assert_eq!(member.map(|member| member.membership), Some(again));
}
