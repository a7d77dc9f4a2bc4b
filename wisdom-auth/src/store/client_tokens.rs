//! Access tokens of service clients.

use async_trait::async_trait;
use wisdom_core::storage::StorageError;

use crate::oauth::client_token::ClientToken;

/// Access tokens that service clients hold.
#[async_trait]
pub trait ClientTokens: Send {
    /// Adds a token, and drops those of its client that ended before it was issued. A client that does not exist is a
    /// conflict with `Constraint::REFERENCE`.
    async fn insert(&mut self, token: &ClientToken) -> Result<(), StorageError>;

    /// The token with this public part, expired or not.
    async fn find(&mut self, public_id: &str) -> Result<Option<ClientToken>, StorageError>;

    /// Removes the token with this public part; answers whether there was one.
    async fn delete(&mut self, public_id: &str) -> Result<bool, StorageError>;
}
