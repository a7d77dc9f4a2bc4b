//! Users and their password hashes.

use async_trait::async_trait;
use wisdom_core::id::UserId;
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;
use wisdom_core::value::EmailAddress;

use crate::user::User;

/// Users and their password hashes.
#[async_trait]
pub trait Users: Send {
    /// Adds a user.
    ///
    /// A taken address is a conflict with `Constraint::USER_EMAIL`, which leaves the unit of work usable.
    async fn insert(&mut self, user: &User) -> Result<(), StorageError>;

    /// The user with this id.
    async fn find(&mut self, id: UserId) -> Result<Option<User>, StorageError>;

    /// The user whose address has the same lookup key.
    async fn find_by_email(&mut self, email: &EmailAddress) -> Result<Option<User>, StorageError>;

    /// Replaces a user whose stored version is `expected`; the stored version becomes `expected + 1`.
    ///
    /// Another version is `StorageErrorKind::Stale`.
    async fn update(&mut self, user: &User, expected: i64) -> Result<(), StorageError>;

    /// The users behind `after` in the order of their ids, at most `limit`.
    async fn page(&mut self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StorageError>;

    /// The PHC string of the user's password hash.
    async fn password_hash(&mut self, id: UserId) -> Result<Option<String>, StorageError>;

    /// Sets the PHC string of the user's password hash.
    async fn set_password_hash(&mut self, id: UserId, phc: &str, at: Timestamp) -> Result<(), StorageError>;

    /// The generation of the user's credentials, from 1; `None` when there is no such user.
    ///
    /// It stays what it is until the unit of work ends: nobody else changes the user or asks for the generation
    /// meanwhile. So what a sign-in checked still holds when its session begins. Take it before anything else of the
    /// user is changed, so that no two units of work wait for each other.
    async fn lock_credentials(&mut self, id: UserId) -> Result<Option<i64>, StorageError>;

    /// Begins the next generation of the user's credentials.
    async fn next_credentials(&mut self, id: UserId) -> Result<(), StorageError>;
    /// The hashes of the user's earlier passwords, newest first, at most `limit`.
    async fn old_password_hashes(&mut self, id: UserId, limit: u32) -> Result<Vec<String>, StorageError>;

    /// Adds the hash of a password that is replaced, and forgets all but the newest `limit`; 0 forgets all.
    ///
    /// Called after [`update`](Self::update) of the user in the same unit of work, which keeps others away.
    async fn add_old_password_hash(&mut self, id: UserId, phc: &str, limit: u32) -> Result<(), StorageError>;
}
