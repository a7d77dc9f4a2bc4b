//! Signing keys follow each other by themselves, over processes that share a folder, and no token suffers.

#![cfg(feature = "assembly")]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use wisdom_adapters::config::{Config, TokenAlgorithm};
use wisdom_adapters::{Wisdom, WisdomBuilder};
use wisdom_auth::authenticate::authenticate;
use wisdom_auth::kit::AuthHost as _;
use wisdom_auth::token::{AccessTokens, MAX_LIFETIME};
use wisdom_core::clock::{Clock as _, ManualClock};
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

/// Signs and verifies without a pause while the clock runs: a token each time, and those of the last five minutes.
struct Client {
    processes: Vec<Arc<Wisdom>>,
    clock: ManualClock,
    held: VecDeque<(Timestamp, String)>,
    verified: u64,
}

impl Client {
    fn work(&mut self) {
        const HELD: Duration = Duration::from_secs(300);
        let now = self.clock.now();
        self.held.retain(|(at, _)| now.since(*at) < HELD);
        let signer = usize::try_from(self.verified).unwrap() % self.processes.len();
        self.held.push_back((now, issue(&self.processes[signer])));
        let ends = [self.held.front(), self.held.back()];
        for (at, token) in ends.into_iter().flatten() {
            for wisdom in &self.processes {
                assert!(takes(wisdom, token), "a token of {at} at {}", self.clock.now());
                self.verified += 1;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_load_no_token_fails_while_keys_follow_each_other() {
    const CLIENTS: usize = 3;
    const ROTATIONS: usize = 2;
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let mut processes = Vec::new();
    for _ in 0..2 {
        processes.push(process(folder.path(), &clock, "dir:keys", TokenAlgorithm::EdDSA).await);
    }
    let (stop, month) = (Arc::new(AtomicBool::new(false)), Arc::new(RwLock::new(())));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut client = Client {
                processes: processes.clone(),
                clock: clock.clone(),
                held: VecDeque::new(),
                verified: 0,
            };
            let (stop, month) = (Arc::clone(&stop), Arc::clone(&month));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    // No token lives through the month between two rotations.
                    let _same = month.read().unwrap();
                    client.work();
                }
                client.verified
            })
        })
        .collect();
    for _ in 0..ROTATIONS {
        let old = signs(&processes[0]);
        {
            let _none = month.write().unwrap();
            clock.advance(Duration::from_secs(30 * DAY));
        }
        for seconds in 0..OVERLAP + 240 {
            clock.advance(Duration::from_secs(1));
            if seconds % 10 == 0 {
                for wisdom in &processes {
                    wisdom.tend_keys().await.unwrap();
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_ne!(signs(&processes[0]), old);
        assert_eq!((published(&processes[0]), published(&processes[1])), (1, 1));
    }
    stop.store(true, Ordering::Relaxed);
    let verified: u64 = clients.into_iter().map(|client| client.join().unwrap()).sum();
    println!("{verified} verifications");
    assert!(verified > 1_000, "{verified}");
}

#[tokio::test]
async fn an_old_key_stops_at_its_time_for_tokens_that_would_live_on() {
    let (folder, clock) = (tempfile::tempdir().unwrap(), clock());
    let wisdom = process(folder.path(), &clock, "dir:keys", TokenAlgorithm::EdDSA).await;
    let tokens = &wisdom.auth().tokens;
    let longest = tokens
        .policy()
        .clone()
        .times(MAX_LIFETIME, Duration::from_secs(60))
        .unwrap();
    let longer = AccessTokens::new((*tokens.ring()).clone(), longest, Arc::clone(&wisdom.kit().ids));
    clock.advance(Duration::from_secs(30 * DAY));
    wisdom.tend_keys().await.unwrap();
    clock.advance(Duration::from_secs(119));
    let issue = || longer.issue_for(&principal(&wisdom), clock.now()).unwrap();
    let (seen, unseen) = (issue(), issue());
    clock.advance(Duration::from_secs(OVERLAP));
    assert!(takes(&wisdom, seen.expose()), "the last second");
    clock.advance(Duration::from_secs(1));
    assert!(!takes(&wisdom, seen.expose()), "remembered, and its key is gone");
    assert!(!takes(&wisdom, unseen.expose()));
}
