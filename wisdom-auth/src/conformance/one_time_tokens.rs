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

/// Looking a token up leaves it as it is.
pub async fn token_is_found_without_being_used<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let token = token(h, &ada, 1);
    keep(h, &token).await;
    let mut tx = h.system_read().await;
    for _ in 0..2 {
        let found = tx
            .one_time_tokens()
            .find(&[1; 32], PURPOSE, h.test().now())
            .await
            .expect("find");
        assert_eq!(found, Some(token.clone()));
    }
    let over = tx
        .one_time_tokens()
        .find(&[1; 32], PURPOSE, token.expires_at)
        .await
        .expect("find");
    assert_eq!(over, None);
    let other = tx
        .one_time_tokens()
        .find(&[1; 32], TokenPurpose::ResetPassword, h.test().now())
        .await
        .expect("find");
    assert_eq!(other, None);
    drop(tx);
    assert_eq!(consume(h, 1, h.test().now()).await, Some(token));
}

/// Tries at a token are counted up to the most that is allowed, whoever comes at the same moment; a new token has all of
/// them again.
pub async fn token_tries_are_bounded_and_begin_anew<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    for byte in [1, 2] {
        let token = token(h, &ada, byte);
        keep(h, &token).await;
        let counted = parallel(16, |_| {
            let (h, id) = (h.clone(), ada.id);
            async move {
                retrying(|| async {
                    let mut tx = h.begin_system(Effect::Write).await?;
                    let now = h.test().now();
                    let counted = tx.one_time_tokens().attempt(id, PURPOSE, 5, now).await?;
                    try_save(tx).await?;
                    Ok(counted)
                })
                .await
                .expect("attempt")
            }
        })
        .await;
        let counted: Vec<_> = counted.into_iter().flatten().collect();
        assert_eq!(counted, vec![token; 5]);
    }
    let late = token(h, &ada, 3);
    keep(h, &late).await;
    let mut tx = h.system().await;
    let over = tx
        .one_time_tokens()
        .attempt(ada.id, PURPOSE, 5, late.expires_at)
        .await
        .expect("attempt");
    assert_eq!(over, None);
}

/// Voiding touches the purposes that are named, of one user.
pub async fn tokens_of_some_purposes_are_voided<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    keep(h, &token(h, &ada, 1)).await;
    keep(
        h,
        &OneTimeToken {
            purpose: TokenPurpose::ResetPassword,
            ..token(h, &ada, 2)
        },
    )
    .await;
    keep(
        h,
        &OneTimeToken {
            purpose: TokenPurpose::ResetPassword,
            ..token(h, &bob, 3)
        },
    )
    .await;
    let mut tx = h.system().await;
    tx.one_time_tokens()
        .void(ada.id, &[TokenPurpose::ResetPassword, TokenPurpose::MagicLink])
        .await
        .expect("void");
    save(tx).await;
    let mut tx = h.system_read().await;
    let now = h.test().now();
    for (byte, purpose, there) in [
        (1, PURPOSE, true),
        (2, TokenPurpose::ResetPassword, false),
        (3, TokenPurpose::ResetPassword, true),
    ] {
        let found = tx
            .one_time_tokens()
            .find(&[byte; 32], purpose, now)
            .await
            .expect("find");
        assert_eq!(found.is_some(), there, "{byte}");
    }
}
