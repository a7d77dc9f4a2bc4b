//! Settles one try: the delivery's new state, the attempt's row, and what it means for the endpoint, in one commit.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::EventsError;
use crate::store::{EventsTx, Fence};
use crate::webhook::step::{AttemptResult, Health, health, next_step};
use crate::webhook::{Attempt, Delivery, Endpoint, WebhookPolicy, endpoint};

/// The event that tells a tenant that an endpoint was disabled by the service.
pub const ENDPOINT_DISABLED: &str = "webhooks.endpoint.disabled";

/// Settles one try. Run by the worker only; it is in no catalogue.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleDelivery {
    /// The delivery as claimed, with this try counted.
    pub delivery: Delivery,
    /// The claim's fence.
    pub fence: i64,
    /// The try.
    pub attempt: Attempt,
    /// How it went.
    pub result: AttemptResult,
    /// For jitter, uniform over all of `u32`: drawn once, so that running again decides the same.
    pub noise: u32,
}

/// Whether it was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// It was.
    Settled,
    /// The lease had ended and somebody else has the delivery: nothing was written.
    Outdated,
    /// The endpoint was deleted, and the delivery with it.
    Deleted,
}

impl Operation for SettleDelivery {
    const NAME: &'static str = "webhooks.delivery.settle";
    const SUMMARY: &'static str = "Settles one try of a webhook delivery.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = Settled;
    type Error = EventsError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for SettleDelivery {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Settled>, EventsError> {
        const BOOKKEEPING: &str = "tries are on record themselves";
        let frame = Arc::clone(tx.frame());
        let now = frame.now();
        let disable_after = frame.kit().policies.get::<WebhookPolicy>().disable_after;
        let Some(stored) = tx.endpoints().find(self.delivery.endpoint).await? else {
            return Ok(Outcome::unaudited(Settled::Deleted, BOOKKEEPING));
        };
        let step = next_step(
            &self.delivery,
            &stored,
            self.result,
            now,
            self.noise,
            disable_after,
        );
        let delivery = Delivery {
            state: step.state,
            due_at: step.due_at,
            ..self.delivery.clone()
        };
        if !tx
            .deliveries()
            .settle(&delivery, &self.attempt, Fence(self.fence))
            .await?
        {
            return Ok(Outcome::unaudited(Settled::Outdated, BOOKKEEPING));
        }
        if step.health == Health::Unchanged {
            return Ok(Outcome::unaudited(Settled::Settled, BOOKKEEPING));
        }
        // Other tries of the endpoint may be settled at the same moment: decide on what is stored when it is written.
        let mut decided = Health::Unchanged;
        let changed = endpoint::change(tx, stored.id, None, |endpoint| {
            decided = health(endpoint, self.result, now, disable_after);
            apply(endpoint, decided);
            Ok(())
        })
        .await?;
        let Health::Disabled(reason) = decided else {
            return Ok(Outcome::unaudited(Settled::Settled, BOOKKEEPING));
        };
        metrics::counter!("wisdom_webhook_endpoints_disabled_total", "reason" => reason.as_str())
            .increment(1);
        let facts = json!({ "endpoint": changed.id, "reason": reason.as_str() });
        let entry = AuditEntry::on("webhook_endpoint", changed.id).with(facts.clone());
        Ok(Outcome::audited(Settled::Settled, entry).emit(NewEvent::new(
            ENDPOINT_DISABLED,
            changed.id,
            facts,
        )))
    }
}

fn apply(endpoint: &mut Endpoint, health: Health) {
    match health {
        Health::Unchanged => {}
        Health::Recovered => endpoint.failing_since = None,
        Health::FailingSince(since) => endpoint.failing_since = Some(since),
        Health::Disabled(reason) => {
            endpoint.enabled = false;
            endpoint.disabled_reason = Some(reason.as_str().to_owned());
        }
    }
}
