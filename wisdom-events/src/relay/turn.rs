//! One turn of the relay: settle what was told, claim what is due, in one unit of work.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::id::EventId;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::policy::OutboxPolicy;
use crate::error::EventsError;
use crate::outbox::{ClaimedEvent, OutboxCounts};
use crate::store::{Fence, RelayTx};

/// How telling an event went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Verdict {
    /// Every consumer did its part.
    Complete,
    /// To be told again.
    Retry {
        /// After this many milliseconds.
        after_ms: u64,
        /// Why.
        reason: String,
    },
    /// Given up: a dead letter.
    Bury {
        /// Why.
        reason: String,
    },
}

/// The verdict on one claimed event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// The event.
    pub event: EventId,
    /// The claim's fence.
    pub fence: i64,
    /// How it went.
    pub verdict: Verdict,
}

/// Settles and claims. Run by the relay only; it is in no catalogue.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimEvents {
    /// Verdicts on what was claimed before.
    pub settle: Vec<Settlement>,
    /// How many to claim at most; 0 for none.
    pub claim: u32,
}

/// What a turn gave.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Turn {
    /// The claimed events.
    #[serde(skip)]
    pub claimed: Vec<ClaimedEvent>,
    /// Verdicts that came too late: the lease had ended and somebody else has the event.
    pub fenced_off: u32,
}

impl Operation for ClaimEvents {
    const NAME: &'static str = "events.outbox.claim";
    const SUMMARY: &'static str = "Settles relayed events and claims the next ones.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = Turn;
    type Error = EventsError;
}

impl<Tx: RelayTx + ?Sized> UseCase<Tx> for ClaimEvents {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Turn>, EventsError> {
        let frame = Arc::clone(tx.frame());
        let now = frame.now();
        let lease = frame.kit().policies.get::<OutboxPolicy>().lease;
        let mut fenced_off = 0;
        for settlement in &self.settle {
            let (event, fence) = (settlement.event, Fence(settlement.fence));
            let current = match &settlement.verdict {
                Verdict::Complete => tx.outbox().complete(event, fence, now).await?,
                Verdict::Retry { after_ms, reason } => {
                    let due = now.saturating_add(Duration::from_millis(*after_ms));
                    tx.outbox().retry(event, fence, due, reason).await?
                }
                Verdict::Bury { reason } => tx.outbox().bury(event, fence, now, reason).await?,
            };
            fenced_off += u32::from(!current);
        }
        let claimed = if self.claim == 0 {
            Vec::new()
        } else {
            tx.outbox().claim(self.claim, now, lease).await?
        };
        Ok(Outcome::unaudited(
            Turn { claimed, fenced_off },
            "the relay's own bookkeeping",
        ))
    }
}

/// Reads how the outbox stands, for metrics.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountOutbox {}

/// How the outbox stands.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct OutboxStatus {
    /// The counts.
    #[serde(skip)]
    pub counts: OutboxCounts,
    /// Age of the oldest event that waits, in seconds.
    pub lag_s: f64,
}

impl Operation for CountOutbox {
    const NAME: &'static str = "events.outbox.count";
    const SUMMARY: &'static str = "Reads how many events wait in the outbox.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = OutboxStatus;
    type Error = EventsError;
}

impl<Tx: RelayTx + ?Sized> UseCase<Tx> for CountOutbox {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<OutboxStatus>, EventsError> {
        let now = tx.frame().now();
        let counts = tx.outbox().counts().await?;
        let lag_s = counts
            .oldest_pending
            .map_or(0.0, |oldest| now.since(oldest).as_secs_f64());
        Ok(Outcome::unaudited(OutboxStatus { counts, lag_s }, "reads only"))
    }
}
