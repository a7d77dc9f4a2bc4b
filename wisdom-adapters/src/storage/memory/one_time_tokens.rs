//! Tokens that prove a mailbox once.

use async_trait::async_trait;
use wisdom_auth::one_time_token::{OneTimeToken, TokenPurpose};
use wisdom_auth::store::OneTimeTokens;
use wisdom_core::id::UserId;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;

use super::tables::token_slot;
use super::unit_of_work::MemoryTx;

#[async_trait]
impl OneTimeTokens for MemoryTx {
    async fn replace(&mut self, token: &OneTimeToken) -> Result<(), StorageError> {
        const OPERATION: &str = "one_time_tokens.replace";
        let tables = self.write(OPERATION)?;
        if !tables.users.contains_key(&token.user) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        if tables.one_time_tokens.contains_key(&token.hash) {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        let slot = token_slot(token.user, token.purpose);
        if let Some(voided) = tables.one_time_tokens_of_user.insert(slot, token.hash) {
            tables.one_time_tokens.remove(&voided);
            tables.one_time_token_attempts.remove(&voided);
        }
        tables.one_time_tokens.insert(token.hash, token.clone());
        Ok(())
    }

    async fn consume(
        &mut self,
        hash: &[u8; 32],
        purpose: TokenPurpose,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>, StorageError> {
        let tables = self.write("one_time_tokens.consume")?;
        let usable = |token: &&OneTimeToken| token.purpose == purpose && now < token.expires_at;
        let Some(token) = tables.one_time_tokens.get(hash).filter(usable).cloned() else {
            return Ok(None);
        };
        tables.one_time_tokens.remove(hash);
        tables.one_time_token_attempts.remove(hash);
        tables
            .one_time_tokens_of_user
            .remove(&token_slot(token.user, token.purpose));
        Ok(Some(token))
    }

    async fn find(
        &mut self,
        hash: &[u8; 32],
        purpose: TokenPurpose,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>, StorageError> {
        let usable = |token: &&OneTimeToken| token.purpose == purpose && now < token.expires_at;
        Ok(self.read().one_time_tokens.get(hash).filter(usable).cloned())
    }

    async fn attempt(
        &mut self,
        user: UserId,
        purpose: TokenPurpose,
        most: u16,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>, StorageError> {
        let tables = self.write("one_time_tokens.attempt")?;
        let hash = tables.one_time_tokens_of_user.get(&token_slot(user, purpose));
        let Some(token) = hash
            .and_then(|hash| tables.one_time_tokens.get(hash))
            .filter(|token| now < token.expires_at)
            .cloned()
        else {
            return Ok(None);
        };
        let counted = tables
            .one_time_token_attempts
            .get(&token.hash)
            .copied()
            .unwrap_or(0);
        if counted >= most {
            return Ok(None);
        }
        tables.one_time_token_attempts.insert(token.hash, counted + 1);
        Ok(Some(token))
    }

    async fn void(&mut self, user: UserId, purposes: &[TokenPurpose]) -> Result<(), StorageError> {
        let tables = self.write("one_time_tokens.void")?;
        for purpose in purposes {
            if let Some(hash) = tables.one_time_tokens_of_user.remove(&token_slot(user, *purpose)) {
                tables.one_time_tokens.remove(&hash);
                tables.one_time_token_attempts.remove(&hash);
            }
        }
        Ok(())
    }
}
