//! `webhooks.endpoint.send_example`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::id::EndpointId;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::EventsError;
use crate::permission::ENDPOINT_MANAGE;
use crate::store::EventsTx;
use crate::webhook::fan_out::EXAMPLE;

/// Sends an event of kind `webhooks.example` to this endpoint and no other, whatever kinds it wants.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendExample {
    /// Which.
    pub endpoint: EndpointId,
}

impl Operation for SendExample {
    const NAME: &'static str = "webhooks.endpoint.send_example";
    const SUMMARY: &'static str = "Sends an example event to a webhook endpoint.";
    const ACCESS: Access = Access::Tenant(ENDPOINT_MANAGE);
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = EventsError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for SendExample {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, EventsError> {
        let endpoint = tx
            .endpoints()
            .find(self.endpoint)
            .await?
            .ok_or(EventsError::NoSuchEndpoint)?;
        if !endpoint.enabled {
            return Err(EventsError::EndpointDisabled);
        }
        let facts = json!({ "endpoint": endpoint.id, "message": "This is an example." });
        let entry = AuditEntry::on("webhook_endpoint", endpoint.id);
        Ok(Outcome::audited((), entry).emit(NewEvent::new(EXAMPLE, endpoint.id, facts)))
    }
}
