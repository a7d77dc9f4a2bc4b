//! A cache as one tenant sees it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Cache, CacheKey, Cached, PutOutcome};
use crate::id::TenantId;
use crate::port::PortError;

/// Puts every key into the scope of one tenant. Code that works for a tenant is given this, never the cache itself.
#[derive(Debug, Clone)]
pub struct TenantCache {
    inner: Arc<dyn Cache>,
    tenant: TenantId,
}

impl TenantCache {
    /// The part of `inner` that belongs to `tenant`.
    #[must_use]
    pub fn new(inner: Arc<dyn Cache>, tenant: TenantId) -> Self {
        Self { inner, tenant }
    }
}

#[async_trait]
impl Cache for TenantCache {
    async fn get(&self, key: &CacheKey) -> Result<Option<Cached>, PortError> {
        self.inner.get(&key.scoped(self.tenant)?).await
    }

    async fn put(&self, key: &CacheKey, value: Bytes, ttl: Duration) -> Result<(), PortError> {
        self.inner.put(&key.scoped(self.tenant)?, value, ttl).await
    }

    async fn put_if_newer(
        &self,
        key: &CacheKey,
        version: u64,
        value: Bytes,
        ttl: Duration,
    ) -> Result<PutOutcome, PortError> {
        self.inner
            .put_if_newer(&key.scoped(self.tenant)?, version, value, ttl)
            .await
    }

    async fn invalidate(&self, key: &CacheKey, version: u64, ttl: Duration) -> Result<(), PortError> {
        self.inner
            .invalidate(&key.scoped(self.tenant)?, version, ttl)
            .await
    }

    async fn remove(&self, key: &CacheKey) -> Result<(), PortError> {
        self.inner.remove(&key.scoped(self.tenant)?).await
    }
}
