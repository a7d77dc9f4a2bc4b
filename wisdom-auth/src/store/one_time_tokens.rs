//! Tokens that prove a mailbox.

use async_trait::async_trait;
use wisdom_core::id::UserId;
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;

use crate::one_time_token::{OneTimeToken, TokenPurpose};

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

    /// The token with this hash and purpose, if it could be consumed at `now`. It stays.
    async fn find(
        &mut self,
        hash: &[u8; 32],
        purpose: TokenPurpose,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>, StorageError>;

    /// Counts a try at the user's token of a purpose, if it has not expired at `now` and fewer than `most` tries were
    /// counted; answers that token. One statement: of parallel calls at most `most` get it.
    async fn attempt(
        &mut self,
        user: UserId,
        purpose: TokenPurpose,
        most: u16,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>, StorageError>;

    /// Voids the user's tokens of these purposes.
    async fn void(&mut self, user: UserId, purposes: &[TokenPurpose]) -> Result<(), StorageError>;
}
