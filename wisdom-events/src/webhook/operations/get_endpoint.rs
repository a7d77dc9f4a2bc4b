//! `webhooks.endpoint.get`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::id::EndpointId;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::EventsError;
use crate::permission::ENDPOINT_READ;
use crate::store::EventsTx;
use crate::webhook::EndpointView;

/// Reads one webhook endpoint.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetEndpoint {
    /// Which.
    pub endpoint: EndpointId,
}

impl Operation for GetEndpoint {
    const NAME: &'static str = "webhooks.endpoint.get";
    const SUMMARY: &'static str = "Reads one webhook endpoint.";
    const ACCESS: Access = Access::Tenant(ENDPOINT_READ);
    const EFFECT: Effect = Effect::Read;
    type Output = EndpointView;
    type Error = EventsError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for GetEndpoint {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<EndpointView>, EventsError> {
        let endpoint = tx
            .endpoints()
            .find(self.endpoint)
            .await?
            .ok_or(EventsError::NoSuchEndpoint)?;
        Ok(Outcome::unaudited(endpoint.into(), "reads only"))
    }
}
