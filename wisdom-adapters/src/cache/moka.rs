//! A cache in this process.

use std::fmt;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use moka::Expiry;
use moka::ops::compute::{CompResult, Op};
use moka::policy::EvictionPolicy;
use moka::sync::Cache as Store;
use url::Url;
use wisdom_core::port::cache::{
    Cache, CacheKey, Cached, MAX_VALUE_BYTES, PutOutcome, check_entry, check_version,
};
use wisdom_core::port::{PortError, PortErrorKind};

const PORT: &str = "cache";
/// One unit of capacity.
const UNIT: usize = 1024;
/// Bytes that the map itself takes for an entry, roughly.
const OVERHEAD: usize = 200;
/// The largest value has to fit, or storing a newer version of it would forget which version is the newest.
const MIN_CAPACITY: u64 = 2048;
const MAX_LIFE: Duration = Duration::from_secs(366 * 86_400);

/// Cache on moka: bounded in memory, nothing survives the process.
///
/// Capacity counts entries of up to 1 KiB; a larger entry counts once for each KiB begun. So a capacity of 10000 is at
/// most ten thousand entries and about ten megabytes. When it is full the least recently used entries go: a value or
/// guard that was just stored is never the one that gives way, as it could be under a policy that counts use.
pub struct MokaCache {
    store: Store<CacheKey, Entry>,
    longest: Duration,
}

#[derive(Clone)]
struct Entry {
    version: u64,
    /// `None`: everything older than `version` is void.
    value: Option<Bytes>,
    ttl: Duration,
}

struct OwnLife;

impl Expiry<CacheKey, Entry> for OwnLife {
    fn expire_after_create(&self, _: &CacheKey, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(
        &self,
        _: &CacheKey,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ttl)
    }
}

impl MokaCache {
    /// A cache of `capacity` units in which no value lives longer than `longest`.
    ///
    /// # Errors
    /// `Invalid` for a capacity below 2048 (the largest value has to fit) or a life that is zero.
    pub fn new(capacity: u64, longest: Duration) -> Result<Self, PortError> {
        if capacity < MIN_CAPACITY {
            return Err(invalid("capacity must be at least 2048"));
        }
        if longest.is_zero() {
            return Err(invalid("ttl must not be zero"));
        }
        let store = Store::builder()
            .max_capacity(capacity)
            .weigher(|key: &CacheKey, entry: &Entry| {
                let bytes = OVERHEAD + key.as_bytes().len() + entry.value.as_ref().map_or(0, Bytes::len);
                u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
            })
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(OwnLife)
            .build();
        Ok(Self {
            store,
            longest: longest.min(MAX_LIFE),
        })
    }

    /// Opens `moka:?capacity=10000&ttl=300s`. Both may be left out; these are the values then.
    ///
    /// # Errors
    /// `Invalid` for another scheme, an unknown option, or a value that [`MokaCache::new`] refuses.
    pub fn from_url(url: &Url) -> Result<Self, PortError> {
        if url.scheme() != "moka" {
            return Err(invalid("the URL must begin with moka:"));
        }
        let (mut capacity, mut ttl) = (10_000, Duration::from_secs(300));
        for (name, value) in url.query_pairs() {
            match &*name {
                "capacity" => capacity = value.parse().map_err(|_| invalid("capacity must be a number"))?,
                "ttl" => {
                    ttl =
                        duration(&value).ok_or_else(|| invalid("ttl must be like 500ms, 300s, 5m or 1h"))?;
                }
                _ => {
                    return Err(invalid(&format!(
                        "unknown option {name:?}; known are capacity and ttl"
                    )));
                }
            }
        }
        Self::new(capacity, ttl)
    }

    fn write<T>(
        &self,
        key: &CacheKey,
        decide: impl FnOnce(Option<&Entry>) -> (Option<Entry>, T),
    ) -> Option<T> {
        // Every write goes through this: moka runs them one at a time for each key.
        let mut answer = None;
        let result = self.store.entry_by_ref(key).and_compute_with(|held| {
            let (new, said) = decide(held.as_ref().map(moka::Entry::value));
            answer = Some(said);
            new.map_or(Op::Nop, Op::Put)
        });
        debug_assert!(!matches!(result, CompResult::Removed(_)), "writes never remove");
        answer
    }
}

#[async_trait]
impl Cache for MokaCache {
    async fn get(&self, key: &CacheKey) -> Result<Option<Cached>, PortError> {
        Ok(self.store.get(key).and_then(|e| {
            e.value.map(|value| Cached {
                version: e.version,
                value,
            })
        }))
    }

    async fn put(&self, key: &CacheKey, value: Bytes, ttl: Duration) -> Result<(), PortError> {
        check_entry("put", &value, ttl)?;
        let entry = Entry {
            version: 0,
            value: Some(value),
            ttl: ttl.min(self.longest),
        };
        let stored = self.write(key, |held| match held {
            Some(held) if held.version > 0 => (None, false),
            _ => (Some(entry), true),
        });
        if stored == Some(false) {
            return Err(
                PortError::new(PORT, "put", PortErrorKind::Conflict).with_source("the key is versioned")
            );
        }
        Ok(())
    }

    async fn put_if_newer(
        &self,
        key: &CacheKey,
        version: u64,
        value: Bytes,
        ttl: Duration,
    ) -> Result<PutOutcome, PortError> {
        check_version("put_if_newer", version)?;
        check_entry("put_if_newer", &value, ttl)?;
        let entry = Entry {
            version,
            value: Some(value),
            ttl: ttl.min(self.longest),
        };
        let outcome = self.write(key, |held| match held {
            Some(held) if held.version > version || (held.version == version && held.value.is_some()) => {
                (None, PutOutcome::Outdated { held: held.version })
            }
            _ => (Some(entry), PutOutcome::Stored),
        });
        outcome.ok_or_else(|| PortError::new(PORT, "put_if_newer", PortErrorKind::Internal))
    }

    async fn invalidate(&self, key: &CacheKey, version: u64, ttl: Duration) -> Result<(), PortError> {
        check_version("invalidate", version)?;
        check_entry("invalidate", &[], ttl)?;
        // A guard outlives every value that could have been read before it.
        let guard = Entry {
            version,
            value: None,
            ttl: ttl.max(self.longest).min(MAX_LIFE),
        };
        self.write(key, |held| match held {
            Some(held) if held.version >= version => (None, ()),
            _ => (Some(guard), ()),
        });
        Ok(())
    }

    async fn remove(&self, key: &CacheKey) -> Result<(), PortError> {
        self.store.entry_by_ref(key).and_compute_with(|_| Op::Remove);
        Ok(())
    }
}

impl fmt::Debug for MokaCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MokaCache")
            .field("entries", &self.store.entry_count())
            .field("weight", &self.store.weighted_size())
            .field("longest", &self.longest)
            .finish()
    }
}

const _: () = assert!(
    MAX_VALUE_BYTES / UNIT + 2 <= 2048,
    "the largest value fits the smallest cache"
);

fn invalid(why: &str) -> PortError {
    PortError::new(PORT, "open", PortErrorKind::Invalid).with_source(why)
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u32 = number.parse().ok()?;
    let one = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        _ => return None,
    };
    one.checked_mul(number)
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};
    use std::sync::Arc;

    use super::*;

    fn make() -> Ready<(MokaCache, ())> {
        ready((MokaCache::new(10_000, Duration::from_secs(300)).unwrap(), ()))
    }

    wisdom_core::cache_conformance!(make);

    fn open(url: &str) -> Result<MokaCache, PortError> {
        MokaCache::from_url(&Url::parse(url).unwrap())
    }

    fn key(n: usize) -> CacheKey {
        CacheKey::new("test", &[&n.to_be_bytes()]).unwrap()
    }

    #[test]
    fn opens_from_a_url() {
        assert_eq!(open("moka:").unwrap().longest, Duration::from_secs(300));
        let cache = open("moka:?capacity=5000&ttl=5m").unwrap();
        assert_eq!(cache.store.policy().max_capacity(), Some(5000));
        assert_eq!(cache.longest, Duration::from_secs(300));
        assert_eq!(
            open("moka:?ttl=250ms").unwrap().longest,
            Duration::from_millis(250)
        );
        for bad in [
            "redis:",
            "moka:?capacity=many",
            "moka:?capacity=10",
            "moka:?ttl=5",
            "moka:?ttl=s",
            "moka:?ttl=0s",
            "moka:?capcity=5000",
            "moka:?ttl=99999999999h",
        ] {
            assert_eq!(open(bad).unwrap_err().kind, PortErrorKind::Invalid, "{bad}");
        }
    }

    #[tokio::test]
    async fn no_value_outlives_the_bound_and_every_guard_does() {
        let cache = MokaCache::new(4096, Duration::from_millis(40)).unwrap();
        let hour = Duration::from_secs(3600);
        cache.put(&key(1), Bytes::from_static(b"x"), hour).await.unwrap();
        cache.invalidate(&key(2), 5, hour).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(cache.get(&key(1)).await.unwrap(), None);
        let outcome = cache.put_if_newer(&key(2), 4, Bytes::new(), hour).await.unwrap();
        assert_eq!(outcome, PutOutcome::Outdated { held: 5 });
    }

    #[tokio::test]
    async fn weight_is_bounded_and_the_newest_stay() {
        let cache = MokaCache::new(2048, Duration::from_secs(60)).unwrap();
        for n in 0..10_000 {
            cache
                .put(&key(n), Bytes::from(vec![0; 3000]), Duration::from_secs(60))
                .await
                .unwrap();
        }
        cache.store.run_pending_tasks();
        assert!(cache.store.weighted_size() <= 2048, "{cache:?}");
        assert!(cache.store.entry_count() >= 400, "{cache:?}");
        assert!(cache.get(&key(9_999)).await.unwrap().is_some());
        assert!(cache.get(&key(0)).await.unwrap().is_none());
        // A full cache takes a guard and keeps it.
        cache
            .invalidate(&key(0), 9, Duration::from_secs(60))
            .await
            .unwrap();
        cache.store.run_pending_tasks();
        let outcome = cache
            .put_if_newer(&key(0), 8, Bytes::new(), Duration::from_secs(60))
            .await
            .unwrap();
        assert_eq!(outcome, PutOutcome::Outdated { held: 9 });
    }

    #[test]
    fn threads_never_bring_an_old_version_back() {
        let cache = Arc::new(MokaCache::new(4096, Duration::from_secs(60)).unwrap());
        let runtime = || tokio::runtime::Builder::new_current_thread().build().unwrap();
        std::thread::scope(|scope| {
            for worker in 0..4_u64 {
                let cache = Arc::clone(&cache);
                scope.spawn(move || {
                    runtime().block_on(async {
                        let ttl = Duration::from_secs(60);
                        for version in 1..=2000_u64 {
                            if (version + worker) % 3 == 0 {
                                cache.invalidate(&key(1), version, ttl).await.unwrap();
                            } else {
                                let value = Bytes::from(version.to_string());
                                cache.put_if_newer(&key(1), version, value, ttl).await.unwrap();
                            }
                            let held = cache.get(&key(1)).await.unwrap();
                            assert!(
                                held.is_none_or(|h| h.version >= version),
                                "older than what was just written"
                            );
                        }
                    });
                });
            }
        });
    }
}
