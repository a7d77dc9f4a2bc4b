//! API keys, which service clients are too.

use async_trait::async_trait;
use wisdom_core::access::Role;
use wisdom_core::id::{ApiKeyId, TenantId, UserId};
use wisdom_core::page::{PageRequest, Slice};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;

use crate::api_key::{ApiKey, KeyKind};

/// API keys of the tenant.
#[async_trait]
pub trait ApiKeys: Send {
    /// Adds a key. A taken id or public part is a conflict with `Constraint::IDENTITY`, which leaves the unit of work
    /// usable.
    async fn insert(&mut self, key: &ApiKey) -> Result<(), StorageError>;

    /// How many keys are neither revoked nor at their end.
    async fn count(&mut self, now: Timestamp) -> Result<i64, StorageError>;

    /// The key with this id, revoked or not.
    async fn find(&mut self, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError>;

    /// What there is of a kind, revoked ones too, oldest first; of one owner if `owner` is given.
    async fn list(
        &mut self,
        kind: KeyKind,
        owner: Option<UserId>,
        page: &PageRequest,
    ) -> Result<Slice<ApiKey>, StorageError>;

    /// Replaces name, secrets, certificates, flag and end of the key whose stored version is `expected`; the stored version becomes
    /// `expected + 1`. Another version is `StorageErrorKind::Stale`.
    async fn update(&mut self, key: &ApiKey, expected: i64) -> Result<(), StorageError>;

    /// Flags the tenant's own keys that this user made, are not revoked and not flagged yet; answers their ids.
    async fn flag_creator(&mut self, creator: UserId) -> Result<Vec<ApiKeyId>, StorageError>;

    /// The role that the user has in the tenant now.
    async fn role_of(&mut self, user: UserId) -> Result<Option<Role>, StorageError>;
}

/// API keys of all tenants, for finding out whom a presented one speaks for.
#[async_trait]
pub trait PresentedKeys: Send {
    /// The key with this public part, revoked or not.
    async fn find(&mut self, public_id: &str) -> Result<Option<ApiKey>, StorageError>;

    /// The key with this id, revoked or not.
    async fn find_by_id(&mut self, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError>;

    /// Sets when it was last used, unless that is later already. Not a change of its version; nothing for no such key.
    async fn note_use(&mut self, tenant: TenantId, key: ApiKeyId, at: Timestamp) -> Result<(), StorageError>;

    /// The role that a user has in a tenant now.
    async fn role_in(&mut self, tenant: TenantId, user: UserId) -> Result<Option<Role>, StorageError>;
}
