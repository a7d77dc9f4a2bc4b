//! Time-based codes and recovery codes.

use async_trait::async_trait;
use wisdom_auth::second_factor::totp::TotpCredential;
use wisdom_auth::store::SecondFactors;
use wisdom_core::id::UserId;
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;

use super::statement::Statement;
use super::unit::Unit;

pub(super) const TOTP: Statement = Statement::new(
    "second_factors.totp",
    "SELECT user_id, sealed_secret, last_step, confirmed_at, created_at FROM totp_credentials WHERE user_id = $1",
);
const OFFER: Statement = Statement::new(
    "second_factors.offer_totp",
    "INSERT INTO totp_credentials (user_id, sealed_secret, last_step, created_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (user_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, last_step = excluded.last_step,
     created_at = excluded.created_at WHERE totp_credentials.confirmed_at IS NULL",
);
const CONFIRM: Statement = Statement::new(
    "second_factors.confirm_totp",
    "UPDATE totp_credentials SET last_step = $2, confirmed_at = $3
     WHERE user_id = $1 AND confirmed_at IS NULL AND last_step < $2",
);
const USE_STEP: Statement = Statement::new(
    "second_factors.use_totp_step",
    "UPDATE totp_credentials SET last_step = $2 WHERE user_id = $1 AND confirmed_at IS NOT NULL AND last_step < $2",
);
const DELETE: Statement = Statement::new(
    "second_factors.delete_totp",
    "DELETE FROM totp_credentials WHERE user_id = $1",
);
const DROP_CODES: Statement = Statement::new(
    "second_factors.drop_recovery_codes",
    "DELETE FROM recovery_codes WHERE user_id = $1",
);
const ADD_CODE: Statement = Statement::new(
    "second_factors.add_recovery_code",
    "INSERT INTO recovery_codes (user_id, hash, created_at) VALUES ($1, $2, $3)",
);
const USE_CODE: Statement = Statement::new(
    "second_factors.use_recovery_code",
    "DELETE FROM recovery_codes WHERE user_id = $1 AND hash = $2",
);
const COUNT_CODES: Statement = Statement::new(
    "second_factors.count_recovery_codes",
    "SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1",
);

#[async_trait]
impl SecondFactors for Unit {
    async fn totp(&mut self, user: UserId) -> Result<Option<TotpCredential>, StorageError> {
        let Some(row) = self.sql_tx().fetch_optional(&TOTP, &[user.into()]).await? else {
            return Ok(None);
        };
        Ok(Some(TotpCredential {
            user: row.id(0)?,
            sealed_secret: row.bytes(1)?,
            last_step: row.int(2)?,
            confirmed_at: row.opt_time(3)?,
            created_at: row.time(4)?,
        }))
    }

    async fn offer_totp(&mut self, totp: &TotpCredential) -> Result<bool, StorageError> {
        let values = [
            totp.user.into(),
            (&totp.sealed_secret).into(),
            totp.last_step.into(),
            totp.created_at.into(),
        ];
        Ok(self.sql_tx().execute(&OFFER, &values).await? == 1)
    }

    async fn confirm_totp(&mut self, user: UserId, step: i64, at: Timestamp) -> Result<bool, StorageError> {
        let values = [user.into(), step.into(), at.into()];
        Ok(self.sql_tx().execute(&CONFIRM, &values).await? == 1)
    }

    async fn use_totp_step(&mut self, user: UserId, step: i64) -> Result<bool, StorageError> {
        let values = [user.into(), step.into()];
        Ok(self.sql_tx().execute(&USE_STEP, &values).await? == 1)
    }

    async fn delete_totp(&mut self, user: UserId) -> Result<bool, StorageError> {
        Ok(self.sql_tx().execute(&DELETE, &[user.into()]).await? == 1)
    }

    async fn replace_recovery_codes(
        &mut self,
        user: UserId,
        hashes: &[[u8; 32]],
        at: Timestamp,
    ) -> Result<(), StorageError> {
        self.sql_tx().execute(&DROP_CODES, &[user.into()]).await?;
        for hash in hashes {
            let values = [user.into(), hash.into(), at.into()];
            self.sql_tx().execute(&ADD_CODE, &values).await?;
        }
        Ok(())
    }

    async fn use_recovery_code(&mut self, user: UserId, hash: &[u8; 32]) -> Result<bool, StorageError> {
        let values = [user.into(), hash.into()];
        Ok(self.sql_tx().execute(&USE_CODE, &values).await? == 1)
    }

    async fn count_recovery_codes(&mut self, user: UserId) -> Result<i64, StorageError> {
        let rows = self.sql_tx().fetch_all(&COUNT_CODES, &[user.into()]).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }
}
