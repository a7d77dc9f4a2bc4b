//! Blobs in memory, for tests and for a Wisdom that keeps nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use bytes::Bytes;
use wisdom_core::clock::Clock;
use wisdom_core::port::blob::{
    Blob, BlobKey, BlobMeta, BlobPage, BlobPrefix, BlobStore, GetOptions, ListOptions, ListedBlob, MAX_PAGE,
    PutOptions, check_put, check_range,
};
use wisdom_core::port::{PortError, PortErrorKind};

/// Bytes of all blobs together at most: 1 GiB.
const MAX_TOTAL: usize = 1024 * 1024 * 1024;

/// Blobs in this process. They end with it.
pub struct MemoryBlobs {
    clock: Arc<dyn Clock>,
    stored: RwLock<BTreeMap<String, Blob>>,
}

impl fmt::Debug for MemoryBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBlobs").finish_non_exhaustive()
    }
}

impl MemoryBlobs {
    /// An empty store.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            stored: RwLock::default(),
        }
    }
}

#[async_trait]
impl BlobStore for MemoryBlobs {
    async fn put(&self, key: &BlobKey, bytes: Bytes, options: &PutOptions) -> Result<(), PortError> {
        check_put(&bytes)?;
        let mut stored = self.stored.write().unwrap_or_else(PoisonError::into_inner);
        if options.if_absent && stored.contains_key(key.as_str()) {
            return Err(PortError::new("blob", "put", PortErrorKind::Conflict));
        }
        let total: usize = stored.values().map(|blob| blob.bytes.len()).sum();
        if total + bytes.len() > MAX_TOTAL {
            return Err(
                PortError::new("blob", "put", PortErrorKind::Unavailable).with_source("memory is full")
            );
        }
        let meta = BlobMeta {
            key: key.clone(),
            size: bytes.len() as u64,
            content_type: options.content_type.clone(),
            modified_at: self.clock.now(),
        };
        stored.insert(key.as_str().to_owned(), Blob { meta, bytes });
        Ok(())
    }

    async fn get(&self, key: &BlobKey, options: &GetOptions) -> Result<Option<Blob>, PortError> {
        let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
        let Some(blob) = stored.get(key.as_str()) else {
            return Ok(None);
        };
        let range = check_range(options, blob.meta.size)?;
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(Some(Blob {
            meta: blob.meta.clone(),
            bytes: blob.bytes.slice(at(range.start)..at(range.end)),
        }))
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<BlobMeta>, PortError> {
        let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
        Ok(stored.get(key.as_str()).map(|blob| blob.meta.clone()))
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), PortError> {
        self.stored
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key.as_str());
        Ok(())
    }

    async fn list(&self, prefix: &BlobPrefix, options: &ListOptions) -> Result<BlobPage, PortError> {
        let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
        let limit = options.limit.clamp(1, MAX_PAGE);
        let behind = options.after.as_ref().map_or("", BlobKey::as_str);
        let mut items: Vec<_> = stored
            .range::<str, _>((std::ops::Bound::Excluded(behind), std::ops::Bound::Unbounded))
            .filter(|(_, blob)| prefix.holds(&blob.meta.key))
            .take(limit + 1)
            .map(|(_, blob)| ListedBlob {
                key: blob.meta.key.clone(),
                size: blob.meta.size,
            })
            .collect();
        let more = items.len() > limit;
        items.truncate(limit);
        Ok(BlobPage { items, more })
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use wisdom_core::clock::SystemClock;

    use super::*;

    fn make() -> Ready<(MemoryBlobs, ())> {
        ready((MemoryBlobs::new(Arc::new(SystemClock)), ()))
    }

    wisdom_core::blob_conformance!(make);
}
