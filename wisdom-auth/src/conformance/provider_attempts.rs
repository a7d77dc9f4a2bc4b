//! Cases about ways to providers that were begun.

use std::time::Duration;

use wisdom_core::conformance::{Harness, parallel, retrying, save, try_save};
use wisdom_core::storage::Constraint;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;

use super::fixtures::{IdentityStore, new_user, seed_user};
use crate::federation::attempt::Attempt;
use crate::store::IdentityTx as _;

fn attempt<S: IdentityStore + ?Sized>(h: &Harness<S>, byte: u8) -> Attempt {
    let now = h.test().now();
    Attempt {
        state_hash: [byte; 32],
        binding_hash: [byte ^ 0xff; 32],
        provider: "acme".to_owned(),
        user: None,
        return_to: None,
        created_at: now,
        expires_at: now.saturating_add(Duration::from_secs(600)),
    }
}

async fn keep<S: IdentityStore + ?Sized>(h: &Harness<S>, attempt: &Attempt) {
    let mut tx = h.system().await;
    tx.provider_attempts().insert(attempt).await.expect("insert");
    save(tx).await;
}

async fn consume<S: IdentityStore + ?Sized>(h: &Harness<S>, byte: u8, now: Timestamp) -> Option<Attempt> {
    retrying(|| async {
        let mut tx = h.begin_system(Effect::Write).await?;
        let attempt = tx.provider_attempts().consume(&[byte; 32], now).await?;
        try_save(tx).await?;
        Ok(attempt)
    })
    .await
    .expect("consume")
}

/// The first to come back gets the attempt as it was stored; the second gets nothing, nor does an unknown one.
pub async fn attempt_is_consumed_once<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let linking = Attempt {
        user: Some(ada.id),
        return_to: Some("https://app.example.com/größe".to_owned()),
        ..attempt(h, 1)
    };
    keep(h, &linking).await;
    keep(h, &attempt(h, 2)).await;
    let now = h.test().now();
    assert_eq!(consume(h, 9, now).await, None);
    assert_eq!(consume(h, 1, now).await, Some(linking));
    assert_eq!(consume(h, 1, now).await, None);
    assert_eq!(consume(h, 2, now).await, Some(attempt(h, 2)));
}

/// Of many who come back at the same moment, one gets the attempt.
pub async fn attempt_consumers_at_once_have_one_winner<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    for round in 0..4 {
        keep(h, &attempt(h, round)).await;
        let answers = parallel(16, |_| {
            let h = h.clone();
            async move { consume(&h, round, h.test().now()).await }
        })
        .await;
        assert_eq!(answers.iter().flatten().count(), 1);
    }
}

/// An attempt is worth nothing from the moment at which it expires, and goes when others are begun.
pub async fn attempt_expired_is_refused_and_cleared<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (early, last) = (attempt(h, 1), attempt(h, 2));
    keep(h, &early).await;
    keep(h, &last).await;
    assert_eq!(consume(h, 1, early.expires_at).await, None);
    let last_moment = last.expires_at.saturating_sub(Duration::from_micros(1));
    assert_eq!(consume(h, 2, last_moment).await, Some(last));
    h.test().advance(Duration::from_secs(600));
    keep(h, &attempt(h, 3)).await;
    assert_eq!(consume(h, 1, early.created_at).await, None, "cleared");
    assert!(consume(h, 3, h.test().now()).await.is_some());
}

/// There is no attempt of a user who does not exist.
pub async fn attempt_needs_its_user<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let nobody = new_user(h.test(), "nobody");
    let linking = Attempt {
        user: Some(nobody.id),
        ..attempt(h, 1)
    };
    let mut tx = h.system().await;
    let refused = tx
        .provider_attempts()
        .insert(&linking)
        .await
        .expect_err("no user");
    assert!(refused.violates(Constraint::REFERENCE), "{refused}");
}
