//! Ways to providers that were begun and not finished.

use async_trait::async_trait;
use wisdom_auth::federation::attempt::Attempt;
use wisdom_auth::store::ProviderAttempts;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;

use super::unit_of_work::MemoryTx;

/// Expired ones removed with each new one.
const CLEARED: usize = 20;

#[async_trait]
impl ProviderAttempts for MemoryTx {
    async fn insert(&mut self, attempt: &Attempt) -> Result<(), StorageError> {
        const OPERATION: &str = "provider_attempts.insert";
        let tables = self.write(OPERATION)?;
        let over = tables.provider_attempts_by_end.iter();
        let over: Vec<_> = over
            .take_while(|(end, _)| *end <= attempt.created_at)
            .take(CLEARED)
            .copied()
            .collect();
        for (end, hash) in over {
            tables.provider_attempts_by_end.remove(&(end, hash));
            tables.provider_attempts.remove(&hash);
        }
        if attempt.user.is_some_and(|user| !tables.users.contains_key(&user)) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        if tables.provider_attempts.contains_key(&attempt.state_hash) {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        tables
            .provider_attempts_by_end
            .insert((attempt.expires_at, attempt.state_hash));
        tables
            .provider_attempts
            .insert(attempt.state_hash, attempt.clone());
        Ok(())
    }

    async fn consume(
        &mut self,
        state_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Attempt>, StorageError> {
        let tables = self.write("provider_attempts.consume")?;
        let found = tables
            .provider_attempts
            .get(state_hash)
            .filter(|attempt| now < attempt.expires_at);
        let Some(attempt) = found.cloned() else {
            return Ok(None);
        };
        tables.provider_attempts.remove(state_hash);
        tables
            .provider_attempts_by_end
            .remove(&(attempt.expires_at, *state_hash));
        Ok(Some(attempt))
    }
}
