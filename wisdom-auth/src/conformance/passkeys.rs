//! Cases about passkeys and their ceremonies.

use std::time::Duration;

use wisdom_core::conformance::{Harness, parallel, retrying, save, try_save};
use wisdom_core::id::UserId;
use wisdom_core::storage::Constraint;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::value::DisplayName;

use super::fixtures::{IdentityStore, new_user, seed_user};
use crate::passkey::Passkey;
use crate::passkey::ceremony::{Ceremony, CeremonyPurpose};
use crate::store::IdentityTx as _;

const MOST: u32 = 3;

fn named(text: &str) -> DisplayName {
    DisplayName::parse(text).expect("a valid name")
}

fn passkey<S: IdentityStore + ?Sized>(h: &Harness<S>, user: UserId, byte: u8) -> Passkey {
    Passkey {
        id: h.test().id(),
        user,
        credential_id: vec![byte; 16],
        credential: r#"{"cred":{"größe":1}}"#.to_owned(),
        name: named("Schlüsselbund"),
        counter: 0,
        backed_up: false,
        user_verified: true,
        created_at: h.test().now(),
        last_used_at: None,
    }
}

async fn keep<S: IdentityStore + ?Sized>(h: &Harness<S>, passkey: &Passkey) {
    let mut tx = h.system().await;
    assert!(tx.passkeys().insert(passkey, MOST).await.expect("insert"));
    save(tx).await;
}

async fn stored<S: IdentityStore + ?Sized>(h: &Harness<S>, byte: u8) -> Option<Passkey> {
    let mut tx = h.system().await;
    tx.passkeys().find(&[byte; 16]).await.expect("find")
}

/// It is found by its credential id, listed and counted for its user, and for nobody else.
pub async fn passkey_is_read_back<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    let used = Passkey {
        counter: u32::MAX,
        backed_up: true,
        user_verified: false,
        last_used_at: Some(h.test().now()),
        ..passkey(h, ada.id, 1)
    };
    let bare = passkey(h, ada.id, 2);
    keep(h, &used).await;
    keep(h, &bare).await;
    assert_eq!(stored(h, 1).await, Some(used.clone()));
    assert_eq!(stored(h, 9).await, None);
    let mut tx = h.system().await;
    let listed = tx.passkeys().list_of_user(ada.id).await.expect("list");
    assert_eq!(listed, [used, bare]);
    assert_eq!(tx.passkeys().count(ada.id).await.expect("count"), 2);
    assert_eq!(tx.passkeys().list_of_user(bob.id).await.expect("list"), []);
    assert_eq!(tx.passkeys().count(bob.id).await.expect("count"), 0);
}

/// A credential id is there once, whoever wants it; what else the unit of work does goes on.
pub async fn passkey_credential_is_unique_and_the_unit_stays_usable<S: IdentityStore + ?Sized>(
    h: &Harness<S>,
) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    keep(h, &passkey(h, ada.id, 1)).await;
    let mut tx = h.system().await;
    for user in [ada.id, bob.id] {
        let again = passkey(h, user, 1);
        let refused = tx.passkeys().insert(&again, MOST).await.expect_err("taken");
        assert!(refused.violates(Constraint::PASSKEY), "{refused}");
    }
    let other = passkey(h, bob.id, 2);
    assert!(tx.passkeys().insert(&other, MOST).await.expect("insert"));
    save(tx).await;
    assert_eq!(stored(h, 2).await, Some(other));
}

/// A user has at most so many; others are not in the way.
pub async fn passkeys_of_a_user_are_bounded<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    for byte in 1..=3 {
        keep(h, &passkey(h, ada.id, byte)).await;
    }
    let mut tx = h.system().await;
    let fourth = passkey(h, ada.id, 4);
    assert!(!tx.passkeys().insert(&fourth, MOST).await.expect("insert"));
    let other = passkey(h, bob.id, 5);
    assert!(tx.passkeys().insert(&other, MOST).await.expect("insert"));
    save(tx).await;
    assert_eq!(stored(h, 4).await, None);
}

/// A passkey of nobody is refused.
pub async fn passkey_needs_its_user<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let nobody = new_user(h.test(), "nobody");
    let mut tx = h.system().await;
    let refused = tx.passkeys().insert(&passkey(h, nobody.id, 1), MOST).await;
    let refused = refused.expect_err("nobody");
    assert!(refused.violates(Constraint::REFERENCE), "{refused}");
}

/// The counter grows or does not count; one that goes back or stays changes nothing.
pub async fn passkey_counter_never_goes_back<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let new = passkey(h, ada.id, 1);
    keep(h, &new).await;
    let at = h.test().now().saturating_add(Duration::from_secs(5));
    for (counter, expected) in [
        (0, true),
        (0, true),
        (5, true),
        (5, false),
        (4, false),
        (0, false),
        (6, true),
        (u32::MAX, true),
    ] {
        let mut tx = h.system().await;
        let noted = tx.passkeys().note_use(new.id, counter, true, at).await;
        assert_eq!(noted.expect("note"), expected, "{counter}");
        save(tx).await;
    }
    let expected = Passkey {
        counter: u32::MAX,
        backed_up: true,
        last_used_at: Some(at),
        ..new
    };
    assert_eq!(stored(h, 1).await, Some(expected));
    let mut tx = h.system().await;
    let unknown = tx.passkeys().note_use(h.test().id(), 1, true, at).await;
    assert!(!unknown.expect("note"));
}

/// Of uses with one counter at the same moment, one is noted.
pub async fn passkey_uses_at_once_have_one_winner<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let new = passkey(h, ada.id, 1);
    keep(h, &new).await;
    let now = h.test().now();
    let noted = parallel(8, |_| {
        let h = h.clone();
        let id = new.id;
        async move {
            retrying(|| async {
                let mut tx = h.begin_system(Effect::Write).await?;
                let noted = tx.passkeys().note_use(id, 7, false, now).await?;
                try_save(tx).await?;
                Ok(noted)
            })
            .await
            .expect("note")
        }
    })
    .await;
    assert_eq!(noted.into_iter().filter(|noted| *noted).count(), 1);
}

/// Its user names and removes it, and nobody else does.
pub async fn passkey_is_named_and_removed_by_its_user_only<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    let new = passkey(h, ada.id, 1);
    keep(h, &new).await;
    let name = named("Bürotür");
    let mut tx = h.system().await;
    assert!(!tx.passkeys().rename(new.id, bob.id, &name).await.expect("rename"));
    assert!(!tx.passkeys().delete(new.id, bob.id).await.expect("delete"));
    assert!(tx.passkeys().rename(new.id, ada.id, &name).await.expect("rename"));
    save(tx).await;
    assert_eq!(stored(h, 1).await.map(|one| one.name), Some(name));
    let mut tx = h.system().await;
    assert!(tx.passkeys().delete(new.id, ada.id).await.expect("delete"));
    assert!(!tx.passkeys().delete(new.id, ada.id).await.expect("delete"));
    save(tx).await;
    assert_eq!(stored(h, 1).await, None);
    // Its credential id is free again.
    keep(h, &passkey(h, bob.id, 1)).await;
}

fn ceremony<S: IdentityStore + ?Sized>(h: &Harness<S>, byte: u8) -> Ceremony {
    let now = h.test().now();
    Ceremony {
        hash: [byte; 32],
        purpose: CeremonyPurpose::LogIn,
        user: None,
        sign_in: None,
        state: r#"{"discover":"größe"}"#.to_owned(),
        created_at: now,
        expires_at: now.saturating_add(Duration::from_mins(5)),
    }
}

async fn begin<S: IdentityStore + ?Sized>(h: &Harness<S>, ceremony: &Ceremony) {
    let mut tx = h.system().await;
    tx.passkey_ceremonies().insert(ceremony).await.expect("insert");
    save(tx).await;
}

async fn consume<S: IdentityStore + ?Sized>(h: &Harness<S>, byte: u8, now: Timestamp) -> bool {
    retrying(|| async {
        let mut tx = h.begin_system(Effect::Write).await?;
        let used = tx.passkey_ceremonies().consume(&[byte; 32], now).await?;
        try_save(tx).await?;
        Ok(used)
    })
    .await
    .expect("consume")
}

async fn found<S: IdentityStore + ?Sized>(h: &Harness<S>, byte: u8, now: Timestamp) -> Option<Ceremony> {
    let mut tx = h.system().await;
    tx.passkey_ceremonies()
        .find(&[byte; 32], now)
        .await
        .expect("find")
}

/// A ceremony is found as it was stored, as often as one looks, and used up once.
pub async fn ceremony_is_used_up_once<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let ada = seed_user(h, "ada").await;
    let now = h.test().now();
    let bound = Ceremony {
        purpose: CeremonyPurpose::SecondFactor,
        user: Some(ada.id),
        sign_in: Some([7; 32]),
        ..ceremony(h, 1)
    };
    begin(h, &bound).await;
    begin(h, &ceremony(h, 2)).await;
    for _ in 0..2 {
        assert_eq!(found(h, 1, now).await, Some(bound.clone()));
    }
    assert_eq!(found(h, 9, now).await, None);
    assert!(!consume(h, 9, now).await);
    assert!(consume(h, 1, now).await);
    assert!(!consume(h, 1, now).await);
    assert_eq!(found(h, 1, now).await, None);
    assert_eq!(found(h, 2, now).await, Some(ceremony(h, 2)));
}

/// Of those who use a ceremony up at the same moment, one does.
pub async fn ceremony_consumers_at_once_have_one_winner<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let now = h.test().now();
    begin(h, &ceremony(h, 1)).await;
    let used = parallel(8, |_| {
        let h = h.clone();
        async move { consume(&h, 1, now).await }
    })
    .await;
    assert_eq!(used.into_iter().filter(|used| *used).count(), 1);
}

/// At its end it is worth nothing, and a later one clears it away.
pub async fn ceremony_expired_is_refused_and_cleared<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let old = ceremony(h, 1);
    begin(h, &old).await;
    assert_eq!(found(h, 1, old.expires_at).await, None);
    assert!(!consume(h, 1, old.expires_at).await);
    let later = Ceremony {
        created_at: old.expires_at,
        expires_at: old.expires_at.saturating_add(Duration::from_mins(5)),
        ..ceremony(h, 2)
    };
    begin(h, &later).await;
    // Before its end it would be there.
    assert_eq!(found(h, 1, old.created_at).await, None);
    assert_eq!(found(h, 2, later.created_at).await, Some(later.clone()));
}

/// Those of a user go together; others stay. One of nobody who is named is refused.
pub async fn ceremonies_of_a_user_are_dropped<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    let now = h.test().now();
    for (byte, user) in [(1, Some(ada.id)), (2, Some(ada.id)), (3, Some(bob.id)), (4, None)] {
        let one = Ceremony {
            user,
            ..ceremony(h, byte)
        };
        begin(h, &one).await;
    }
    let mut tx = h.system().await;
    tx.passkey_ceremonies().delete_all(ada.id).await.expect("delete");
    save(tx).await;
    for (byte, expected) in [(1, false), (2, false), (3, true), (4, true)] {
        assert_eq!(found(h, byte, now).await.is_some(), expected, "{byte}");
    }
    let nobody = Ceremony {
        user: Some(new_user(h.test(), "nobody").id),
        ..ceremony(h, 5)
    };
    let mut tx = h.system().await;
    let refused = tx.passkey_ceremonies().insert(&nobody).await.expect_err("nobody");
    assert!(refused.violates(Constraint::REFERENCE), "{refused}");
}
