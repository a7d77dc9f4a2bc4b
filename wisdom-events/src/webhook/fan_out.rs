//! From one event to its deliveries: the consumer that queues an event for every endpoint that wants it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::context::TenantContext;
use wisdom_core::event::{Audience, StoredEvent};
use wisdom_core::id::{EndpointId, EventId, IdSourceExt as _, kind};
use wisdom_core::mail::MAIL_REQUESTED;
use wisdom_core::outcome::Outcome;
use wisdom_core::port::Retry;
use wisdom_core::runner::Runner;
use wisdom_core::unit_of_work::{Effect, Store};
use wisdom_core::use_case::{Operation, UseCase};

use super::{Delivery, DeliveryState};
use crate::bus::{Consumer, ConsumerError};
use crate::error::EventsError;
use crate::kit::{Waker, request_for};
use crate::store::EventsTx;

/// The kind of example events: they go to the endpoint that is their subject, and to no other.
pub const EXAMPLE: &str = "webhooks.example";

const NAME: &str = "webhooks";

/// Queues events for webhook endpoints.
pub struct WebhookFanOut<S: Store + ?Sized> {
    runner: Runner<S>,
    deliveries: Waker,
}

impl<S: Store + ?Sized> fmt::Debug for WebhookFanOut<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookFanOut").finish_non_exhaustive()
    }
}

impl<S: Store + ?Sized> WebhookFanOut<S> {
    /// A consumer that writes through the runner and wakes the delivery worker.
    #[must_use]
    pub fn new(runner: Runner<S>, deliveries: Waker) -> Self {
        Self { runner, deliveries }
    }
}

#[async_trait]
impl<S> Consumer for WebhookFanOut<S>
where
    S: Store<TenantTx: EventsTx> + ?Sized,
{
    fn name(&self) -> &'static str {
        NAME
    }

    fn wants(&self, kind: &str) -> bool {
        kind != MAIL_REQUESTED
    }

    async fn handle(&self, event: &StoredEvent) -> Result<(), ConsumerError> {
        let Some(tenant) = event.tenant.filter(|_| event.audience == Audience::Tenant) else {
            return Ok(());
        };
        let context = TenantContext::for_claimed_row(tenant, request_for(self.runner.kit(), event.trace));
        let fan_out = FanOut {
            event: event.id,
            kind: event.kind.clone(),
            subject: event.subject.clone(),
        };
        match self.runner.tenant(&context, &fan_out).await {
            Ok(queued) => {
                if queued.deliveries > 0 {
                    self.deliveries.wake();
                }
                Ok(())
            }
            Err(EventsError::Storage(error)) => Err(error.into()),
            Err(error) => Err(ConsumerError::new(Retry::Backoff, error.to_string())),
        }
    }
}

/// Queues one event. Run by the consumer only; it is in no catalogue.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FanOut {
    /// The event.
    pub event: EventId,
    /// Its kind.
    pub kind: String,
    /// Its subject.
    pub subject: String,
}

/// What was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Queued {
    /// New deliveries.
    pub deliveries: u32,
}

impl Operation for FanOut {
    const NAME: &'static str = "webhooks.event.fan_out";
    const SUMMARY: &'static str = "Queues an event for every webhook endpoint that wants it.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = Queued;
    type Error = EventsError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for FanOut {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Queued>, EventsError> {
        let frame = Arc::clone(tx.frame());
        let mut deliveries = 0;
        if tx.inbox().first_time(NAME, self.event).await? {
            let endpoints = if self.kind == EXAMPLE {
                let endpoint = match self.subject.parse::<EndpointId>() {
                    Ok(id) => tx.endpoints().find(id).await?,
                    Err(_) => None,
                };
                endpoint.into_iter().filter(|endpoint| endpoint.enabled).collect()
            } else {
                let mut wanting = tx.endpoints().list_enabled().await?;
                wanting.retain(|endpoint| endpoint.wants(&self.kind));
                wanting
            };
            for endpoint in endpoints {
                let delivery = Delivery {
                    id: frame.kit().ids.id::<kind::Delivery>(),
                    endpoint: endpoint.id,
                    event: self.event,
                    event_kind: self.kind.clone(),
                    state: DeliveryState::Pending,
                    attempts: 0,
                    due_at: frame.now(),
                    created_at: frame.now(),
                };
                deliveries += u32::from(tx.deliveries().insert(&delivery).await?);
            }
        }
        Ok(Outcome::unaudited(
            Queued { deliveries },
            "deliveries are on record themselves",
        ))
    }
}
