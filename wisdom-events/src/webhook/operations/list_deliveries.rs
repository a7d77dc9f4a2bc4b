//! `webhooks.delivery.list`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::id::EndpointId;
use wisdom_core::outcome::Outcome;
use wisdom_core::page::{Page, PageQuery};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::EventsError;
use crate::permission::DELIVERY_READ;
use crate::store::EventsTx;
use crate::webhook::Delivery;

/// Lists the deliveries to a webhook endpoint, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListDeliveries {
    /// To which endpoint.
    pub endpoint: EndpointId,
    /// Which page.
    #[serde(default)]
    pub page: PageQuery,
}

impl Operation for ListDeliveries {
    const NAME: &'static str = "webhooks.delivery.list";
    const SUMMARY: &'static str = "Lists the deliveries to a webhook endpoint, newest first.";
    const ACCESS: Access = Access::Tenant(DELIVERY_READ);
    const EFFECT: Effect = Effect::Read;
    type Output = Page<Delivery>;
    type Error = EventsError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for ListDeliveries {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Page<Delivery>>, EventsError> {
        let frame = Arc::clone(tx.frame());
        let id = self.endpoint.as_uuid();
        let request = self.page.open(&frame, Self::NAME, id.as_bytes())?;
        if tx.endpoints().find(self.endpoint).await?.is_none() {
            return Err(EventsError::NoSuchEndpoint);
        }
        let slice = tx.deliveries().list(self.endpoint, &request).await?;
        Ok(Outcome::unaudited(
            Page::seal(slice, &frame, Self::NAME, id.as_bytes())?,
            "reads only",
        ))
    }
}
