//! `webhooks.delivery.replay`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::id::DeliveryId;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::EventsError;
use crate::permission::DELIVERY_REPLAY;
use crate::store::EventsTx;
use crate::webhook::Delivery;

/// Makes a delivery due now, whatever its state. The receiver sees the same `webhook-id` as before.
///
/// A delivery whose tries were used up gets this one more.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayDelivery {
    /// Which.
    pub delivery: DeliveryId,
}

impl Operation for ReplayDelivery {
    const NAME: &'static str = "webhooks.delivery.replay";
    const SUMMARY: &'static str = "Delivers an event to a webhook endpoint again.";
    const ACCESS: Access = Access::Tenant(DELIVERY_REPLAY);
    const EFFECT: Effect = Effect::Write;
    type Output = Delivery;
    type Error = EventsError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for ReplayDelivery {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Delivery>, EventsError> {
        let now = tx.frame().now();
        let delivery = tx
            .deliveries()
            .find(self.delivery)
            .await?
            .ok_or(EventsError::NoSuchDelivery)?;
        let endpoint = tx
            .endpoints()
            .find(delivery.endpoint)
            .await?
            .ok_or(EventsError::NoSuchEndpoint)?;
        if !endpoint.enabled {
            return Err(EventsError::EndpointDisabled);
        }
        if !tx.deliveries().reschedule(self.delivery, now).await? {
            return Err(EventsError::NoSuchDelivery);
        }
        let delivery = tx
            .deliveries()
            .find(self.delivery)
            .await?
            .ok_or(EventsError::NoSuchDelivery)?;
        let entry = AuditEntry::on("webhook_delivery", delivery.id)
            .with(json!({ "endpoint": delivery.endpoint, "event": delivery.event }));
        Ok(Outcome::audited(delivery, entry))
    }
}
