//! Forgetting counters that nobody can need any more.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::AuthError;
use crate::store::IdentityTx;

/// For how long an address that nobody has stays as slow as its failures made it.
const KEEP_UNKNOWN: Duration = Duration::from_hours(90 * 24);
/// Rows deleted by one call at most, so that no unit of work grows long.
const LIMIT: u32 = 10_000;

/// Deletes the counters of sources whose failures are forgotten, and of addresses that nobody has and nobody tried for
/// 90 days. Those of users stay until they prove who they are.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepAttempts {}

impl Operation for SweepAttempts {
    const NAME: &'static str = "auth.attempts.sweep";
    const SUMMARY: &'static str = "Deletes counters of failed tries that nobody can need any more.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    /// Rows deleted.
    type Output = u64;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for SweepAttempts {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<u64>, AuthError> {
        let now = tx.frame().now();
        let rows = tx
            .attempts()
            .sweep(now, now.saturating_sub(KEEP_UNKNOWN), LIMIT)
            .await?;
        Ok(Outcome::unaudited(
            rows,
            "housekeeping by age, which no person decides case by case",
        ))
    }
}
