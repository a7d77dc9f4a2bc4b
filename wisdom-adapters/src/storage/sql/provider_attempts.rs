//! Ways to providers that were begun and not finished.

use async_trait::async_trait;
use wisdom_auth::federation::attempt::Attempt;
use wisdom_auth::store::ProviderAttempts;
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;

use super::statement::Statement;
use super::unit::Unit;

const INSERT: Statement = Statement::new(
    "provider_attempts.insert",
    "INSERT INTO provider_attempts (state_hash, binding_hash, provider, user_id, return_to, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
/// Each attempt that is begun removes more than one that was given up, so that they do not pile up.
pub(super) const CLEAR: Statement = Statement::split(
    "provider_attempts.clear",
    "DELETE FROM provider_attempts WHERE state_hash IN
     (SELECT state_hash FROM provider_attempts WHERE expires_at <= $1 ORDER BY expires_at LIMIT 20)",
    "DELETE FROM provider_attempts WHERE state_hash IN
     (SELECT state_hash FROM provider_attempts WHERE expires_at <= $1 ORDER BY expires_at LIMIT 20
      FOR UPDATE SKIP LOCKED)",
);
pub(super) const CONSUME: Statement = Statement::new(
    "provider_attempts.consume",
    "DELETE FROM provider_attempts WHERE state_hash = $1 AND expires_at > $2
     RETURNING state_hash, binding_hash, provider, user_id, return_to, created_at, expires_at",
);

#[async_trait]
impl ProviderAttempts for Unit {
    async fn insert(&mut self, attempt: &Attempt) -> Result<(), StorageError> {
        self.sql_tx()
            .execute(&CLEAR, &[attempt.created_at.into()])
            .await?;
        let values = [
            (&attempt.state_hash).into(),
            (&attempt.binding_hash).into(),
            attempt.provider.as_str().into(),
            attempt.user.into(),
            attempt.return_to.as_deref().into(),
            attempt.created_at.into(),
            attempt.expires_at.into(),
        ];
        self.sql_tx().execute(&INSERT, &values).await?;
        Ok(())
    }

    async fn consume(
        &mut self,
        state_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Attempt>, StorageError> {
        let values = [state_hash.into(), now.into()];
        let Some(row) = self.sql_tx().fetch_optional(&CONSUME, &values).await? else {
            return Ok(None);
        };
        Ok(Some(Attempt {
            state_hash: row.array(0)?,
            binding_hash: row.array(1)?,
            provider: row.text(2)?,
            user: row.opt_id(3)?,
            return_to: row.opt_text(4)?,
            created_at: row.time(5)?,
            expires_at: row.time(6)?,
        }))
    }
}
