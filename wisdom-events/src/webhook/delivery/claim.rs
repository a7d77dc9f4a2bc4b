//! Claims due deliveries of all tenants.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::EventsError;
use crate::store::RelayTx;
use crate::webhook::{ClaimedDelivery, WebhookPolicy};

/// Claims due deliveries. Run by the worker only; it is in no catalogue.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimDeliveries {
    /// How many at most.
    pub limit: u32,
}

/// What was claimed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Claimed {
    /// The deliveries.
    #[serde(skip)]
    pub deliveries: Vec<ClaimedDelivery>,
}

impl Operation for ClaimDeliveries {
    const NAME: &'static str = "webhooks.delivery.claim";
    const SUMMARY: &'static str = "Claims webhook deliveries that are due.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = Claimed;
    type Error = EventsError;
}

impl<Tx: RelayTx + ?Sized> UseCase<Tx> for ClaimDeliveries {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Claimed>, EventsError> {
        let frame = Arc::clone(tx.frame());
        let policy = frame.kit().policies.get::<WebhookPolicy>();
        let deliveries = tx
            .delivery_queue()
            .claim(self.limit, policy.per_endpoint, frame.now(), policy.lease)
            .await?;
        Ok(Outcome::unaudited(
            Claimed { deliveries },
            "the worker's own bookkeeping",
        ))
    }
}
