//! Cases about pages: every row once, in order, whatever happens between two pages.

use std::time::Duration;

use wisdom_auth::conformance::seed_user;
use wisdom_core::access::Role;
use wisdom_core::conformance::{Harness, save};
use wisdom_core::id::{MembershipId, TenantId};
use wisdom_core::page::{PageRequest, Position};
use wisdom_core::time::Timestamp;

use super::fixtures::{
    Seed, TenancyStore, new_invitation, new_membership, new_tenant, seed_member, seed_tenant,
};
use crate::store::{OnboardingTx as _, TenancyRepositories as _};

/// The tenant's memberships in the list's order: ten, most of them made at the same moment as others.
async fn crowd<S: TenancyStore + ?Sized>(h: &Harness<S>, seed: &Seed) -> Vec<(Timestamp, MembershipId)> {
    let mut members = vec![(seed.membership.created_at, seed.membership.id)];
    for number in 0..9 {
        if number % 4 == 0 {
            h.test().advance(Duration::from_micros(1));
        }
        let (_, membership) = seed_member(h, seed.id(), &format!("m{number}"), Role::Member).await;
        members.push((membership.created_at, membership.id));
    }
    members.sort();
    members
}

async fn page<S: TenancyStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    request: &PageRequest,
) -> (Vec<(Timestamp, MembershipId)>, Option<Position>) {
    let slice = h
        .read_of(tenant)
        .await
        .memberships()
        .list(request)
        .await
        .expect("list");
    let places = slice
        .items
        .iter()
        .map(|member| (member.membership.created_at, member.membership.id));
    (places.collect(), slice.next)
}

/// Pages of every size give every member once, oldest first, ties by id.
pub async fn members_are_paged_without_loss_or_repetition<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let expected = crowd(h, &acme).await;
    for limit in [1, 2, 3, 7, 10, 100] {
        let mut seen = Vec::new();
        let mut request = PageRequest::first(limit);
        loop {
            let (items, next) = page(h, acme.id(), &request).await;
            assert!(items.len() <= usize::try_from(limit).expect("small"));
            let last = items.last().map(|(at, id)| Position {
                at: *at,
                id: id.as_uuid(),
            });
            seen.extend(items);
            match next {
                None => break,
                Some(after) => {
                    assert_eq!(Some(after), last, "the next page begins behind the last item");
                    request.after = Some(after);
                }
            }
        }
        assert_eq!(seen, expected, "in pages of {limit}");
    }
}

/// A page that holds all that is left says that nothing follows.
pub async fn members_page_that_fits_is_the_last<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let expected = crowd(h, &acme).await;
    let (items, next) = page(h, acme.id(), &PageRequest::first(10)).await;
    assert_eq!((items.as_slice(), next), (expected.as_slice(), None));
    let (items, next) = page(h, acme.id(), &PageRequest::first(9)).await;
    assert_eq!(items, expected[..9]);
    assert!(next.is_some());
    let (items, next) = page(
        h,
        acme.id(),
        &PageRequest {
            after: next,
            limit: 9,
        },
    )
    .await;
    assert_eq!((items.as_slice(), next), (&expected[9..], None));
    let (at, id) = expected[9];
    let behind_the_last = PageRequest {
        after: Some(Position { at, id: id.as_uuid() }),
        limit: 9,
    };
    assert_eq!(page(h, acme.id(), &behind_the_last).await, (Vec::new(), None));
}

/// A page goes on behind a row that is gone, and new rows at the end are not missed.
pub async fn members_pages_survive_a_deleted_row<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let expected = crowd(h, &acme).await;
    let (_, next) = page(h, acme.id(), &PageRequest::first(4)).await;
    assert_ne!(
        expected[3].1, acme.membership.id,
        "the last owner can't be removed"
    );
    let mut tx = h.of(acme.id()).await;
    tx.memberships().delete(expected[3].1, 1).await.expect("delete");
    save(tx).await;
    h.test().advance(Duration::from_secs(1));
    let (_, late) = seed_member(h, acme.id(), "late", Role::Viewer).await;
    let (items, _) = page(
        h,
        acme.id(),
        &PageRequest {
            after: next,
            limit: 100,
        },
    )
    .await;
    let mut rest = expected[4..].to_vec();
    rest.push((late.created_at, late.id));
    assert_eq!(items, rest);
}

/// Invitations come newest first, ties by id, in pages too.
pub async fn invitations_are_paged_newest_first<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let mut expected = Vec::new();
    for number in 0..8 {
        if number % 3 == 0 {
            h.test().advance(Duration::from_secs(1));
        }
        let invitation = new_invitation(h.test(), &format!("g{number}@acme.test"), acme.owner.id, number);
        let mut tx = h.of(acme.id()).await;
        tx.invitations().insert(&invitation).await.expect("insert");
        save(tx).await;
        expected.push((invitation.created_at, invitation.id));
    }
    expected.sort();
    expected.reverse();
    let mut seen = Vec::new();
    let mut request = PageRequest::first(3);
    loop {
        let slice = h
            .read_of(acme.id())
            .await
            .invitations()
            .list(None, &request)
            .await
            .expect("list");
        seen.extend(
            slice
                .items
                .iter()
                .map(|invitation| (invitation.created_at, invitation.id)),
        );
        request.after = slice.next;
        if slice.next.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected);
}

/// A user's tenants come oldest membership first, in pages too, and nobody else's are among them.
pub async fn tenants_of_a_user_are_paged<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    seed_tenant(h, "others").await;
    let ada = seed_user(h, "ada").await;
    let mut expected = Vec::new();
    for number in 0..5 {
        if number != 3 {
            h.test().advance(Duration::from_secs(1));
        }
        let tenant = new_tenant(h.test(), &format!("acme-{number}"));
        let owner = new_membership(h.test(), ada.id, Role::Owner);
        let mut tx = h.system().await;
        tx.tenants().insert(&tenant, &owner).await.expect("insert");
        save(tx).await;
        expected.push((owner.created_at, owner.id, tenant));
    }
    expected.sort_by_key(|(at, id, _)| (*at, *id));
    let mut seen = Vec::new();
    let mut request = PageRequest::first(2);
    loop {
        let slice = h
            .system_read()
            .await
            .tenants()
            .list_of_user(ada.id, &request)
            .await
            .expect("list");
        assert!(slice.items.len() <= 2);
        for standing in slice.items {
            assert_eq!(standing.role, Role::Owner);
            seen.push((standing.since, standing.membership, standing.tenant));
        }
        request.after = slice.next;
        if slice.next.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected);
    let nobody = h
        .system_read()
        .await
        .tenants()
        .list_of_user(h.test().id(), &PageRequest::first(9))
        .await;
    assert_eq!(nobody.expect("list").items, []);
}
