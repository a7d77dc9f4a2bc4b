//! Reads what a claimed delivery needs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::event::StoredEvent;
use wisdom_core::id::{EndpointId, EventId};
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::EventsError;
use crate::store::EventsTx;
use crate::webhook::Endpoint;

/// Reads endpoint and event. Run by the worker only; it is in no catalogue.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrepareDelivery {
    /// Where to.
    pub endpoint: EndpointId,
    /// What.
    pub event: EventId,
}

/// What a delivery needs. Never serialised: it holds sealed secrets.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Prepared {
    /// The endpoint, unless it was deleted.
    #[serde(skip)]
    pub endpoint: Option<Endpoint>,
    /// The event, unless it is gone.
    #[serde(skip)]
    pub event: Option<StoredEvent>,
}

impl Operation for PrepareDelivery {
    const NAME: &'static str = "webhooks.delivery.prepare";
    const SUMMARY: &'static str = "Reads endpoint and event of a claimed webhook delivery.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = Prepared;
    type Error = EventsError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for PrepareDelivery {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Prepared>, EventsError> {
        let endpoint = tx.endpoints().find(self.endpoint).await?;
        let event = tx.events().find(self.event).await?;
        Ok(Outcome::unaudited(Prepared { endpoint, event }, "reads only"))
    }
}
