//! Idempotency keys. Writers are serial, so a second claim waits for the first to end and finds its answer: none is
//! ever told that another is at work.

use async_trait::async_trait;
use wisdom_core::idempotency::{IdempotencyClaim, IdempotencyRecords, IdempotencyState};
use wisdom_core::storage::StorageError;
use wisdom_core::unit_of_work::UnitOfWork as _;

use super::tables::IdempotencyScope;
use super::unit_of_work::{MemoryTx, invalid};

/// The key of a claim's row.
pub(super) fn scope(claim: &IdempotencyClaim) -> IdempotencyScope {
    (claim.tenant, claim.caller, claim.key.as_str().to_owned())
}

#[async_trait]
impl IdempotencyRecords for MemoryTx {
    async fn claim(&mut self, claim: &IdempotencyClaim) -> Result<IdempotencyState, StorageError> {
        const OPERATION: &str = "idempotency.claim";
        let (tenant, now) = (self.frame().tenant(), self.frame().now());
        if tenant.is_some() && claim.tenant != tenant {
            return Err(invalid(OPERATION, "a claim of another tenant"));
        }
        // A unit of work that only reads holds no key, and could not keep the promise.
        let tables = self.write(OPERATION)?;
        Ok(
            match tables
                .idempotency
                .get(&scope(claim))
                .filter(|row| now < row.expires_at)
            {
                None => IdempotencyState::Fresh,
                Some(row) if row.fingerprint == claim.fingerprint => {
                    IdempotencyState::Replay(row.answer.clone())
                }
                Some(_) => IdempotencyState::Mismatch,
            },
        )
    }
}
