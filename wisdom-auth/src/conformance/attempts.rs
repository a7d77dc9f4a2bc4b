//! Cases about failed tries and known devices.

use std::time::Duration;

use wisdom_core::conformance::{Harness, parallel, save};
use wisdom_core::id::UserId;

use super::fixtures::{IdentityStore, address, seed_user};
use crate::attempts::device::KnownDevice;
use crate::attempts::{AttemptKey, Counter};
use crate::store::IdentityTx as _;

async fn read<S: IdentityStore + ?Sized>(h: &Harness<S>, key: &AttemptKey) -> Option<Counter> {
    let mut tx = h.system_read().await;
    tx.attempts().find(key).await.expect("find")
}

/// A counter comes back as saved, one for each key, and is gone once it is cleared.
pub async fn attempts_are_counted_and_cleared<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let user: UserId = h.test().id();
    let (one, other) = (AttemptKey::user(user), AttemptKey::devices(user));
    assert_eq!(read(h, &one).await, None);
    let now = h.test().now();
    let mut tx = h.system().await;
    let counter = tx.attempts().lock(&one, now).await.expect("lock");
    assert_eq!(counter, Counter::none(now));
    let saved = Counter {
        failures: 7,
        at: now.saturating_add(Duration::from_micros(1_234_567)),
    };
    tx.attempts().save(&one, saved).await.expect("save");
    assert_eq!(tx.attempts().lock(&one, now).await.expect("lock"), saved);
    save(tx).await;
    assert_eq!(read(h, &one).await, Some(saved));
    assert_eq!(read(h, &other).await, None);
    let mut tx = h.system().await;
    tx.attempts().clear(&one).await.expect("clear");
    tx.attempts().clear(&other).await.expect("clearing nothing");
    save(tx).await;
    assert_eq!(read(h, &one).await, None);
}

/// Counting at the same moment loses no failure, not even the first ones.
pub async fn attempts_at_once_are_all_counted<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    for _ in 0..3 {
        let key = AttemptKey::user(h.test().id());
        parallel(4, |_| {
            let h = h.clone();
            async move {
                let now = h.test().now();
                let mut tx = h.system().await;
                let counter = tx.attempts().lock(&key, now).await.expect("lock");
                let more = Counter {
                    failures: counter.failures + 1,
                    at: now,
                };
                tx.attempts().save(&key, more).await.expect("save");
                save(tx).await;
            }
        })
        .await;
        assert_eq!(read(h, &key).await.map(|counter| counter.failures), Some(4));
    }
}

/// A sweep deletes old counters of sources and of unknown addresses, each by its own age, and never a user's.
pub async fn attempts_are_swept_by_kind_and_age<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let user: UserId = h.test().id();
    let source = |text: &str| AttemptKey::source(text.parse().expect("an address"));
    let now = h.test().now();
    let ago = |seconds| now.saturating_sub(Duration::from_secs(seconds));
    let old = [
        (AttemptKey::user(user), ago(1_000)),
        (AttemptKey::devices(user), ago(1_000)),
        (source("192.0.2.1"), ago(11)),
        (source("192.0.2.2"), ago(9)),
        (AttemptKey::unknown(&address("a@acme.test")), ago(101)),
        (AttemptKey::unknown(&address("b@acme.test")), ago(99)),
    ];
    let mut tx = h.system().await;
    for (key, at) in &old {
        tx.attempts().lock(key, *at).await.expect("lock");
    }
    save(tx).await;
    let mut tx = h.system().await;
    let rows = tx.attempts().sweep(ago(10), ago(100), 100).await.expect("sweep");
    save(tx).await;
    assert_eq!(rows, 2);
    for (n, (key, _)) in old.iter().enumerate() {
        assert_eq!(read(h, key).await.is_some(), n != 2 && n != 4, "{n}");
    }
}

fn device(h: &Harness<impl IdentityStore + ?Sized>, user: UserId, n: u8) -> KnownDevice {
    let at = h.test().now().saturating_add(Duration::from_secs(u64::from(n)));
    KnownDevice {
        hash: [n; 32],
        user,
        created_at: at,
        seen_at: at,
    }
}

/// A device is found by its hash, counted while it was seen, and forgotten with all others of its user.
pub async fn devices_are_found_counted_and_forgotten<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    let mut tx = h.system().await;
    for kept in [device(h, ada.id, 1), device(h, ada.id, 2), device(h, bob.id, 3)] {
        tx.devices().insert(&kept, 10).await.expect("insert");
    }
    let later = h.test().now().saturating_add(Duration::from_secs(60));
    tx.devices().touch(&[1; 32], later).await.expect("touch");
    save(tx).await;
    let mut tx = h.system_read().await;
    let found = tx
        .devices()
        .find(&[1; 32])
        .await
        .expect("find")
        .expect("a device");
    let expected = KnownDevice {
        seen_at: later,
        ..device(h, ada.id, 1)
    };
    assert_eq!(found, expected);
    assert_eq!(tx.devices().find(&[9; 32]).await.expect("find"), None);
    let since = h.test().now();
    assert_eq!(tx.devices().count(ada.id, since).await.expect("count"), 2);
    let since = device(h, ada.id, 2).seen_at;
    assert_eq!(tx.devices().count(ada.id, since).await.expect("count"), 1);
    drop(tx);
    let mut tx = h.system().await;
    tx.devices().forget(ada.id).await.expect("forget");
    save(tx).await;
    let mut tx = h.system_read().await;
    assert_eq!(tx.devices().find(&[2; 32]).await.expect("find"), None);
    assert!(tx.devices().find(&[3; 32]).await.expect("find").is_some());
}

/// Of more devices than are kept, those that were seen least recently go; another user's do not count.
pub async fn devices_beyond_the_most_make_room<S: IdentityStore + ?Sized>(h: &Harness<S>) {
    let (ada, bob) = (seed_user(h, "ada").await, seed_user(h, "bob").await);
    let mut tx = h.system().await;
    tx.devices()
        .insert(&device(h, bob.id, 9), 2)
        .await
        .expect("insert");
    for n in [3, 1, 2] {
        tx.devices()
            .insert(&device(h, ada.id, n), 2)
            .await
            .expect("insert");
    }
    save(tx).await;
    let mut tx = h.system_read().await;
    for (n, kept) in [(1, false), (2, true), (3, true), (9, true)] {
        assert_eq!(
            tx.devices().find(&[n; 32]).await.expect("find").is_some(),
            kept,
            "{n}"
        );
    }
}
