//! `events.outbox.sweep`: deletes what is old.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::EventsError;
use crate::relay::OutboxPolicy;
use crate::store::RelayTx;

/// Rows deleted by one call unless it says otherwise.
const DEFAULT_LIMIT: u32 = 1_000;
/// Rows deleted by one call at most, so that no unit of work grows long.
const MAX_LIMIT: u32 = 10_000;

/// Deletes relayed events older than the configured time whose deliveries are over, and expired idempotency and inbox
/// rows. Dead letters stay.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepOutbox {
    /// Rows deleted at most, 1 to 10,000 (more is capped). Default 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What was swept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Swept {
    /// Rows deleted.
    pub rows: u64,
}

impl Operation for SweepOutbox {
    const NAME: &'static str = "events.outbox.sweep";
    const SUMMARY: &'static str = "Deletes relayed events and other rows that are older than they are kept.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = Swept;
    type Error = EventsError;
}

impl<Tx: RelayTx + ?Sized> UseCase<Tx> for SweepOutbox {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Swept>, EventsError> {
        let frame = Arc::clone(tx.frame());
        let keep = frame.kit().policies.get::<OutboxPolicy>().keep;
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
        let before = frame.now().saturating_sub(keep);
        let rows = tx.outbox().sweep(before, frame.now(), limit).await?;
        Ok(Outcome::unaudited(
            Swept { rows },
            "housekeeping by age, which no person decides case by case",
        ))
    }
}
