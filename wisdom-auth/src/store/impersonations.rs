//! Operators who act for users.

use async_trait::async_trait;
use wisdom_core::id::{ImpersonationId, TenantId, UserId};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;

use crate::impersonation::Impersonation;

/// Operators acting for users.
#[async_trait]
pub trait Impersonations: Send {
    /// Adds one. Operator, subject or tenant that do not exist are a conflict with `Constraint::REFERENCE`.
    async fn insert(&mut self, impersonation: &Impersonation) -> Result<(), StorageError>;

    /// The one with this id, ended or not.
    async fn find(&mut self, id: ImpersonationId) -> Result<Option<Impersonation>, StorageError>;

    /// The one whose token has this public part, ended or not.
    async fn find_presented(&mut self, public_id: &str) -> Result<Option<Impersonation>, StorageError>;

    /// Those of an operator, newest first, at most `limit`.
    async fn list_of(&mut self, operator: UserId, limit: u32) -> Result<Vec<Impersonation>, StorageError>;

    /// Ends one; answers whether it was going on at that time.
    async fn end(&mut self, id: ImpersonationId, at: Timestamp) -> Result<bool, StorageError>;

    /// Notes that an operator asked to act in a tenant, unless they did after `since`; answers whether it was noted. Of
    /// parallel calls one is. An operator or tenant that does not exist is a conflict with `Constraint::REFERENCE`.
    async fn note_request(
        &mut self,
        tenant: TenantId,
        operator: UserId,
        at: Timestamp,
        since: Timestamp,
    ) -> Result<bool, StorageError>;
}
