//! What storage said a moment ago, remembered for seconds.

use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;

/// A bounded cache that never writes back what was read before a change.
///
/// A reader takes a [`Reading`] before it asks storage; what it read is kept only if nothing was forgotten since.
pub(super) struct Remembered<K, V> {
    known: Cache<K, V>,
    changes: AtomicU64,
}

impl<K, V> fmt::Debug for Remembered<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered")
            .field("changes", &self.changes)
            .finish_non_exhaustive()
    }
}

/// The state of the cache when a read of storage began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading(u64);

impl<K, V> Remembered<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Nothing yet. `life` is how long another node's change may go unseen.
    pub(super) fn new(capacity: u64, life: Duration) -> Self {
        Self {
            known: Cache::builder().max_capacity(capacity).time_to_live(life).build(),
            changes: AtomicU64::new(0),
        }
    }

    pub(super) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.known.get(key)
    }

    pub(super) fn begin(&self) -> Reading {
        Reading(self.changes.load(Ordering::Acquire))
    }

    pub(super) fn keep(&self, reading: Reading, key: K, value: V) {
        if self.changes.load(Ordering::Acquire) != reading.0 {
            return;
        }
        self.known.insert(key.clone(), value);
        // A change between the check and the insert: what was just put in may be old.
        if self.changes.load(Ordering::Acquire) != reading.0 {
            self.known.invalidate(&key);
        }
    }

    /// Forgets one entry, where a change tells which.
    pub(super) fn forget_one<Q>(&self, key: &Q)
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.known.invalidate(key);
    }

    /// Forgets everything: changes are rare, reads are not.
    pub(super) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.known.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let cache = Remembered::new(10, Duration::from_secs(5));
        let reading = cache.begin();
        cache.forget();
        cache.keep(reading, 1, "old");
        assert_eq!(cache.get(&1), None);
        cache.keep(cache.begin(), 1, "new");
        assert_eq!(cache.get(&1), Some("new"));
        cache.forget();
        assert_eq!(cache.get(&1), None);
    }

    #[test]
    fn one_is_forgotten_and_the_others_stay() {
        let cache = Remembered::new(10, Duration::from_secs(5));
        cache.keep(cache.begin(), 1, "one");
        cache.keep(cache.begin(), 2, "two");
        let reading = cache.begin();
        cache.forget_one(&1);
        cache.keep(reading, 1, "old");
        assert_eq!((cache.get(&1), cache.get(&2)), (None, Some("two")));
    }
}
