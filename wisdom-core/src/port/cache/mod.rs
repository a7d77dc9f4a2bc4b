//! Cache: bytes that may be lost at any time, and that are never older than what was stored after them.

mod bytes_key;
#[cfg(feature = "conformance")]
pub mod conformance;
mod key;
mod scoped;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use bytes_key::BytesKey;
pub use key::{CacheKey, KeyTooLong};
pub use scoped::TenantCache;

use super::{PortError, PortErrorKind};

/// Most bytes that one value may have: 1 MiB.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;

const PORT: &str = "cache";

/// What a cache holds for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cached {
    /// The version it was stored with; 0 for a plain value ([`Cache::put`]).
    pub version: u64,
    /// The value.
    pub value: Bytes,
}

/// What became of a [`Cache::put_if_newer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// The value is stored.
    Stored,
    /// Nothing changed: the cache knows of this version or a newer one already.
    Outdated {
        /// The version that it knows of.
        held: u64,
    },
}

/// A bounded store of bytes with an end of life for each entry.
///
/// A key is *plain* ([`Cache::put`]) or *versioned* ([`Cache::put_if_newer`], [`Cache::invalidate`]) for as long as
/// the cache holds something for it. For a versioned key the order of writes does not matter: a reader that loaded
/// version 4 and was overtaken by somebody who stored version 5, or who invalidated everything before version 5,
/// can't write version 4 back. The guard lives as long as the entry: give an invalidation a life at least as long
/// as any value may have.
///
/// Entries may vanish early (room, restart); an adapter that is full drops the least recently used ones.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Cache: Send + Sync + Debug {
    /// What is held for `key`; nothing when it was never stored, has ended, was dropped or invalidated.
    ///
    /// # Errors
    /// When the cache can't be reached. Callers go on without it, except where a stale answer would be a breach.
    async fn get(&self, key: &CacheKey) -> Result<Option<Cached>, PortError>;

    /// Stores a plain value for `ttl`, replacing what was there. An adapter may have a shorter upper bound for `ttl`.
    ///
    /// # Errors
    /// `Invalid` for a value above [`MAX_VALUE_BYTES`] or a `ttl` of zero, `Conflict` when the key is versioned.
    async fn put(&self, key: &CacheKey, value: Bytes, ttl: Duration) -> Result<(), PortError>;

    /// Stores `value` if the cache holds no value of this or a newer version and was not told that a newer version
    /// exists. A plain value counts as older than any version. One atomic step.
    ///
    /// # Errors
    /// `Invalid` for version 0, a value above [`MAX_VALUE_BYTES`] or a `ttl` of zero.
    async fn put_if_newer(
        &self,
        key: &CacheKey,
        version: u64,
        value: Bytes,
        ttl: Duration,
    ) -> Result<PutOutcome, PortError>;

    /// From now on, and for `ttl`, nothing older than `version` is returned or stored for `key`. The value of
    /// `version` itself may be stored afterwards. One atomic step; repeating it, or calling it late, is harmless.
    ///
    /// # Errors
    /// `Invalid` for version 0 or a `ttl` of zero.
    async fn invalidate(&self, key: &CacheKey, version: u64, ttl: Duration) -> Result<(), PortError>;

    /// Forgets the key, with its guard if it was versioned. Removing what is not there is fine.
    ///
    /// # Errors
    /// When the cache can't be reached.
    async fn remove(&self, key: &CacheKey) -> Result<(), PortError>;
}

/// Refuses what [`Cache`] says that every adapter refuses; adapters call it first.
///
/// # Errors
/// `Invalid` when `value` is above [`MAX_VALUE_BYTES`] or `ttl` is zero.
pub fn check_entry(operation: &'static str, value: &[u8], ttl: Duration) -> Result<(), PortError> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(invalid(operation, "the value is larger than 1 MiB"));
    }
    if ttl.is_zero() {
        return Err(invalid(operation, "the time to live is zero"));
    }
    Ok(())
}

/// Refuses version 0, which stands for plain values; adapters call it first.
///
/// # Errors
/// `Invalid` when `version` is 0.
pub fn check_version(operation: &'static str, version: u64) -> Result<(), PortError> {
    if version == 0 {
        Err(invalid(operation, "versions start at 1"))
    } else {
        Ok(())
    }
}

fn invalid(operation: &'static str, why: &'static str) -> PortError {
    PortError::new(PORT, operation, PortErrorKind::Invalid).with_source(why)
}

/// Conveniences over any [`Cache`].
#[async_trait]
pub trait CacheExt: Cache {
    /// What is held for `key`, read as JSON. A value that can't be read (written by another release) is a miss.
    ///
    /// # Errors
    /// As [`Cache::get`].
    async fn get_json<T: DeserializeOwned>(&self, key: &CacheKey) -> Result<Option<T>, PortError> {
        Ok(self
            .get(key)
            .await?
            .and_then(|held| serde_json::from_slice(&held.value).ok()))
    }

    /// Stores `value` as JSON if it is newer, see [`Cache::put_if_newer`].
    ///
    /// # Errors
    /// As [`Cache::put_if_newer`], and `Invalid` when `value` has no JSON form.
    async fn put_json_if_newer<T: Serialize + Sync>(
        &self,
        key: &CacheKey,
        version: u64,
        value: &T,
        ttl: Duration,
    ) -> Result<PutOutcome, PortError> {
        let bytes = serde_json::to_vec(value)
            .map_err(|e| PortError::new(PORT, "put_if_newer", PortErrorKind::Invalid).with_source(e))?;
        self.put_if_newer(key, version, bytes.into(), ttl).await
    }
}

impl<C: Cache + ?Sized> CacheExt for C {}
