//! What every cache must do. Expand with [`cache_conformance!`](crate::cache_conformance).
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::{Cache, CacheKey, Cached, MAX_VALUE_BYTES, PutOutcome, TenantCache};
use crate::id::TenantId;
use crate::port::{PortError, PortErrorKind};

/// Expands to one named test a case.
///
/// `$make` is an async function without arguments that returns `(cache, guard)`: a cache that holds none of the
/// keys of another test, and anything that has to live as long as it (a folder, a server; `()` if nothing).
#[macro_export]
macro_rules! cache_conformance {
    ($make:expr) => {
        $crate::cache_conformance!(@cases $make;
            miss_is_nothing
            put_is_read_back
            put_replaces
            removed_is_gone
            removing_nothing_is_fine
            ended_is_gone
            too_large_is_refused
            largest_is_kept
            zero_life_is_refused
            version_zero_is_refused
            newer_version_replaces
            older_version_is_not_written_back
            same_version_is_written_once
            invalidated_is_gone
            nothing_older_after_invalidation
            invalidated_version_may_be_stored
            late_invalidation_is_harmless
            invalidation_guards_an_empty_key
            plain_put_respects_versions
            version_replaces_plain
            newest_wins_under_contention
            similar_keys_do_not_meet
            tenants_do_not_meet
        );
    };
    (@cases $make:expr; $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (subject, _guard) = ($make)().await;
                $crate::port::cache::conformance::$case(subject).await;
            }
        )*
    };
}

const LONG: Duration = Duration::from_secs(60);

fn key(name: &str) -> CacheKey {
    CacheKey::new("conformance", &[name.as_bytes()]).expect("a short key")
}

fn kind<T: std::fmt::Debug>(result: Result<T, PortError>) -> PortErrorKind {
    result.expect_err("must be refused").kind
}

async fn value(subject: &impl Cache, key: &CacheKey) -> Option<Bytes> {
    subject.get(key).await.expect("get").map(|held| held.value)
}

async fn store(subject: &impl Cache, key: &CacheKey, version: u64, text: &'static str) -> PutOutcome {
    subject
        .put_if_newer(key, version, Bytes::from_static(text.as_bytes()), LONG)
        .await
        .expect("put_if_newer")
}

/// A key that was never stored.
pub async fn miss_is_nothing(subject: impl Cache) {
    assert_eq!(subject.get(&key("a")).await.expect("get"), None);
}

/// A plain value comes back byte for byte, with version 0.
pub async fn put_is_read_back(subject: impl Cache) {
    let bytes = Bytes::from_static(b"\0\xff\r\n");
    subject.put(&key("a"), bytes.clone(), LONG).await.expect("put");
    assert_eq!(
        subject.get(&key("a")).await.expect("get"),
        Some(Cached {
            version: 0,
            value: bytes
        })
    );
    subject.put(&key("empty"), Bytes::new(), LONG).await.expect("put");
    assert_eq!(
        value(&subject, &key("empty")).await,
        Some(Bytes::new()),
        "an empty value is a value"
    );
}

/// The second plain value is the one that counts.
pub async fn put_replaces(subject: impl Cache) {
    subject
        .put(&key("a"), Bytes::from_static(b"1"), LONG)
        .await
        .expect("put");
    subject
        .put(&key("a"), Bytes::from_static(b"2"), LONG)
        .await
        .expect("put");
    assert_eq!(value(&subject, &key("a")).await.as_deref(), Some(&b"2"[..]));
}

/// A removed value is a miss, and its neighbour is not.
pub async fn removed_is_gone(subject: impl Cache) {
    subject
        .put(&key("a"), Bytes::from_static(b"1"), LONG)
        .await
        .expect("put");
    subject
        .put(&key("b"), Bytes::from_static(b"2"), LONG)
        .await
        .expect("put");
    subject.remove(&key("a")).await.expect("remove");
    assert_eq!(value(&subject, &key("a")).await, None);
    assert_eq!(value(&subject, &key("b")).await.as_deref(), Some(&b"2"[..]));
}

/// Removing is idempotent.
pub async fn removing_nothing_is_fine(subject: impl Cache) {
    subject.remove(&key("a")).await.expect("remove");
}

/// An entry is not returned after its life, and the life belongs to the entry.
pub async fn ended_is_gone(subject: impl Cache) {
    subject
        .put(&key("long"), Bytes::from_static(b"1"), LONG)
        .await
        .expect("put");
    subject
        .put(&key("short"), Bytes::from_static(b"2"), Duration::from_millis(50))
        .await
        .expect("put");
    store(&subject, &key("versioned"), 9, "3").await;
    subject
        .put_if_newer(
            &key("versioned"),
            10,
            Bytes::from_static(b"4"),
            Duration::from_millis(50),
        )
        .await
        .expect("put_if_newer");
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert_eq!(value(&subject, &key("short")).await, None);
    assert_eq!(value(&subject, &key("versioned")).await, None);
    assert!(value(&subject, &key("long")).await.is_some());
    assert_eq!(
        store(&subject, &key("versioned"), 1, "new life").await,
        PutOutcome::Stored
    );
}

/// Above the limit nothing is stored, whatever the way.
pub async fn too_large_is_refused(subject: impl Cache) {
    let large = Bytes::from(vec![7; MAX_VALUE_BYTES + 1]);
    assert_eq!(
        kind(subject.put(&key("a"), large.clone(), LONG).await),
        PortErrorKind::Invalid
    );
    assert_eq!(
        kind(subject.put_if_newer(&key("a"), 1, large, LONG).await),
        PortErrorKind::Invalid
    );
    assert_eq!(value(&subject, &key("a")).await, None);
}

/// A value at the limit is stored and stays.
pub async fn largest_is_kept(subject: impl Cache) {
    subject
        .put(&key("a"), Bytes::from(vec![7; MAX_VALUE_BYTES]), LONG)
        .await
        .expect("put");
    assert_eq!(
        value(&subject, &key("a")).await.map(|v| v.len()),
        Some(MAX_VALUE_BYTES)
    );
}

/// A life of zero is a mistake, not a removal.
pub async fn zero_life_is_refused(subject: impl Cache) {
    let bytes = Bytes::from_static(b"1");
    assert_eq!(
        kind(subject.put(&key("a"), bytes.clone(), Duration::ZERO).await),
        PortErrorKind::Invalid
    );
    assert_eq!(
        kind(subject.put_if_newer(&key("a"), 1, bytes, Duration::ZERO).await),
        PortErrorKind::Invalid
    );
    assert_eq!(
        kind(subject.invalidate(&key("a"), 1, Duration::ZERO).await),
        PortErrorKind::Invalid
    );
}

/// 0 stands for plain values.
pub async fn version_zero_is_refused(subject: impl Cache) {
    assert_eq!(
        kind(subject.put_if_newer(&key("a"), 0, Bytes::new(), LONG).await),
        PortErrorKind::Invalid
    );
    assert_eq!(
        kind(subject.invalidate(&key("a"), 0, LONG).await),
        PortErrorKind::Invalid
    );
}

/// Versions go up.
pub async fn newer_version_replaces(subject: impl Cache) {
    assert_eq!(store(&subject, &key("a"), 4, "four").await, PutOutcome::Stored);
    assert_eq!(store(&subject, &key("a"), 5, "five").await, PutOutcome::Stored);
    let held = subject.get(&key("a")).await.expect("get");
    assert_eq!(
        held,
        Some(Cached {
            version: 5,
            value: Bytes::from_static(b"five")
        })
    );
}

/// A reader that was overtaken can't bring back what it read.
pub async fn older_version_is_not_written_back(subject: impl Cache) {
    store(&subject, &key("a"), 5, "five").await;
    assert_eq!(
        store(&subject, &key("a"), 4, "four").await,
        PutOutcome::Outdated { held: 5 }
    );
    assert_eq!(value(&subject, &key("a")).await.as_deref(), Some(&b"five"[..]));
}

/// Two readers of one version: the first one's value stays.
pub async fn same_version_is_written_once(subject: impl Cache) {
    store(&subject, &key("a"), 5, "first").await;
    assert_eq!(
        store(&subject, &key("a"), 5, "second").await,
        PutOutcome::Outdated { held: 5 }
    );
    assert_eq!(value(&subject, &key("a")).await.as_deref(), Some(&b"first"[..]));
}

/// An older value is gone after invalidation.
pub async fn invalidated_is_gone(subject: impl Cache) {
    store(&subject, &key("a"), 4, "four").await;
    subject.invalidate(&key("a"), 5, LONG).await.expect("invalidate");
    assert_eq!(value(&subject, &key("a")).await, None);
}

/// The race this port exists for: read, invalidated by another, written back.
pub async fn nothing_older_after_invalidation(subject: impl Cache) {
    store(&subject, &key("a"), 4, "four").await;
    subject.invalidate(&key("a"), 6, LONG).await.expect("invalidate");
    assert_eq!(
        store(&subject, &key("a"), 5, "five").await,
        PutOutcome::Outdated { held: 6 }
    );
    assert_eq!(value(&subject, &key("a")).await, None);
}

/// Who reads after the change may store what it read.
pub async fn invalidated_version_may_be_stored(subject: impl Cache) {
    subject.invalidate(&key("a"), 6, LONG).await.expect("invalidate");
    assert_eq!(store(&subject, &key("a"), 6, "six").await, PutOutcome::Stored);
    assert_eq!(value(&subject, &key("a")).await.as_deref(), Some(&b"six"[..]));
}

/// An invalidation that arrives after the new value leaves it, and never lowers the guard.
pub async fn late_invalidation_is_harmless(subject: impl Cache) {
    store(&subject, &key("a"), 6, "six").await;
    subject.invalidate(&key("a"), 6, LONG).await.expect("invalidate");
    subject.invalidate(&key("a"), 3, LONG).await.expect("invalidate");
    assert_eq!(value(&subject, &key("a")).await.as_deref(), Some(&b"six"[..]));
    subject.invalidate(&key("b"), 9, LONG).await.expect("invalidate");
    subject.invalidate(&key("b"), 2, LONG).await.expect("invalidate");
    assert_eq!(
        store(&subject, &key("b"), 5, "five").await,
        PutOutcome::Outdated { held: 9 }
    );
}

/// The guard does not need a value to stand on.
pub async fn invalidation_guards_an_empty_key(subject: impl Cache) {
    subject.invalidate(&key("a"), 2, LONG).await.expect("invalidate");
    assert_eq!(subject.get(&key("a")).await.expect("get"), None);
    assert_eq!(
        store(&subject, &key("a"), 1, "one").await,
        PutOutcome::Outdated { held: 2 }
    );
}

/// A plain put can't walk around a version or a guard.
pub async fn plain_put_respects_versions(subject: impl Cache) {
    store(&subject, &key("a"), 5, "five").await;
    assert_eq!(
        kind(subject.put(&key("a"), Bytes::from_static(b"x"), LONG).await),
        PortErrorKind::Conflict
    );
    assert_eq!(value(&subject, &key("a")).await.as_deref(), Some(&b"five"[..]));
    subject.invalidate(&key("b"), 5, LONG).await.expect("invalidate");
    assert_eq!(
        kind(subject.put(&key("b"), Bytes::from_static(b"x"), LONG).await),
        PortErrorKind::Conflict
    );
    assert_eq!(value(&subject, &key("b")).await, None);
}

/// Any version is newer than a plain value.
pub async fn version_replaces_plain(subject: impl Cache) {
    subject
        .put(&key("a"), Bytes::from_static(b"plain"), LONG)
        .await
        .expect("put");
    assert_eq!(store(&subject, &key("a"), 1, "one").await, PutOutcome::Stored);
    assert_eq!(value(&subject, &key("a")).await.as_deref(), Some(&b"one"[..]));
}

/// Many writers in any order: the highest version stays.
pub async fn newest_wins_under_contention(subject: impl Cache) {
    let subject = &subject;
    let key = &key("a");
    for round in 1..=20_u64 {
        let writers = (1..=16_u64).map(|n| async move {
            // 7 and 17 have no common divisor, so this visits 1..=16 in a scattered order.
            let version = round * 100 + (n * 7) % 17;
            tokio::task::yield_now().await;
            subject
                .put_if_newer(key, version, Bytes::from(version.to_string()), LONG)
                .await
                .expect("put_if_newer");
        });
        futures_util::future::join_all(writers).await;
        let held = subject.get(key).await.expect("get").expect("held");
        assert_eq!(held.version, round * 100 + 16);
        assert_eq!(held.value, Bytes::from(held.version.to_string()));
    }
}

/// `("a", "bc")` is not `("ab", "c")`.
pub async fn similar_keys_do_not_meet(subject: impl Cache) {
    let one = CacheKey::new("conformance", &[b"a", b"bc"]).expect("key");
    let two = CacheKey::new("conformance", &[b"ab", b"c"]).expect("key");
    subject
        .put(&one, Bytes::from_static(b"1"), LONG)
        .await
        .expect("put");
    assert_eq!(value(&subject, &two).await, None);
}

/// One key in two tenants and outside of them: three entries.
pub async fn tenants_do_not_meet(subject: impl Cache + 'static) {
    let shared: Arc<dyn Cache> = Arc::new(subject);
    let scope = |n| TenantCache::new(Arc::clone(&shared), TenantId::from_uuid(Uuid::from_u128(n)));
    let (one, two) = (scope(1), scope(2));
    let key = key("same");
    one.put(&key, Bytes::from_static(b"1"), LONG).await.expect("put");
    assert_eq!(value(&two, &key).await, None);
    assert_eq!(shared.get(&key).await.expect("get"), None);
    two.invalidate(&key, 7, LONG).await.expect("invalidate");
    two.remove(&key).await.expect("remove");
    assert_eq!(value(&one, &key).await.as_deref(), Some(&b"1"[..]));
}
