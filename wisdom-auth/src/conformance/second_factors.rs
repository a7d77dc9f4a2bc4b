//! Cases about half-finished sign-ins, second factors and remembered devices.

use std::time::Duration;

use wisdom_core::conformance::{Harness, parallel, retrying, save, try_save};
use wisdom_core::storage::Constraint;
use wisdom_core::unit_of_work::Effect;

use super::fixtures::{IdentityStore, seed_user};
use crate::second_factor::device::RememberedDevice;
use crate::second_factor::totp::TotpCredential;
use crate::session::challenge::SignInChallenge;
use crate::session::sign_in::Proof;
use crate::store::IdentityTx as _;
use crate::user::User;

fn challenge<S: IdentityStore + ?Sized>(h: &Harness<S>, user: &User, byte: u8) -> SignInChallenge {
    let now = h.test().now();
    SignInChallenge {
        hash: [byte; 32],
        user: user.id,
        credentials: 1,
        proof: Proof::EmailCode,
        label: "Schreibtisch, größer als ASCII".to_owned(),
        tenant: Some(h.test().id()),
        attempts: 0,
        created_at: now,
        expires_at: now.saturating_add(Duration::from_mins(5)),
    }
}

fn totp<S: IdentityStore + ?Sized>(h: &Harness<S>, user: &User) -> TotpCredential {
    TotpCredential {
        user: user.id,
        sealed_secret: vec![0, 0xff, 7],
        last_step: 0,
        confirmed_at: None,
        created_at: h.test().now(),
    }
}

/// The generation of credentials begins with one, grows, and belongs to a user.
pub async fn credentials_grow_generation_by_generation<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    for generation in 1..=3 {
        let mut tx = h.system().await;
        let known = tx.users().lock_credentials(ada.id).await.expect("lock");
        assert_eq!(known, Some(generation));
        tx.users().next_credentials(ada.id).await.expect("next");
        save(tx).await;
    }
    let mut tx = h.system().await;
    assert_eq!(tx.users().lock_credentials(bob.id).await.expect("lock"), Some(1));
    assert_eq!(
        tx.users().lock_credentials(h.test().id()).await.expect("lock"),
        None
    );
    // Other changes of a user are no new generation.
    tx.users().update(&bob, 1).await.expect("update");
    assert_eq!(tx.users().lock_credentials(bob.id).await.expect("lock"), Some(1));
}

/// Whoever holds the generation of credentials is alone with it: of read, check, write nothing is lost.
pub async fn credentials_locked_at_once_take_turns<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let seen = parallel(16, |_| {
        let (h, id) = (h.clone(), ada.id);
        async move {
            retrying(|| async {
                let mut tx = h.begin_system(Effect::Write).await?;
                let seen = tx.users().lock_credentials(id).await?;
                tx.users().next_credentials(id).await?;
                try_save(tx).await?;
                Ok(seen)
            })
            .await
            .expect("next")
        }
    })
    .await;
    let mut seen: Vec<_> = seen.into_iter().flatten().collect();
    seen.sort_unstable();
    assert_eq!(seen, (1..=16).collect::<Vec<_>>());
}

/// A half-finished sign-in comes back as written, and is dropped once.
pub async fn challenge_is_read_back_and_dropped<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let stored = challenge(h, &ada, 1);
    let mut tx = h.system().await;
    tx.sign_in_challenges().insert(&stored).await.expect("insert");
    save(tx).await;
    let mut tx = h.system().await;
    assert_eq!(
        tx.sign_in_challenges().find(&[1; 32]).await.expect("find"),
        Some(stored)
    );
    assert_eq!(tx.sign_in_challenges().find(&[2; 32]).await.expect("find"), None);
    assert!(tx.sign_in_challenges().delete(&[1; 32]).await.expect("delete"));
    assert!(!tx.sign_in_challenges().delete(&[1; 32]).await.expect("delete"));
    let unknown = SignInChallenge {
        user: h.test().id(),
        ..challenge(h, &ada, 3)
    };
    let refused = tx
        .sign_in_challenges()
        .insert(&unknown)
        .await
        .expect_err("no user");
    assert!(refused.violates(Constraint::REFERENCE), "{refused}");
}

/// Tries are counted up to the most that is allowed, within the life of the half-finished sign-in.
pub async fn challenge_tries_are_bounded<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let stored = challenge(h, &ada, 1);
    let mut tx = h.system().await;
    tx.sign_in_challenges().insert(&stored).await.expect("insert");
    tx.sign_in_challenges()
        .insert(&challenge(h, &ada, 2))
        .await
        .expect("insert");
    save(tx).await;
    let counted = parallel(16, |_| {
        let h = h.clone();
        async move {
            retrying(|| async {
                let mut tx = h.begin_system(Effect::Write).await?;
                let now = h.test().now();
                let counted = tx.sign_in_challenges().attempt(&[1; 32], 5, now).await?;
                try_save(tx).await?;
                Ok(counted)
            })
            .await
            .expect("attempt")
        }
    })
    .await;
    assert_eq!(counted.into_iter().filter(|counted| *counted).count(), 5);
    let mut tx = h.system().await;
    let over = stored.expires_at;
    assert!(
        !tx.sign_in_challenges()
            .attempt(&[2; 32], 5, over)
            .await
            .expect("attempt")
    );
    tx.sign_in_challenges().delete_all(ada.id).await.expect("delete");
    assert_eq!(tx.sign_in_challenges().find(&[2; 32]).await.expect("find"), None);
}

/// A user's expired half-finished sign-ins go when a new one comes; nobody else's do.
pub async fn challenge_expired_is_swept_by_the_next<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    let mut tx = h.system().await;
    for (user, byte) in [(&ada, 1), (&bob, 2)] {
        tx.sign_in_challenges()
            .insert(&challenge(h, user, byte))
            .await
            .expect("insert");
    }
    save(tx).await;
    h.test().advance(Duration::from_mins(5));
    let mut tx = h.system().await;
    tx.sign_in_challenges()
        .insert(&challenge(h, &ada, 3))
        .await
        .expect("insert");
    save(tx).await;
    let mut tx = h.system_read().await;
    for (byte, there) in [(1, false), (2, true), (3, true)] {
        let found = tx.sign_in_challenges().find(&[byte; 32]).await.expect("find");
        assert_eq!(found.is_some(), there, "{byte}");
    }
}

/// Time-based codes are offered until they are confirmed, and confirmed once.
pub async fn totp_is_offered_and_confirmed_once<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let first = totp(h, &ada);
    let second = TotpCredential {
        sealed_secret: vec![9],
        ..first.clone()
    };
    let mut tx = h.system().await;
    assert!(tx.second_factors().offer_totp(&first).await.expect("offer"));
    assert!(tx.second_factors().offer_totp(&second).await.expect("offer"));
    assert_eq!(
        tx.second_factors().totp(ada.id).await.expect("totp"),
        Some(second.clone())
    );
    assert!(
        !tx.second_factors().use_totp_step(ada.id, 5).await.expect("use"),
        "not confirmed"
    );
    let at = h.test().now();
    assert!(
        tx.second_factors()
            .confirm_totp(ada.id, 7, at)
            .await
            .expect("confirm")
    );
    assert!(
        !tx.second_factors()
            .confirm_totp(ada.id, 8, at)
            .await
            .expect("confirm")
    );
    assert!(!tx.second_factors().offer_totp(&first).await.expect("offer"));
    save(tx).await;
    let mut tx = h.system().await;
    let confirmed = TotpCredential {
        last_step: 7,
        confirmed_at: Some(at),
        ..second
    };
    assert_eq!(
        tx.second_factors().totp(ada.id).await.expect("totp"),
        Some(confirmed)
    );
    assert!(tx.second_factors().delete_totp(ada.id).await.expect("delete"));
    assert!(!tx.second_factors().delete_totp(ada.id).await.expect("delete"));
    let nobody = TotpCredential {
        user: h.test().id(),
        ..first
    };
    let refused = tx
        .second_factors()
        .offer_totp(&nobody)
        .await
        .expect_err("no user");
    assert!(refused.violates(Constraint::REFERENCE), "{refused}");
}

/// A step is used once, whoever comes at the same moment, and no step before it after that.
pub async fn totp_steps_at_once_have_one_winner<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let mut tx = h.system().await;
    let offered = totp(h, &ada);
    tx.second_factors().offer_totp(&offered).await.expect("offer");
    let at = h.test().now();
    tx.second_factors()
        .confirm_totp(ada.id, 100, at)
        .await
        .expect("confirm");
    save(tx).await;
    for (step, winners) in [(100, 0), (101, 1), (103, 1), (102, 0)] {
        let won = parallel(16, |_| {
            let (h, id) = (h.clone(), ada.id);
            async move {
                retrying(|| async {
                    let mut tx = h.begin_system(Effect::Write).await?;
                    let won = tx.second_factors().use_totp_step(id, step).await?;
                    try_save(tx).await?;
                    Ok(won)
                })
                .await
                .expect("use")
            }
        })
        .await;
        assert_eq!(won.into_iter().filter(|won| *won).count(), winners, "step {step}");
    }
}

/// Recovery codes are replaced as a whole, and each is used once.
pub async fn recovery_codes_are_used_once_and_replaced<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    let at = h.test().now();
    let mut tx = h.system().await;
    for (user, codes) in [
        (&ada, [[1; 32], [2; 32]]),
        (&bob, [[1; 32], [9; 32]]),
        (&ada, [[2; 32], [3; 32]]),
    ] {
        tx.second_factors()
            .replace_recovery_codes(user.id, &codes, at)
            .await
            .expect("replace");
    }
    save(tx).await;
    let won = parallel(16, |_| {
        let (h, id) = (h.clone(), ada.id);
        async move {
            retrying(|| async {
                let mut tx = h.begin_system(Effect::Write).await?;
                let won = tx.second_factors().use_recovery_code(id, &[3; 32]).await?;
                try_save(tx).await?;
                Ok(won)
            })
            .await
            .expect("use")
        }
    })
    .await;
    assert_eq!(won.into_iter().filter(|won| *won).count(), 1);
    let mut tx = h.system().await;
    let codes = tx.second_factors();
    assert!(!codes.use_recovery_code(ada.id, &[1; 32]).await.expect("use"));
    assert!(!codes.use_recovery_code(ada.id, &[9; 32]).await.expect("use"));
    assert_eq!(codes.count_recovery_codes(ada.id).await.expect("count"), 1);
    assert_eq!(codes.count_recovery_codes(bob.id).await.expect("count"), 2);
    codes
        .replace_recovery_codes(ada.id, &[], at)
        .await
        .expect("replace");
    assert_eq!(codes.count_recovery_codes(ada.id).await.expect("count"), 0);
    assert_eq!(codes.count_recovery_codes(bob.id).await.expect("count"), 2);
}

/// A remembered device is found until it expires, and forgotten with all others of its user.
pub async fn remembered_devices_expire_and_are_forgotten<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    let now = h.test().now();
    let device = |user: &User, byte| RememberedDevice {
        hash: [byte; 32],
        user: user.id,
        label: "Küche".to_owned(),
        created_at: now,
        expires_at: now.saturating_add(Duration::from_hours(24)),
    };
    let mut tx = h.system().await;
    for device in [device(&ada, 1), device(&ada, 2), device(&bob, 3)] {
        tx.remembered_devices().insert(&device).await.expect("insert");
    }
    let found = tx.remembered_devices().find(&[1; 32], now).await.expect("find");
    assert_eq!(found, Some(device(&ada, 1)));
    let over = device(&ada, 1).expires_at;
    assert_eq!(
        tx.remembered_devices().find(&[1; 32], over).await.expect("find"),
        None
    );
    tx.remembered_devices().delete_all(ada.id).await.expect("delete");
    for (byte, there) in [(1, false), (2, false), (3, true)] {
        let found = tx
            .remembered_devices()
            .find(&[byte; 32], now)
            .await
            .expect("find");
        assert_eq!(found.is_some(), there, "{byte}");
    }
}
