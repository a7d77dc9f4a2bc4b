//! `webhooks.endpoint.delete`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::{Access, Callers};
use wisdom_core::audit::AuditEntry;
use wisdom_core::id::EndpointId;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::EventsError;
use crate::permission::ENDPOINT_MANAGE;
use crate::store::EventsTx;

/// Removes a webhook endpoint with its deliveries and their attempts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteEndpoint {
    /// Which.
    pub endpoint: EndpointId,
}

impl Operation for DeleteEndpoint {
    const NAME: &'static str = "webhooks.endpoint.delete";
    const SUMMARY: &'static str = "Removes a webhook endpoint with its deliveries.";
    const ACCESS: Access = Access::Tenant(ENDPOINT_MANAGE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::NotOperators;
    type Output = ();
    type Error = EventsError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for DeleteEndpoint {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, EventsError> {
        if !tx.endpoints().delete(self.endpoint).await? {
            return Err(EventsError::NoSuchEndpoint);
        }
        Ok(Outcome::audited(
            (),
            AuditEntry::on("webhook_endpoint", self.endpoint),
        ))
    }
}
