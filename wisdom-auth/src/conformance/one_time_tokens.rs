//! Cases about tokens that prove a mailbox once.

use std::time::Duration;

use wisdom_core::conformance::{Harness, parallel, retrying, save, try_save};
use wisdom_core::storage::Constraint;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;

use super::fixtures::{IdentityStore, seed_user};
use crate::one_time_token::{OneTimeToken, TokenPurpose};
use crate::store::IdentityTx as _;
use crate::user::User;

const PURPOSE: TokenPurpose = TokenPurpose::VerifyEmail;

fn token<S: IdentityStore + ?Sized>(h: &Harness<S>, user: &User, byte: u8) -> OneTimeToken {
    let now = h.test().now();
    OneTimeToken {
        hash: [byte; 32],
        purpose: PURPOSE,
        user: user.id,
        email: user.email.clone(),
        created_at: now,
        expires_at: now.saturating_add(Duration::from_hours(1)),
    }
}

async fn keep<S: IdentityStore + ?Sized>(h: &Harness<S>, token: &OneTimeToken) {
    let mut tx = h.system().await;
    tx.one_time_tokens().replace(token).await.expect("replace");
    save(tx).await;
}

async fn consume<S: IdentityStore + ?Sized>(
    h: &Harness<S>,
    byte: u8,
    now: Timestamp,
) -> Option<OneTimeToken> {
    retrying(|| async {
        let mut tx = h.begin_system(Effect::Write).await?;
        let token = tx.one_time_tokens().consume(&[byte; 32], PURPOSE, now).await?;
        try_save(tx).await?;
        Ok(token)
    })
    .await
    .expect("consume")
}

/// The first to present a token gets it as it was stored; the second gets nothing.
pub async fn token_is_consumed_once<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let token = token(h, &ada, 1);
    keep(h, &token).await;
    assert_eq!(consume(h, 1, h.test().now()).await, Some(token));
    assert_eq!(consume(h, 1, h.test().now()).await, None);
}

/// Of many who present a token at the same moment, one gets it.
pub async fn token_consumers_at_once_have_one_winner<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    for round in 0..4 {
        keep(h, &token(h, &ada, round)).await;
        let answers = parallel(16, |_| {
            let h = h.clone();
            async move { consume(&h, round, h.test().now()).await }
        })
        .await;
        assert_eq!(answers.iter().flatten().count(), 1);
    }
}

/// A new token voids the user's older one and nobody else's.
pub async fn token_replaced_is_void<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    keep(h, &token(h, &ada, 1)).await;
    keep(h, &token(h, &bob, 2)).await;
    keep(h, &token(h, &ada, 3)).await;
    let now = h.test().now();
    assert_eq!(consume(h, 1, now).await, None, "replaced");
    assert_eq!(consume(h, 2, now).await.map(|token| token.user), Some(bob.id));
    assert_eq!(consume(h, 3, now).await.map(|token| token.user), Some(ada.id));
}

/// A token is worth nothing from the moment at which it expires.
pub async fn token_expired_is_refused<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let token = token(h, &ada, 1);
    keep(h, &token).await;
    assert_eq!(consume(h, 1, token.expires_at).await, None);
    let last_moment = token.expires_at.saturating_sub(Duration::from_micros(1));
    assert_eq!(consume(h, 1, last_moment).await, Some(token));
}

/// A hash that was never stored gets nothing.
pub async fn token_unknown_is_refused<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    keep(h, &token(h, &ada, 1)).await;
    assert_eq!(consume(h, 9, h.test().now()).await, None);
    assert!(consume(h, 1, h.test().now()).await.is_some());
}

/// There is no token without a user.
pub async fn token_needs_its_user<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = super::new_user(h.test(), "ada");
    let mut tx = h.system().await;
    let refused = tx
        .one_time_tokens()
        .replace(&token(h, &ada, 1))
        .await
        .expect_err("no user");
    assert!(refused.violates(Constraint::REFERENCE), "{refused}");
}

/// A token is used up by a commit, not by an attempt that failed later.
pub async fn token_consumed_in_a_dropped_unit_stays<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let token = token(h, &ada, 1);
    keep(h, &token).await;
    let mut tx = h.system().await;
    let now = h.test().now();
    assert!(
        tx.one_time_tokens()
            .consume(&[1; 32], PURPOSE, now)
            .await
            .expect("consume")
            .is_some()
    );
    drop(tx);
    assert_eq!(consume(h, 1, now).await, Some(token));
}
