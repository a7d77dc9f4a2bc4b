//! `webhooks.endpoint.list`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::outcome::Outcome;
use wisdom_core::page::{Page, PageQuery};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::EventsError;
use crate::permission::ENDPOINT_READ;
use crate::store::EventsTx;
use crate::webhook::EndpointView;

/// Lists the tenant's webhook endpoints, oldest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListEndpoints {
    /// Which page.
    #[serde(default)]
    pub page: PageQuery,
}

impl Operation for ListEndpoints {
    const NAME: &'static str = "webhooks.endpoint.list";
    const SUMMARY: &'static str = "Lists the tenant's webhook endpoints, oldest first.";
    const ACCESS: Access = Access::Tenant(ENDPOINT_READ);
    const EFFECT: Effect = Effect::Read;
    type Output = Page<EndpointView>;
    type Error = EventsError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for ListEndpoints {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Page<EndpointView>>, EventsError> {
        let frame = Arc::clone(tx.frame());
        let request = self.page.open(&frame, Self::NAME, &[])?;
        let slice = tx.endpoints().list(&request).await?.map(EndpointView::from);
        Ok(Outcome::unaudited(
            Page::seal(slice, &frame, Self::NAME, &[])?,
            "reads only",
        ))
    }
}
