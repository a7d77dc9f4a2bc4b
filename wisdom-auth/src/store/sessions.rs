//! Sessions, and sign-ins that are half finished.

use async_trait::async_trait;
use wisdom_core::id::{SessionId, UserId};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;

use crate::session::challenge::SignInChallenge;
use crate::session::feed::RevokedSession;
use crate::session::{RevokeReason, Session};

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

    /// The sessions that were revoked after this one, oldest first by time and id, at most `limit`.
    async fn list_revoked(
        &mut self,
        after: RevokedSession,
        limit: u32,
    ) -> Result<Vec<RevokedSession>, StorageError>;

    /// Revokes all live sessions of the user but `except`, in one statement; answers their ids.
    ///
    /// A session of the user that is inserted at the same moment is either among them, or its unit of work sees from the
    /// insert on what this one has changed.
    async fn revoke_all(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        reason: RevokeReason,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StorageError>;
}

/// Half-finished sign-ins. Only hashes of their tokens are stored.
#[async_trait]
pub trait SignInChallenges: Send {
    /// Adds a challenge, and drops those of the same user that have expired at its beginning.
    async fn insert(&mut self, challenge: &SignInChallenge) -> Result<(), StorageError>;

    /// The challenge with this hash, whatever became of it.
    async fn find(&mut self, hash: &[u8; 32]) -> Result<Option<SignInChallenge>, StorageError>;

    /// Counts a try at the challenge, if it has not expired at `now` and fewer than `most` tries were counted; answers
    /// whether it did. One statement: of parallel calls at most `most` are counted.
    async fn attempt(&mut self, hash: &[u8; 32], most: u16, now: Timestamp) -> Result<bool, StorageError>;

    /// Drops a challenge; answers whether it was there.
    async fn delete(&mut self, hash: &[u8; 32]) -> Result<bool, StorageError>;

    /// Drops all challenges of a user.
    async fn delete_all(&mut self, user: UserId) -> Result<(), StorageError>;
}
