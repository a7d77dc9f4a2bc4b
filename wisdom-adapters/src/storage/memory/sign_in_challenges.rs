//! Half-finished sign-ins.

use async_trait::async_trait;
use wisdom_auth::session::challenge::SignInChallenge;
use wisdom_auth::store::SignInChallenges;
use wisdom_core::id::UserId;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;

use super::tables::remove_rows;
use super::unit_of_work::MemoryTx;

#[async_trait]
impl SignInChallenges for MemoryTx {
    async fn insert(&mut self, challenge: &SignInChallenge) -> Result<(), StorageError> {
        const OPERATION: &str = "sign_in_challenges.insert";
        let tables = self.write(OPERATION)?;
        if !tables.users.contains_key(&challenge.user) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        if tables.sign_in_challenges.contains_key(&challenge.hash) {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        let (user, now) = (challenge.user, challenge.created_at);
        remove_rows(&mut tables.sign_in_challenges, |kept| {
            kept.user == user && kept.expires_at <= now
        });
        tables
            .sign_in_challenges
            .insert(challenge.hash, challenge.clone());
        Ok(())
    }

    async fn find(&mut self, hash: &[u8; 32]) -> Result<Option<SignInChallenge>, StorageError> {
        Ok(self.read().sign_in_challenges.get(hash).cloned())
    }

    async fn attempt(&mut self, hash: &[u8; 32], most: u16, now: Timestamp) -> Result<bool, StorageError> {
        let tables = self.write("sign_in_challenges.attempt")?;
        let open = |challenge: &&mut SignInChallenge| {
            now < challenge.expires_at && challenge.attempts < i32::from(most)
        };
        let Some(challenge) = tables.sign_in_challenges.get_mut(hash).filter(open) else {
            return Ok(false);
        };
        challenge.attempts += 1;
        Ok(true)
    }

    async fn delete(&mut self, hash: &[u8; 32]) -> Result<bool, StorageError> {
        let tables = self.write("sign_in_challenges.delete")?;
        Ok(tables.sign_in_challenges.remove(hash).is_some())
    }

    async fn delete_all(&mut self, user: UserId) -> Result<(), StorageError> {
        let tables = self.write("sign_in_challenges.delete_all")?;
        remove_rows(&mut tables.sign_in_challenges, |kept| kept.user == user);
        Ok(())
    }
}
