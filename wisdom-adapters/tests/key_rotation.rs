//! Signing keys follow each other by themselves, over processes that share a folder, and no token suffers.

#![cfg(feature = "assembly")]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use wisdom_adapters::config::{Config, TokenAlgorithm};
use wisdom_adapters::{Wisdom, WisdomBuilder};
use wisdom_auth::authenticate::authenticate;
use wisdom_auth::kit::AuthHost as _;
use wisdom_core::clock::ManualClock;
use wisdom_core::context::{Principal, UserSession};
use wisdom_core::id::{IdSourceExt as _, SigningKeyId};
use wisdom_core::time::Timestamp;

const DAY: u64 = 86_400;
/// An access token's life, and what clocks may differ by.
const OVERLAP: u64 = 600 + 60;

/// One process of several that share the folder.
async fn process(folder: &Path, clock: &ManualClock, keys: &str, algorithm: TokenAlgorithm) -> Arc<Wisdom> {
    let mut config = Config::in_memory();
    config.data_dir = folder.to_owned();
    keys.clone_into(&mut config.auth.keys);
    config.auth.algorithm = algorithm;
    config.auth.key_rotation.days = 30;
    config.auth.key_rotation.announce_seconds = 120;
    WisdomBuilder::new(config)
        .clock(Arc::new(clock.clone()))
        .build()
        .await
        .unwrap()
}

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000).unwrap())
}

fn principal(wisdom: &Wisdom) -> Principal {
    let kit = wisdom.kit();
    let session = UserSession {
        user: kit.ids.id(),
        session: kit.ids.id(),
        generation: 1,
    };
    Principal::of_session(session, None, kit.clock.now())
}

fn issue(wisdom: &Wisdom) -> String {
    let tokens = &wisdom.auth().tokens;
    let token = tokens
        .issue_for(&principal(wisdom), wisdom.kit().clock.now())
        .unwrap();
    token.expose().to_owned()
}

fn takes(wisdom: &Wisdom, token: &str) -> bool {
    authenticate(wisdom.auth(), token, wisdom.kit().clock.now()).is_ok()
}

fn signs(wisdom: &Wisdom) -> SigningKeyId {
    wisdom
        .auth()
        .tokens
        .ring()
        .signing_key(wisdom.kit().clock.now())
        .unwrap()
        .id()
}

fn published(wisdom: &Wisdom) -> usize {
    wisdom.jwks()["keys"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_key_is_published_then_signs_then_the_old_one_ends() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let one = process(folder.path(), &clock, "dir:keys", TokenAlgorithm::EdDSA).await;
    let other = process(folder.path(), &clock, "dir:keys", TokenAlgorithm::EdDSA).await;
    let old = signs(&one);
    clock.advance(Duration::from_secs(30 * DAY - 1));
    one.tend_keys().await.unwrap();
    assert_eq!(published(&one), 1, "not before its time");
    clock.advance(Duration::from_secs(1));
    one.tend_keys().await.unwrap();
    other.tend_keys().await.unwrap();
    assert_eq!(
        (published(&one), published(&other)),
        (2, 2),
        "one key, made by one of them"
    );
    assert_eq!(
        (signs(&one), signs(&other)),
        (old, old),
        "announced, and not in use yet"
    );
    clock.advance(Duration::from_secs(119));
    let last = issue(&one);
    assert!(takes(&other, &last));
    clock.advance(Duration::from_secs(1));
    let new = signs(&one);
    assert_ne!(new, old);
    assert_eq!(signs(&other), new);
    let first = issue(&other);
    assert!(takes(&one, &first) && takes(&other, &last));
    // Every token of the old key lives to its own end.
    clock.advance(Duration::from_secs(598));
    assert!(takes(&one, &last) && takes(&one, &first));
    clock.advance(Duration::from_secs(OVERLAP - 598));
    assert_eq!(published(&one), 1, "the old key is gone at its time");
    one.tend_keys().await.unwrap();
    assert_eq!(published(&one), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_find_a_key_due_one_makes_it() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let mut processes = Vec::new();
    for _ in 0..8 {
        processes.push(process(folder.path(), &clock, "dir:keys", TokenAlgorithm::EdDSA).await);
    }
    for round in 1..=5 {
        clock.advance(Duration::from_secs(30 * DAY));
        let work: Vec<_> = processes
            .iter()
            .map(|wisdom| {
                let wisdom = Arc::clone(wisdom);
                tokio::spawn(async move { wisdom.tend_keys().await.unwrap() })
            })
            .collect();
        for task in work {
            task.await.unwrap();
        }
        for wisdom in &processes {
            wisdom.tend_keys().await.unwrap();
            assert_eq!(published(wisdom), 2, "round {round}");
            assert_eq!(wisdom.jwks(), processes[0].jwks());
        }
    }
}

#[tokio::test]
async fn the_next_key_has_the_configured_algorithm() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let before = process(folder.path(), &clock, "dir:keys", TokenAlgorithm::EdDSA).await;
    let token = issue(&before);
    let after = process(folder.path(), &clock, "dir:keys", TokenAlgorithm::ES256).await;
    assert!(takes(&after, &token), "the ring is what it was");
    clock.advance(Duration::from_secs(30 * DAY));
    after.tend_keys().await.unwrap();
    clock.advance(Duration::from_secs(120));
    let ring = after.auth().tokens.ring();
    assert_eq!(
        ring.signing_key(after.kit().clock.now())
            .unwrap()
            .algorithm()
            .as_str(),
        "ES256"
    );
    before.tend_keys().await.unwrap();
    assert!(takes(&before, &issue(&after)));
}

#[tokio::test]
async fn keys_in_memory_follow_each_other_too() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let wisdom = process(folder.path(), &clock, "memory:", TokenAlgorithm::ES256).await;
    let old = signs(&wisdom);
    clock.advance(Duration::from_secs(30 * DAY));
    wisdom.tend_keys().await.unwrap();
    clock.advance(Duration::from_secs(120));
    assert_ne!(signs(&wisdom), old);
    assert_eq!(published(&wisdom), 2);
}
