//! A blob store as one tenant sees it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Blob, BlobKey, BlobMeta, BlobPage, BlobPrefix, BlobStore, GetOptions, ListOptions, PutOptions};
use crate::id::TenantId;
use crate::port::{PortError, PortErrorKind};

/// Puts every key into the scope of one tenant. Code that works for a tenant is given this, never the store itself.
#[derive(Debug, Clone)]
pub struct TenantBlobs {
    inner: Arc<dyn BlobStore>,
    tenant: TenantId,
}

impl TenantBlobs {
    /// The part of `inner` that belongs to `tenant`.
    #[must_use]
    pub fn new(inner: Arc<dyn BlobStore>, tenant: TenantId) -> Self {
        Self { inner, tenant }
    }

    fn own(&self, operation: &'static str, key: &BlobKey) -> Result<BlobKey, PortError> {
        key.unscoped(self.tenant).ok_or_else(|| {
            PortError::new(super::PORT, operation, PortErrorKind::Protocol)
                .with_source("the store answered with a key of another scope")
        })
    }
}

#[async_trait]
impl BlobStore for TenantBlobs {
    async fn put(&self, key: &BlobKey, bytes: Bytes, options: &PutOptions) -> Result<(), PortError> {
        self.inner.put(&key.scoped(self.tenant)?, bytes, options).await
    }

    async fn get(&self, key: &BlobKey, options: &GetOptions) -> Result<Option<Blob>, PortError> {
        let Some(mut blob) = self.inner.get(&key.scoped(self.tenant)?, options).await? else {
            return Ok(None);
        };
        blob.meta.key = self.own("get", &blob.meta.key)?;
        Ok(Some(blob))
    }

    async fn head(&self, key: &BlobKey) -> Result<Option<BlobMeta>, PortError> {
        let Some(mut meta) = self.inner.head(&key.scoped(self.tenant)?).await? else {
            return Ok(None);
        };
        meta.key = self.own("head", &meta.key)?;
        Ok(Some(meta))
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), PortError> {
        self.inner.delete(&key.scoped(self.tenant)?).await
    }

    async fn list(&self, prefix: &BlobPrefix, options: &ListOptions) -> Result<BlobPage, PortError> {
        let after = options
            .after
            .as_ref()
            .map(|key| key.scoped(self.tenant))
            .transpose()?;
        let scoped = ListOptions {
            after,
            limit: options.limit,
        };
        let mut page = self.inner.list(&prefix.scoped(self.tenant), &scoped).await?;
        for item in &mut page.items {
            item.key = self.own("list", &item.key)?;
        }
        Ok(page)
    }
}
