//! Blobs: files under keys, in a folder or a bucket.

#[cfg(feature = "conformance")]
pub mod conformance;
mod key;
mod scoped;

use std::fmt::Debug;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;

pub use key::{BlobInvalid, BlobKey, BlobPrefix, ContentType};
pub use scoped::TenantBlobs;

use super::{PortError, PortErrorKind};
use crate::time::Timestamp;

/// Most bytes that one [`BlobStore::put`] takes: 256 MiB.
pub const MAX_PUT_BYTES: usize = 256 * 1024 * 1024;

/// Most keys in one page of [`BlobStore::list`]; a larger limit is lowered to it.
pub const MAX_PAGE: usize = 1000;

const PORT: &str = "blob";

/// How to store a blob.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PutOptions {
    /// What the bytes are. `application/octet-stream` when not said.
    pub content_type: ContentType,
    /// Store only if the key holds nothing, in one atomic step; else `Conflict`.
    pub if_absent: bool,
}

/// How to read a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetOptions {
    /// Only these bytes. An end behind the blob's is moved to it; a start at or behind it is `Invalid`.
    pub range: Option<Range<u64>>,
    /// More bytes than this are refused (`Refused`) before any are read.
    pub max_bytes: u64,
}

/// Everything, up to 16 MiB.
impl Default for GetOptions {
    fn default() -> Self {
        Self {
            range: None,
            max_bytes: 16 * 1024 * 1024,
        }
    }
}

/// What is known of a blob without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobMeta {
    /// Its key.
    pub key: BlobKey,
    /// Bytes.
    pub size: u64,
    /// What it was stored as. A store that lost this says `application/octet-stream`.
    pub content_type: ContentType,
    /// When it was stored, by the store's clock, at the precision the store has.
    pub modified_at: Timestamp,
}

/// A blob, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Of the whole blob.
    pub meta: BlobMeta,
    /// The bytes that were asked for.
    pub bytes: Bytes,
}

/// What of a listing to return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOptions {
    /// Only keys behind this one.
    pub after: Option<BlobKey>,
    /// At most this many, 1 to [`MAX_PAGE`].
    pub limit: usize,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self {
            after: None,
            limit: MAX_PAGE,
        }
    }
}

/// A key of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedBlob {
    /// The key.
    pub key: BlobKey,
    /// Bytes.
    pub size: u64,
}

/// A part of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobPage {
    /// In ascending order of the keys' bytes.
    pub items: Vec<ListedBlob>,
    /// Whether there are keys behind the last one: ask again with it as [`ListOptions::after`].
    pub more: bool,
}

/// Stores files.
///
/// A put that returned is durable and is seen by every later call; a reader never sees half of one. What is stored
/// under a key, and the keys that begin with it and a `/`, are independent.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait BlobStore: Send + Sync + Debug {
    /// Stores `bytes`, replacing what was there unless the options say otherwise.
    ///
    /// # Errors
    /// `Conflict` when it had to be absent and is not, `Invalid` above [`MAX_PUT_BYTES`].
    async fn put(&self, key: &BlobKey, bytes: Bytes, options: &PutOptions) -> Result<(), PortError>;

    /// Reads a blob; nothing when the key holds none.
    ///
    /// # Errors
    /// See [`GetOptions`].
    async fn get(&self, key: &BlobKey, options: &GetOptions) -> Result<Option<Blob>, PortError>;

    /// What is known of a blob; nothing when the key holds none.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn head(&self, key: &BlobKey) -> Result<Option<BlobMeta>, PortError>;

    /// Deletes a blob. Deleting what is not there is fine.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn delete(&self, key: &BlobKey) -> Result<(), PortError>;

    /// Keys below a prefix, page by page.
    ///
    /// # Errors
    /// When the store can't be reached.
    async fn list(&self, prefix: &BlobPrefix, options: &ListOptions) -> Result<BlobPage, PortError>;
}

/// Refuses what [`BlobStore::put`] says that every adapter refuses; adapters call it first.
///
/// # Errors
/// `Invalid` above [`MAX_PUT_BYTES`].
pub fn check_put(bytes: &[u8]) -> Result<(), PortError> {
    if bytes.len() > MAX_PUT_BYTES {
        return Err(PortError::new(PORT, "put", PortErrorKind::Invalid)
            .with_source("the blob is larger than 256 MiB"));
    }
    Ok(())
}

/// The bytes to read of a blob of `size` bytes, as every adapter decides it.
///
/// # Errors
/// `Invalid` for an empty range or one that starts behind the blob, `Refused` above `max_bytes`.
pub fn check_range(options: &GetOptions, size: u64) -> Result<Range<u64>, PortError> {
    let range = match &options.range {
        None => 0..size,
        Some(range) if range.start < range.end && range.start < size => range.start..range.end.min(size),
        Some(_) => {
            return Err(PortError::new(PORT, "get", PortErrorKind::Invalid)
                .with_source("the range is empty or starts behind the end"));
        }
    };
    if range.end - range.start > options.max_bytes {
        return Err(PortError::new(PORT, "get", PortErrorKind::Refused)
            .with_source("the blob is larger than the caller wants to read"));
    }
    Ok(range)
}
