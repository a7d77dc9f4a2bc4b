//! Time-based codes and recovery codes.

use async_trait::async_trait;
use wisdom_auth::second_factor::totp::TotpCredential;
use wisdom_auth::store::SecondFactors;
use wisdom_core::id::UserId;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;

use super::unit_of_work::MemoryTx;

#[async_trait]
impl SecondFactors for MemoryTx {
    async fn totp(&mut self, user: UserId) -> Result<Option<TotpCredential>, StorageError> {
        Ok(self.read().totp_credentials.get(&user).cloned())
    }

    async fn offer_totp(&mut self, totp: &TotpCredential) -> Result<bool, StorageError> {
        const OPERATION: &str = "second_factors.offer_totp";
        let tables = self.write(OPERATION)?;
        if !tables.users.contains_key(&totp.user) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        let known = tables.totp_credentials.get(&totp.user);
        if known.is_some_and(|known| known.confirmed_at.is_some()) {
            return Ok(false);
        }
        tables.totp_credentials.insert(totp.user, totp.clone());
        Ok(true)
    }

    async fn confirm_totp(&mut self, user: UserId, step: i64, at: Timestamp) -> Result<bool, StorageError> {
        let tables = self.write("second_factors.confirm_totp")?;
        let Some(totp) = tables.totp_credentials.get_mut(&user) else {
            return Ok(false);
        };
        if totp.confirmed_at.is_some() || totp.last_step >= step {
            return Ok(false);
        }
        (totp.confirmed_at, totp.last_step) = (Some(at), step);
        Ok(true)
    }

    async fn use_totp_step(&mut self, user: UserId, step: i64) -> Result<bool, StorageError> {
        let tables = self.write("second_factors.use_totp_step")?;
        let Some(totp) = tables.totp_credentials.get_mut(&user) else {
            return Ok(false);
        };
        if totp.confirmed_at.is_none() || totp.last_step >= step {
            return Ok(false);
        }
        totp.last_step = step;
        Ok(true)
    }

    async fn delete_totp(&mut self, user: UserId) -> Result<bool, StorageError> {
        let tables = self.write("second_factors.delete_totp")?;
        Ok(tables.totp_credentials.remove(&user).is_some())
    }

    async fn replace_recovery_codes(
        &mut self,
        user: UserId,
        hashes: &[[u8; 32]],
        _at: Timestamp,
    ) -> Result<(), StorageError> {
        const OPERATION: &str = "second_factors.replace_recovery_codes";
        let tables = self.write(OPERATION)?;
        if !tables.users.contains_key(&user) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        let old: Vec<_> = tables
            .recovery_codes
            .range((user, [0; 32])..=(user, [u8::MAX; 32]))
            .copied()
            .collect();
        for code in old {
            tables.recovery_codes.remove(&code);
        }
        for hash in hashes {
            tables.recovery_codes.insert((user, *hash));
        }
        Ok(())
    }

    async fn use_recovery_code(&mut self, user: UserId, hash: &[u8; 32]) -> Result<bool, StorageError> {
        let tables = self.write("second_factors.use_recovery_code")?;
        Ok(tables.recovery_codes.remove(&(user, *hash)).is_some())
    }

    async fn count_recovery_codes(&mut self, user: UserId) -> Result<i64, StorageError> {
        let left = self
            .read()
            .recovery_codes
            .range((user, [0; 32])..=(user, [u8::MAX; 32]));
        Ok(i64::try_from(left.count()).unwrap_or(i64::MAX))
    }
}
