//! Cases about accounts at providers.

use std::time::Duration;

use wisdom_core::conformance::{Harness, parallel, retrying, save, try_save};
use wisdom_core::id::ExternalIdentityId;
use wisdom_core::storage::{Constraint, StorageErrorKind};
use wisdom_core::unit_of_work::Effect;

use super::fixtures::{IdentityStore, address, new_user, seed_user};
use crate::federation::identity::ExternalIdentity;
use crate::store::IdentityTx as _;
use crate::user::User;

const ISSUER: &str = "https://id.example.com";

fn identity<S: IdentityStore + ?Sized>(h: &Harness<S>, user: &User, subject: &str) -> ExternalIdentity {
    let now = h.test().now();
    ExternalIdentity {
        id: h.test().id(),
        user: user.id,
        provider: "acme".to_owned(),
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
        email: Some(user.email.clone()),
        created_at: now,
        last_used_at: now,
    }
}

async fn keep<S: IdentityStore + ?Sized>(h: &Harness<S>, identity: &ExternalIdentity) {
    let mut tx = h.system().await;
    tx.external_identities().insert(identity).await.expect("insert");
    save(tx).await;
}

async fn find<S: IdentityStore + ?Sized>(
    h: &Harness<S>,
    issuer: &str,
    subject: &str,
) -> Option<ExternalIdentity> {
    let mut tx = h.system_read().await;
    tx.external_identities()
        .find_by_subject(issuer, subject)
        .await
        .expect("find")
}

/// An identity comes back as written, by issuer and subject to the letter.
pub async fn identity_is_read_back<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let mut one = identity(h, &ada, "Sub-1");
    one.last_used_at = h.test().advance(Duration::from_micros(1_234_567));
    keep(h, &one).await;
    let bare = ExternalIdentity {
        email: None,
        ..identity(h, &ada, "sub-1")
    };
    keep(h, &bare).await;
    assert_eq!(find(h, ISSUER, "Sub-1").await, Some(one.clone()));
    assert_eq!(find(h, ISSUER, "sub-1").await, Some(bare.clone()));
    assert_eq!(find(h, "https://id.example.com/", "Sub-1").await, None);
    assert_eq!(find(h, ISSUER, "Sub-1 ").await, None);
    let mut tx = h.system_read().await;
    let listed = tx.external_identities().list_of_user(ada.id).await.expect("list");
    assert_eq!(listed, [one, bare], "the oldest first");
}

/// One (issuer, subject) is one identity, and the conflict does no harm to the rest of the unit of work.
pub async fn identity_subject_is_unique_and_the_unit_stays_usable<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    let mut tx = h.system().await;
    tx.external_identities()
        .insert(&identity(h, &ada, "1"))
        .await
        .expect("insert");
    let refused = tx
        .external_identities()
        .insert(&identity(h, &bob, "1"))
        .await
        .expect_err("taken");
    assert_eq!(refused.kind(), StorageErrorKind::Conflict);
    assert!(refused.violates(Constraint::EXTERNAL_IDENTITY), "{refused}");
    let elsewhere = ExternalIdentity {
        issuer: "https://other.example.com".to_owned(),
        ..identity(h, &bob, "1")
    };
    tx.external_identities()
        .insert(&elsewhere)
        .await
        .expect("another issuer's subject");
    save(tx).await;
    assert_eq!(find(h, ISSUER, "1").await.map(|found| found.user), Some(ada.id));
}

/// Of many who bring the same new identity at the same moment, one links it.
pub async fn identities_linked_at_once_have_one_winner<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    for round in 0..4 {
        let subject = format!("s{round}");
        let answers = parallel(16, |_| {
            let h = h.clone();
            let one = identity(&h, &ada, &subject);
            async move {
                retrying(|| async {
                    let mut tx = h.begin_system(Effect::Write).await?;
                    match tx.external_identities().insert(&one).await {
                        Err(error) if error.violates(Constraint::EXTERNAL_IDENTITY) => return Ok(false),
                        result => result?,
                    }
                    try_save(tx).await?;
                    Ok(true)
                })
                .await
                .expect("insert")
            }
        })
        .await;
        assert_eq!(answers.into_iter().filter(|won| *won).count(), 1);
    }
}

/// There is no identity without a user.
pub async fn identity_needs_its_user<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let nobody = new_user(h.test(), "nobody");
    let mut tx = h.system().await;
    let refused = tx
        .external_identities()
        .insert(&identity(h, &nobody, "1"))
        .await
        .expect_err("no user");
    assert!(refused.violates(Constraint::REFERENCE), "{refused}");
}

/// A use is noted; an address that did not come leaves the one before.
pub async fn identity_use_is_noted<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let one = identity(h, &ada, "1");
    keep(h, &one).await;
    let (later, renamed) = (
        h.test().advance(Duration::from_secs(5)),
        address("renamed@acme.test"),
    );
    let mut tx = h.system().await;
    tx.external_identities()
        .touch(one.id, Some(&renamed), later)
        .await
        .expect("touch");
    tx.external_identities()
        .touch(one.id, None, later)
        .await
        .expect("touch");
    save(tx).await;
    let expected = ExternalIdentity {
        email: Some(renamed),
        last_used_at: later,
        ..one
    };
    assert_eq!(find(h, ISSUER, "1").await, Some(expected));
}

/// An identity is removed by its own user only, and once.
pub async fn identity_is_removed_by_its_user_only<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    let one = identity(h, &ada, "1");
    keep(h, &one).await;
    let mut tx = h.system().await;
    let unknown: ExternalIdentityId = h.test().id();
    assert!(
        !tx.external_identities()
            .delete(unknown, ada.id)
            .await
            .expect("delete")
    );
    assert!(
        !tx.external_identities()
            .delete(one.id, bob.id)
            .await
            .expect("delete")
    );
    assert!(
        tx.external_identities()
            .delete(one.id, ada.id)
            .await
            .expect("delete")
    );
    assert!(
        !tx.external_identities()
            .delete(one.id, ada.id)
            .await
            .expect("delete")
    );
    save(tx).await;
    assert_eq!(find(h, ISSUER, "1").await, None);
    keep(h, &identity(h, &bob, "1")).await;
}
