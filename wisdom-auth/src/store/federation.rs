//! Accounts at providers, and ways to them.

use async_trait::async_trait;
use wisdom_core::id::{ExternalIdentityId, UserId};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;
use wisdom_core::value::EmailAddress;

use crate::federation::attempt::Attempt;
use crate::federation::identity::ExternalIdentity;

/// Accounts at providers that let users in.
#[async_trait]
pub trait ExternalIdentities: Send {
    /// Adds an identity.
    ///
    /// One that is there already for (issuer, subject) is a conflict with `Constraint::EXTERNAL_IDENTITY`, which leaves the
    /// unit of work usable.
    async fn insert(&mut self, identity: &ExternalIdentity) -> Result<(), StorageError>;

    /// The identity whom the issuer means by this subject, byte by byte.
    async fn find_by_subject(
        &mut self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<ExternalIdentity>, StorageError>;

    /// The user's identities, the oldest first.
    async fn list_of_user(&mut self, user: UserId) -> Result<Vec<ExternalIdentity>, StorageError>;

    /// Notes that the identity let its user in, and the address it came with, if it came with one.
    async fn touch(
        &mut self,
        id: ExternalIdentityId,
        email: Option<&EmailAddress>,
        at: Timestamp,
    ) -> Result<(), StorageError>;

    /// Removes an identity of this user; `false` when there is none.
    async fn delete(&mut self, id: ExternalIdentityId, user: UserId) -> Result<bool, StorageError>;
}

/// Ways to providers that were begun and not finished.
#[async_trait]
pub trait ProviderAttempts: Send {
    /// Stores an attempt, and removes some of those that have expired.
    async fn insert(&mut self, attempt: &Attempt) -> Result<(), StorageError>;

    /// Uses up the attempt with this hash, if it exists and has not expired at `now`.
    ///
    /// One statement: of parallel calls exactly one gets the attempt.
    async fn consume(
        &mut self,
        state_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Attempt>, StorageError>;
}
