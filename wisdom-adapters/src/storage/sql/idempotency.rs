//! Claims of idempotency keys.

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use wisdom_core::idempotency::{IdempotencyClaim, IdempotencyRecords, IdempotencyState};
use wisdom_core::seal::Context;
use wisdom_core::storage::{StorageError, StorageErrorKind};

use super::record::scope;
use super::statement::Statement;
use super::unit::Unit;

// On SQLite whoever may write is alone, so a claim always sees what the one before it committed.
const HOLD: Statement = Statement::split(
    "idempotency.claim",
    "SELECT 1 WHERE $1 IS NOT NULL",
    "SELECT CASE WHEN pg_try_advisory_xact_lock($1) THEN 1 ELSE 0 END",
);
pub(super) const FIND: Statement = Statement::new(
    "idempotency.claim",
    "SELECT fingerprint, answer FROM idempotency_keys
     WHERE tenant_id = $1 AND user_id = $2 AND key = $3 AND expires_at > $4",
);

/// The advisory lock of a key: 64 bits of a hash. Two keys that share it meet as "in flight", which is harmless.
fn lock_of(claim: &IdempotencyClaim) -> i64 {
    let scoped = Context::new()
        .part("wisdom.idempotency")
        .part(scope(claim.tenant).as_bytes())
        .part(claim.caller.as_bytes())
        .part(claim.key.as_str());
    let hash = digest(&SHA256, scoped.as_bytes());
    hash.as_ref()
        .first_chunk()
        .map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

impl Unit {
    /// What the stored row of the key says, if there is one that has not expired.
    async fn answered(&mut self, claim: &IdempotencyClaim) -> Result<Option<IdempotencyState>, StorageError> {
        let now = self.sql_tx().frame().now();
        let values = [
            scope(claim.tenant).into(),
            claim.caller.into(),
            claim.key.as_str().into(),
            now.into(),
        ];
        let Some(row) = self.sql_tx().fetch_optional(&FIND, &values).await? else {
            return Ok(None);
        };
        Ok(Some(if row.array::<32>(0)? == claim.fingerprint {
            IdempotencyState::Replay(row.bytes(1)?)
        } else {
            IdempotencyState::Mismatch
        }))
    }
}

#[async_trait]
impl IdempotencyRecords for Unit {
    async fn claim(&mut self, claim: &IdempotencyClaim) -> Result<IdempotencyState, StorageError> {
        let own = self.sql_tx().frame().tenant();
        if own.is_some() && claim.tenant != own {
            return Err(StorageError::new(StorageErrorKind::Invalid, HOLD.name())
                .caused_by("a claim of another tenant"));
        }
        // An answer that is there needs no lock: whoever only replays never stands in anybody's way.
        if let Some(known) = self.answered(claim).await? {
            return Ok(known);
        }
        let held = self
            .sql_tx()
            .fetch_optional(&HOLD, &[lock_of(claim).into()])
            .await?;
        if held.map_or(Ok(0), |row| row.int(0))? == 0 {
            return Ok(IdempotencyState::InFlight);
        }
        // Another one may have committed its answer before the lock was free.
        Ok(self.answered(claim).await?.unwrap_or(IdempotencyState::Fresh))
    }
}
