//! Cases about invitations.

use std::time::Duration;

use wisdom_auth::conformance::seed_user;
use wisdom_core::access::Role;
use wisdom_core::conformance::{Harness, parallel, retrying, save, try_save};
use wisdom_core::id::TenantId;
use wisdom_core::page::PageRequest;
use wisdom_core::storage::{Constraint, StorageErrorKind};
use wisdom_core::unit_of_work::Effect;

use super::fixtures::{TenancyStore, address, assert_stale, new_invitation, seed_tenant};
use crate::invitation::{Invitation, InvitationState};
use crate::store::{OnboardingTx as _, TenancyRepositories as _};

const STATES: [InvitationState; 4] = [
    InvitationState::Pending,
    InvitationState::Accepted,
    InvitationState::Declined,
    InvitationState::Revoked,
];

async fn keep<S: TenancyStore + ?Sized>(h: &Harness<S>, tenant: TenantId, invitation: &Invitation) {
    let mut tx = h.of(tenant).await;
    tx.invitations().insert(invitation).await.expect("insert");
    save(tx).await;
}

async fn change<S: TenancyStore + ?Sized>(
    h: &Harness<S>,
    tenant: TenantId,
    invitation: &Invitation,
    expected: i64,
) {
    let mut tx = h.of(tenant).await;
    tx.invitations()
        .update(invitation, expected)
        .await
        .expect("update");
    save(tx).await;
}

/// An invitation comes back as written, by id and, while it is pending, by address.
pub async fn invitation_is_read_back<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    for (number, role) in (1..).zip(Role::ALL) {
        let email = format!("Guest.{role}@acme.test");
        let mut invitation = new_invitation(h.test(), &email, acme.owner.id, number);
        invitation.role = role;
        invitation.sends = 4;
        invitation.sent_since = h.test().advance(Duration::from_micros(17));
        keep(h, acme.id(), &invitation).await;
        let mut tx = h.read_of(acme.id()).await;
        let found = tx
            .invitations()
            .find(invitation.id)
            .await
            .expect("find")
            .expect("the invitation");
        assert_eq!(found, invitation);
        assert_eq!(found.email.as_str(), invitation.email.as_str());
        let pending = tx
            .invitations()
            .find_pending(&address(&email.to_uppercase()))
            .await
            .expect("find_pending");
        assert_eq!(pending, Some(invitation));
    }
    let mut tx = h.read_of(acme.id()).await;
    assert_eq!(tx.invitations().find(h.test().id()).await.expect("find"), None);
    assert_eq!(
        tx.invitations()
            .find_pending(&address("nobody@acme.test"))
            .await
            .expect("find_pending"),
        None
    );
    h.test().advance(Duration::from_hours(365 * 24));
    let mut tx = h.read_of(acme.id()).await;
    let expired = tx
        .invitations()
        .find_pending(&address("guest.owner@acme.test"))
        .await
        .expect("find_pending");
    assert!(
        expired.is_some(),
        "whether it has expired is no question of the stored state"
    );
}

/// An address has one pending invitation in a tenant, and the conflict does no harm to the rest of the unit of work.
pub async fn invitation_is_one_for_an_address_and_the_unit_stays_usable<S: TenancyStore + ?Sized>(
    h: &Harness<S>,
) {
    let (acme, other) = (seed_tenant(h, "acme").await, seed_tenant(h, "other").await);
    let first = new_invitation(h.test(), "bob@acme.test", acme.owner.id, 1);
    keep(h, acme.id(), &first).await;
    let second = new_invitation(h.test(), "BOB@acme.test", acme.owner.id, 2);
    let third = new_invitation(h.test(), "carol@acme.test", acme.owner.id, 3);
    let mut tx = h.of(acme.id()).await;
    let refused = tx
        .invitations()
        .insert(&second)
        .await
        .expect_err("one is pending");
    assert!(refused.violates(Constraint::INVITATION_ADDRESS), "{refused}");
    tx.invitations()
        .insert(&third)
        .await
        .expect("the unit of work is usable");
    save(tx).await;
    keep(
        h,
        other.id(),
        &Invitation {
            invited_by: other.owner.id,
            ..second.clone()
        },
    )
    .await;
    let mut tx = h.read_of(acme.id()).await;
    assert_eq!(tx.invitations().find(second.id).await.expect("find"), None);
    assert_eq!(
        tx.invitations().find_pending(&first.email).await.expect("find"),
        Some(first)
    );
    assert_eq!(tx.invitations().find(third.id).await.expect("find"), Some(third));
}

/// Of many who invite an address at the same moment, one does.
pub async fn invitation_is_given_once_to_many_at_once<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let answers = parallel(16, |number| {
        let (h, tenant, by) = (h.clone(), acme.id(), acme.owner.id);
        async move {
            let hash = u8::try_from(number).expect("few");
            let invitation = new_invitation(h.test(), "bob@acme.test", by, hash);
            retrying(|| async {
                let mut tx = h.begin(tenant, Effect::Write).await?;
                match tx.invitations().insert(&invitation).await {
                    Err(refused) if refused.violates(Constraint::INVITATION_ADDRESS) => Ok(false),
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
}

/// An address that answered, or whose invitation was taken back, can be invited again.
pub async fn invitation_can_be_repeated_once_answered<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    for (number, state) in (1..).zip([
        InvitationState::Accepted,
        InvitationState::Declined,
        InvitationState::Revoked,
    ]) {
        let invitation = new_invitation(h.test(), "bob@acme.test", acme.owner.id, number);
        keep(h, acme.id(), &invitation).await;
        change(
            h,
            acme.id(),
            &Invitation {
                state,
                ..invitation.clone()
            },
            1,
        )
        .await;
        let mut tx = h.read_of(acme.id()).await;
        assert_eq!(
            tx.invitations()
                .find_pending(&invitation.email)
                .await
                .expect("find_pending"),
            None
        );
    }
    keep(
        h,
        acme.id(),
        &new_invitation(h.test(), "bob@acme.test", acme.owner.id, 9),
    )
    .await;
}

/// An update needs the stored version, raises it by one, and changes nothing otherwise.
pub async fn invitation_update_is_compare_and_set<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let bob = seed_user(h, "bob").await;
    let invitation = new_invitation(h.test(), "bob@acme.test", acme.owner.id, 1);
    keep(h, acme.id(), &invitation).await;
    let now = h.test().advance(Duration::from_hours(1));
    let accepted = Invitation {
        role: Role::Viewer,
        state: InvitationState::Accepted,
        accepted_by: Some(bob.id),
        token_hash: [2; 32],
        sends: 3,
        sent_since: now,
        expires_at: now.saturating_add(Duration::from_mins(1)),
        ..invitation.clone()
    };
    let mut tx = h.of(acme.id()).await;
    tx.invitations().update(&accepted, 1).await.expect("update");
    assert_stale(tx.invitations().update(&invitation, 1).await);
    assert_stale(tx.invitations().update(&invitation, 3).await);
    let unknown = new_invitation(h.test(), "carol@acme.test", acme.owner.id, 8);
    assert_stale(tx.invitations().update(&unknown, 1).await);
    save(tx).await;
    let found = h
        .read_of(acme.id())
        .await
        .invitations()
        .find(invitation.id)
        .await
        .expect("find");
    assert_eq!(
        found,
        Some(Invitation {
            version: 2,
            ..accepted
        })
    );
}

/// Of many answers to one invitation at the same moment, one counts.
pub async fn invitation_answers_at_once_have_one_winner<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let invitation = new_invitation(h.test(), "bob@acme.test", acme.owner.id, 1);
    keep(h, acme.id(), &invitation).await;
    let answers = parallel(16, |number| {
        let (h, tenant, invitation) = (h.clone(), acme.id(), invitation.clone());
        async move {
            let state = STATES[1 + number % 3];
            let answered = Invitation { state, ..invitation };
            let answer = retrying(|| async {
                let mut tx = h.begin_system(Effect::Write).await?;
                tx.enter(tenant).invitations().update(&answered, 1).await?;
                try_save(tx).await
            })
            .await;
            match answer {
                Ok(()) => Some(state),
                Err(error) => {
                    assert_eq!(error.kind(), StorageErrorKind::Stale, "{error}");
                    None
                }
            }
        }
    })
    .await;
    let winners: Vec<_> = answers.into_iter().flatten().collect();
    let found = h
        .read_of(acme.id())
        .await
        .invitations()
        .find(invitation.id)
        .await
        .expect("find");
    assert_eq!(winners, [found.expect("the invitation").state]);
}

/// From outside of any tenant a token leads to its invitation and tenant, whatever became of it.
pub async fn invitation_is_found_by_token_in_every_state<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let (acme, other) = (seed_tenant(h, "acme").await, seed_tenant(h, "other").await);
    for (number, state) in (1..).zip(STATES) {
        for (seed, hash) in [(&acme, number), (&other, number + 100)] {
            let email = format!("{}@acme.test", state.as_str());
            let invitation = new_invitation(h.test(), &email, seed.owner.id, hash);
            keep(h, seed.id(), &invitation).await;
            change(
                h,
                seed.id(),
                &Invitation {
                    state,
                    ..invitation.clone()
                },
                1,
            )
            .await;
            let found = h
                .system_read()
                .await
                .tenants()
                .find_invitation_by_token(&[hash; 32])
                .await
                .expect("find");
            assert_eq!(found, Some((seed.id(), invitation.id)));
        }
    }
    let found = h
        .system_read()
        .await
        .tenants()
        .find_invitation_by_token(&[250; 32])
        .await
        .expect("find");
    assert_eq!(found, None);
}

/// Sending again makes the older token worthless.
pub async fn invitation_token_replaced_is_void<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let invitation = new_invitation(h.test(), "bob@acme.test", acme.owner.id, 1);
    keep(h, acme.id(), &invitation).await;
    change(
        h,
        acme.id(),
        &Invitation {
            token_hash: [2; 32],
            sends: 2,
            ..invitation.clone()
        },
        1,
    )
    .await;
    let mut tx = h.system_read().await;
    assert_eq!(
        tx.tenants()
            .find_invitation_by_token(&[1; 32])
            .await
            .expect("find"),
        None
    );
    let found = tx
        .tenants()
        .find_invitation_by_token(&[2; 32])
        .await
        .expect("find");
    assert_eq!(found, Some((acme.id(), invitation.id)));
}

/// A list of one state holds that state only; a list of none holds all.
pub async fn invitations_are_listed_by_state<S: TenancyStore + ?Sized>(h: &Harness<S>) {
    let acme = seed_tenant(h, "acme").await;
    let mut expected = Vec::new();
    for (number, state) in (1..).zip(STATES.into_iter().chain(STATES)) {
        h.test().advance(Duration::from_secs(1));
        let email = format!("guest{number}@acme.test");
        let mut invitation = new_invitation(h.test(), &email, acme.owner.id, number);
        keep(h, acme.id(), &invitation).await;
        invitation.state = state;
        change(h, acme.id(), &invitation, 1).await;
        expected.insert(0, (state, invitation.id));
    }
    let mut tx = h.read_of(acme.id()).await;
    for wanted in [
        None,
        Some(STATES[0]),
        Some(STATES[1]),
        Some(STATES[2]),
        Some(STATES[3]),
    ] {
        let slice = tx
            .invitations()
            .list(wanted, &PageRequest::first(100))
            .await
            .expect("list");
        let listed: Vec<_> = slice
            .items
            .iter()
            .map(|invitation| (invitation.state, invitation.id))
            .collect();
        let mut matching = expected.clone();
        matching.retain(|(state, _)| wanted.is_none_or(|wanted| wanted == *state));
        assert_eq!(listed, matching, "{wanted:?}");
        assert_eq!(slice.next, None);
    }
}
