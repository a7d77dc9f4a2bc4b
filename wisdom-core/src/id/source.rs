//! Where ids come from: the machine, or a seed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use super::{Id, Kind};
use crate::random::split_mix;

/// Where new ids come from.
pub trait IdSource: Send + Sync + fmt::Debug {
    /// A UUID of version 7 ([RFC 9562 section 5.7](https://www.rfc-editor.org/rfc/rfc9562#section-5.7)) that this
    /// source has not given before.
    fn next_uuid(&self) -> Uuid;
}

impl<S: IdSource + ?Sized> IdSource for Arc<S> {
    fn next_uuid(&self) -> Uuid {
        (**self).next_uuid()
    }
}

/// Typed ids from any [`IdSource`].
pub trait IdSourceExt {
    /// A new id; the kind is usually inferred.
    fn id<K: Kind>(&self) -> Id<K>;
}

impl<S: IdSource + ?Sized> IdSourceExt for S {
    fn id<K: Kind>(&self) -> Id<K> {
        Id::from_uuid(self.next_uuid())
    }
}

/// Ids from the time of day and the operating system's randomness, increasing within the process.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl IdSource for SystemIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that makes ids from the machine's clock"
    )]
    fn next_uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// Predictable ids **for tests only**: the same seed gives the same ids in the same order.
///
/// Each id is greater than the one before. Clones share the sequence. The time inside counts up from 2026-01-01 by one
/// millisecond an id and has nothing to do with any clock.
#[derive(Debug, Clone)]
pub struct ManualIds {
    seed: u64,
    issued: Arc<AtomicU64>,
}

impl ManualIds {
    /// 2026-01-01T00:00:00Z in milliseconds since the Unix epoch.
    const FIRST_MILLISECOND: u64 = 1_767_225_600_000;

    /// Starts the sequence that belongs to the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            issued: Arc::new(AtomicU64::new(0)),
        }
    }
}

impl IdSource for ManualIds {
    fn next_uuid(&self) -> Uuid {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let mut filler = [0_u8; 10];
        filler[..8].copy_from_slice(&split_mix(self.seed.wrapping_add(split_mix(number))).to_be_bytes());
        let millisecond = Self::FIRST_MILLISECOND.wrapping_add(number);
        uuid::Builder::from_unix_timestamp_millis(millisecond, &filler).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::super::EventId;
    use super::*;

    fn assert_increasing_v7(source: &dyn IdSource) {
        let ids: Vec<EventId> = (0..1000).map(|_| source.id()).collect();
        assert!(ids.is_sorted_by(|left, right| left < right));
        for id in ids {
            assert_eq!(id.as_uuid().get_version_num(), 7);
            assert_eq!(id.as_uuid().get_variant(), uuid::Variant::RFC4122);
        }
    }

    #[test]
    fn system_ids_are_increasing_v7() {
        assert_increasing_v7(&SystemIds);
    }

    #[test]
    fn manual_ids_are_increasing_v7_and_follow_the_seed() {
        assert_increasing_v7(&ManualIds::new(7));
        let (one, same, other) = (ManualIds::new(1), ManualIds::new(1), ManualIds::new(2));
        let first = one.next_uuid();
        assert_eq!(first, same.next_uuid());
        assert_ne!(first, other.next_uuid());
        assert_ne!(first, one.clone().next_uuid(), "clones share the sequence");
    }
}
