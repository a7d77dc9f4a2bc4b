//! What identity asks of storage. Users are global: these repositories exist outside of any tenant only.

use async_trait::async_trait;
use wisdom_core::id::{SessionId, UserId};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::UnitOfWork;
use wisdom_core::value::EmailAddress;

use crate::one_time_token::{OneTimeToken, TokenPurpose};
use crate::session::{RevokeReason, Session};
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

    /// The PHC string of the user's password hash.
    async fn password_hash(&mut self, id: UserId) -> Result<Option<String>, StorageError>;

    /// Sets the PHC string of the user's password hash.
    async fn set_password_hash(&mut self, id: UserId, phc: &str, at: Timestamp) -> Result<(), StorageError>;
}

/// Sessions, each one family of refresh tokens.
#[async_trait]
pub trait Sessions: Send {
    /// Adds a session.
    async fn insert(&mut self, session: &Session) -> Result<(), StorageError>;

    /// The session with this id, revoked or not.
    async fn find(&mut self, id: SessionId) -> Result<Option<Session>, StorageError>;

    /// Replaces a session whose stored version is `expected`; the stored version becomes `expected + 1`.
    ///
    /// Another version is `StorageErrorKind::Stale`: rotation, confirmation and revocation race here, and one wins.
    async fn update(&mut self, session: &Session, expected: i64) -> Result<(), StorageError>;

    /// The user's sessions that are not revoked and whose ends lie after `now`, newest first, at most 100.
    async fn list_live(&mut self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StorageError>;

    /// Revokes all live sessions of the user but `except`, in one statement; answers their ids.
    async fn revoke_all(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        reason: RevokeReason,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StorageError>;
}

/// Tokens that prove a mailbox once. Only hashes are stored.
#[async_trait]
pub trait OneTimeTokens: Send {
    /// Stores a token and voids any other of the same user and purpose.
    async fn replace(&mut self, token: &OneTimeToken) -> Result<(), StorageError>;

    /// Uses up the token with this hash and purpose, if it exists, is unused and has not expired at `now`.
    ///
    /// One statement: of parallel calls exactly one gets the token.
    async fn consume(
        &mut self,
        hash: &[u8; 32],
        purpose: TokenPurpose,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>, StorageError>;
}

/// The unit of work of identity.
pub trait IdentityTx: UnitOfWork {
    /// Users.
    fn users(&mut self) -> &mut dyn Users;
    /// Sessions.
    fn sessions(&mut self) -> &mut dyn Sessions;
    /// One-time tokens.
    fn one_time_tokens(&mut self) -> &mut dyn OneTimeTokens;
}
