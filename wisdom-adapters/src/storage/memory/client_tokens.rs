//! Access tokens of service clients.

use async_trait::async_trait;
use wisdom_auth::oauth::client_token::ClientToken;
use wisdom_auth::store::ClientTokens;
use wisdom_core::storage::{Constraint, StorageError};

use super::tables::remove_rows;
use super::unit_of_work::MemoryTx;

#[async_trait]
impl ClientTokens for MemoryTx {
    async fn insert(&mut self, token: &ClientToken) -> Result<(), StorageError> {
        const OPERATION: &str = "client_tokens.insert";
        let tables = self.write(OPERATION)?;
        if !tables.api_keys_by_public_id.contains_key(&token.client) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        remove_rows(&mut tables.client_tokens, |kept| {
            kept.client == token.client && kept.expires_at <= token.issued_at
        });
        tables
            .client_tokens
            .insert(token.public_id.clone(), token.clone());
        Ok(())
    }

    async fn find(&mut self, public_id: &str) -> Result<Option<ClientToken>, StorageError> {
        Ok(self.read().client_tokens.get(public_id).cloned())
    }

    async fn delete(&mut self, public_id: &str) -> Result<bool, StorageError> {
        let tables = self.write("client_tokens.delete")?;
        Ok(tables.client_tokens.remove(public_id).is_some())
    }
}
