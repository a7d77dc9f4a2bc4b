//! `webhooks.delivery.attempts`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::id::DeliveryId;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::EventsError;
use crate::permission::DELIVERY_READ;
use crate::store::EventsTx;
use crate::webhook::{Attempt, Delivery};

/// Reads a delivery with its attempts, newest first, at most 100.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAttempts {
    /// Which delivery.
    pub delivery: DeliveryId,
}

/// A delivery and how its tries went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryAttempts {
    /// The delivery.
    pub delivery: Delivery,
    /// Its attempts, newest first.
    pub attempts: Vec<Attempt>,
}

impl Operation for ListAttempts {
    const NAME: &'static str = "webhooks.delivery.attempts";
    const SUMMARY: &'static str = "Reads a webhook delivery with its attempts, newest first.";
    const ACCESS: Access = Access::Tenant(DELIVERY_READ);
    const EFFECT: Effect = Effect::Read;
    type Output = DeliveryAttempts;
    type Error = EventsError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for ListAttempts {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<DeliveryAttempts>, EventsError> {
        let delivery = tx
            .deliveries()
            .find(self.delivery)
            .await?
            .ok_or(EventsError::NoSuchDelivery)?;
        let attempts = tx.deliveries().attempts(self.delivery).await?;
        Ok(Outcome::unaudited(
            DeliveryAttempts { delivery, attempts },
            "reads only",
        ))
    }
}
