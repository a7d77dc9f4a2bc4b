//! Sessions that ended while their access tokens still live.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use wisdom_core::id::SessionId;
use wisdom_core::time::Timestamp;

/// Locks that lookups spread over.
const SHARDS: usize = 64;
/// How far clocks of nodes and the gap between a commit and its token may lie apart.
const SKEW: Duration = Duration::from_secs(5);

/// A bounded set of ended sessions: an access token of one of them is refused although its signature and times are
/// right.
///
/// An entry is a tombstone that outlives every token it kills. Entries never make room for others: when the set is
/// full, it **closes**. Then every token issued until that moment is refused, whatever its session, so that its holder
/// refreshes, which ended sessions cannot.
#[derive(Debug)]
pub struct Revocations {
    shards: Vec<RwLock<HashMap<SessionId, Timestamp>>>,
    keep: Duration,
    shard_capacity: usize,
    entries: AtomicUsize,
    /// Microseconds; tokens issued at or before are refused.
    floor: AtomicI64,
}

impl Revocations {
    /// A set that keeps each entry for `keep`, which is the life of access tokens and their leeway, and holds about
    /// `capacity` entries before it closes.
    #[must_use]
    pub fn new(keep: Duration, capacity: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
            keep: keep.saturating_add(SKEW),
            shard_capacity: (capacity / SHARDS).max(1),
            entries: AtomicUsize::new(0),
            floor: AtomicI64::new(i64::MIN),
        }
    }

    /// Whether a token of this session, issued at this time, is refused. Cheap: asked at each request.
    #[must_use]
    pub fn is_revoked(&self, session: SessionId, issued_at: Timestamp) -> bool {
        if issued_at.as_micros() <= self.floor.load(Ordering::Acquire) {
            return true;
        }
        if self.entries.load(Ordering::Acquire) == 0 {
            return false;
        }
        let shard = self.shard(session).read().unwrap_or_else(PoisonError::into_inner);
        shard.contains_key(&session)
    }

    /// Adds sessions that ended. Call it after the commit that ended them, and for those that other nodes report.
    pub fn revoke(&self, sessions: impl IntoIterator<Item = SessionId>, now: Timestamp) {
        for session in sessions {
            let mut shard = self
                .shard(session)
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            let before = shard.len();
            if before >= self.shard_capacity && !shard.contains_key(&session) {
                shard.retain(|_, until| *until > now);
                if shard.len() >= self.shard_capacity {
                    tracing::error!(
                        "too many sessions ended within the life of an access token: all older tokens are refused"
                    );
                    metrics::counter!("wisdom_revocations_closed_total").increment(1);
                    self.floor
                        .fetch_max(now.saturating_add(SKEW).as_micros(), Ordering::AcqRel);
                    // The floor covers every token that the entries of this shard are about.
                    shard.clear();
                }
            }
            shard.insert(session, now.saturating_add(self.keep));
            let after = shard.len();
            drop(shard);
            if after >= before {
                self.entries.fetch_add(after - before, Ordering::AcqRel);
            } else {
                self.entries.fetch_sub(before - after, Ordering::AcqRel);
            }
        }
    }

    /// Adds a session that ended elsewhere; answers whether that was news.
    pub fn learn(&self, session: SessionId, now: Timestamp) -> bool {
        let known = self
            .shard(session)
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(&session);
        if !known {
            self.revoke([session], now);
        }
        !known
    }

    /// Drops the entries that no token can need any more. Worth calling every minute or so; memory is bounded without.
    pub fn sweep(&self, now: Timestamp) {
        for shard in &self.shards {
            let mut shard = shard.write().unwrap_or_else(PoisonError::into_inner);
            let before = shard.len();
            shard.retain(|_, until| *until > now);
            self.entries.fetch_sub(before - shard.len(), Ordering::AcqRel);
        }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.load(Ordering::Acquire)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, session: SessionId) -> &RwLock<HashMap<SessionId, Timestamp>> {
        // The last byte of a UUIDv7 is random.
        let byte = session.as_uuid().as_bytes()[15];
        &self.shards[usize::from(byte) % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const KEEP: Duration = Duration::from_secs(600);

    fn session(n: u128) -> SessionId {
        SessionId::from_uuid(Uuid::from_u128(n))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn an_entry_outlives_every_token_it_kills() {
        let set = Revocations::new(KEEP, 1_000);
        assert!(!set.is_revoked(session(1), at(0)));
        assert!(set.learn(session(1), at(0)), "it is news");
        assert!(!set.learn(session(1), at(0)));
        set.revoke([session(1)], at(0));
        assert!(set.is_revoked(session(1), at(0)) && set.is_revoked(session(1), at(-500)));
        assert!(!set.is_revoked(session(2), at(0)));
        set.sweep(at(600));
        assert_eq!(set.len(), 1, "a token of that second is still alive");
        set.sweep(at(606));
        assert!(set.is_empty() && !set.is_revoked(session(1), at(0)));
    }

    #[test]
    fn a_full_set_makes_room_among_the_outlived_only() {
        let set = Revocations::new(KEEP, SHARDS);
        set.revoke([session(0)], at(0));
        set.revoke([session(0x100)], at(700));
        assert!(set.is_revoked(session(0x100), at(699)) && !set.is_revoked(session(9), at(0)));
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn a_full_set_closes_and_never_opens() {
        let set = Revocations::new(KEEP, SHARDS * 4);
        for n in 0..10_000_u128 {
            set.revoke([session(n)], at(i64::try_from(n / 100).unwrap()));
        }
        for n in 0..10_000_u128 {
            let ended = at(i64::try_from(n / 100).unwrap());
            assert!(set.is_revoked(session(n), ended), "{n}");
        }
        assert!(
            set.is_revoked(session(99_999), at(0)),
            "an innocent older token has to be refreshed"
        );
        assert!(!set.is_revoked(session(99_999), at(200)), "a new one passes");
        assert!(set.len() <= SHARDS * 4);
    }
}
