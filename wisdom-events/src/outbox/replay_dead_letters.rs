//! `events.dead_letter.replay`: another chance for events that were given up.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::EventsError;
use crate::store::RelayTx;

/// Dead letters replayed by one call at most.
const MAX_LIMIT: u32 = 1_000;

/// Makes dead letters due again, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayDeadLetters {
    /// How many at most, 1 to 1,000 (more is capped).
    pub limit: u32,
}

/// What was replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replayed {
    /// Events made due again.
    pub events: u64,
}

impl Operation for ReplayDeadLetters {
    const NAME: &'static str = "events.dead_letter.replay";
    const SUMMARY: &'static str = "Makes events that were given up due again, oldest first.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = Replayed;
    type Error = EventsError;
}

impl<Tx: RelayTx + ?Sized> UseCase<Tx> for ReplayDeadLetters {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Replayed>, EventsError> {
        let now = tx.frame().now();
        let events = tx
            .outbox()
            .replay_dead(self.limit.clamp(1, MAX_LIMIT), now)
            .await?;
        let entry = AuditEntry::on("outbox", "dead_letters").with(json!({ "events": events }));
        Ok(Outcome::audited(Replayed { events }, entry))
    }
}
