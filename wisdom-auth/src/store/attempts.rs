//! Failed tries, and devices that have tries of their own.

use async_trait::async_trait;
use wisdom_core::id::UserId;
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;

use crate::attempts::device::KnownDevice;
use crate::attempts::{AttemptKey, Counter};

/// Failed tries at credentials.
#[async_trait]
pub trait AttemptCounters: Send {
    /// The counter, if anything was counted.
    async fn find(&mut self, key: &AttemptKey) -> Result<Option<Counter>, StorageError>;

    /// The counter, which nobody else changes until the unit of work ends; one of no failures at `now` when there is none.
    ///
    /// Units of work that lock more than one do so in one order: sources first.
    async fn lock(&mut self, key: &AttemptKey, now: Timestamp) -> Result<Counter, StorageError>;

    /// Replaces a counter that was locked.
    async fn save(&mut self, key: &AttemptKey, counter: Counter) -> Result<(), StorageError>;

    /// Forgets a counter.
    async fn clear(&mut self, key: &AttemptKey) -> Result<(), StorageError>;

    /// Deletes counters of sources that lie before `sources`, and of addresses nobody has before `unknown`, at most
    /// `limit` of each; answers how many.
    async fn sweep(
        &mut self,
        sources: Timestamp,
        unknown: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError>;
}

/// Devices that users signed in on before.
#[async_trait]
pub trait KnownDevices: Send {
    /// Adds a device; beyond `most` of its user, those that were seen least recently are forgotten.
    async fn insert(&mut self, device: &KnownDevice, most: u32) -> Result<(), StorageError>;

    /// The device with this hash.
    async fn find(&mut self, hash: &[u8; 32]) -> Result<Option<KnownDevice>, StorageError>;

    /// How many devices a user has that were seen after `since`.
    async fn count(&mut self, user: UserId, since: Timestamp) -> Result<u32, StorageError>;

    /// Notes when a device was seen.
    async fn touch(&mut self, hash: &[u8; 32], at: Timestamp) -> Result<(), StorageError>;

    /// Forgets all devices of a user.
    async fn forget(&mut self, user: UserId) -> Result<(), StorageError>;
}
