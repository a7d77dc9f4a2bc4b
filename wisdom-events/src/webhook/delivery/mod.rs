//! The delivery worker: claims due deliveries, calls receivers, settles.

mod claim;
mod prepare;
mod send;
mod settle;

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use wisdom_core::context::{SystemContext, SystemReason, TenantContext};

pub use claim::ClaimDeliveries;
pub use prepare::{PrepareDelivery, Prepared};
pub use settle::{ENDPOINT_DISABLED, SettleDelivery, Settled};

use self::send::{Sent, send};
use super::step::{AttemptResult, Unsent};
use super::{ClaimedDelivery, WebhookPolicy, body, secret};
use crate::error::EventsError;
use crate::kit::{EventsHost, noise, own_request, request_for};
use crate::worker::{self, Work};

/// Why the delivery worker works outside of any tenant.
pub const DELIVERIES: SystemReason = SystemReason("webhooks.deliveries");

/// The delivery worker of one process. Any number of processes may run one on the same store.
///
/// A delivery is claimed in one unit of work, read in a second, sent in none, and settled in a third. A worker that dies
/// in between leaves a lease that ends; one that comes too late is fenced off.
pub struct DeliveryWorker<H> {
    work: Arc<DeliveryWork<H>>,
}

impl<H> fmt::Debug for DeliveryWorker<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryWorker").finish_non_exhaustive()
    }
}

impl<H: EventsHost> DeliveryWorker<H> {
    /// A worker on this host.
    #[must_use]
    pub fn new(host: Arc<H>) -> Self {
        Self {
            work: Arc::new(DeliveryWork { host }),
        }
    }

    /// Delivers until `stop`, then finishes what is in hand (at most [`WebhookPolicy::timeout`] and two commits).
    pub async fn run(&self, stop: CancellationToken) {
        let policy = self.work.policy();
        let waker = &self.work.host.events().deliveries;
        worker::run(Arc::clone(&self.work), hands(&policy), policy.poll, waker, &stop).await;
    }

    /// Tries all deliveries that are due and answers how many. For tests and the command line.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn drain(&self) -> Result<usize, EventsError> {
        worker::drain(&*self.work, hands(&self.work.policy())).await
    }
}

fn hands(policy: &WebhookPolicy) -> usize {
    usize::try_from(policy.in_hand.clamp(1, 256)).unwrap_or(1)
}

struct DeliveryWork<H> {
    host: Arc<H>,
}

impl<H> fmt::Debug for DeliveryWork<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryWork").finish_non_exhaustive()
    }
}

impl<H: EventsHost> Work for DeliveryWork<H> {
    const NAME: &'static str = "webhooks";
    type Item = ClaimedDelivery;
    type Done = ();

    async fn turn(&self, _: &[()], free: usize) -> Result<Vec<ClaimedDelivery>, EventsError> {
        if free == 0 {
            return Ok(Vec::new());
        }
        let claim = ClaimDeliveries {
            limit: u32::try_from(free).unwrap_or(u32::MAX),
        };
        let context = SystemContext::worker(DELIVERIES, own_request(self.host.runner().kit()));
        Ok(self.host.runner().system(&context, &claim).await?.deliveries)
    }

    async fn work(&self, claimed: ClaimedDelivery) {
        if let Err(error) = self.deliver(&claimed).await {
            // The lease ends and the delivery is claimed again, perhaps after the receiver has it already.
            tracing::warn!(delivery = %claimed.delivery.id, %error, "a delivery could not be read or settled");
        }
    }
}

impl<H: EventsHost> DeliveryWork<H> {
    fn policy(&self) -> Arc<WebhookPolicy> {
        self.host.runner().kit().policies.get()
    }

    async fn deliver(&self, claimed: &ClaimedDelivery) -> Result<(), EventsError> {
        let runner = self.host.runner();
        let own = TenantContext::for_claimed_row(claimed.tenant, own_request(runner.kit()));
        let prepare = PrepareDelivery {
            endpoint: claimed.delivery.endpoint,
            event: claimed.delivery.event,
        };
        let prepared = runner.tenant(&own, &prepare).await?;
        if prepared.endpoint.is_none() {
            // Deleted since the claim, and its deliveries with it.
            return Ok(());
        }
        let sent = self.attempt(claimed, &prepared).await;
        let context = match &prepared.event {
            Some(event) => {
                TenantContext::for_claimed_row(claimed.tenant, request_for(runner.kit(), event.trace))
            }
            None => own,
        };
        let settle = SettleDelivery {
            delivery: claimed.delivery.clone(),
            fence: claimed.fence.0,
            attempt: sent.attempt(claimed.delivery.attempts),
            result: sent.result,
            noise: noise(runner.kit()),
        };
        let settled = runner.tenant(&context, &settle).await?;
        sent.measure();
        if settled == Settled::Outdated {
            metrics::counter!("wisdom_webhook_fenced_total").increment(1);
            tracing::warn!(delivery = %claimed.delivery.id, "a delivery was settled after its lease had ended");
        }
        Ok(())
    }

    /// One try, without any unit of work open.
    async fn attempt(&self, claimed: &ClaimedDelivery, prepared: &Prepared) -> Sent {
        let kit = self.host.runner().kit();
        let now = kit.clock.now();
        let unsent = |reason| Sent::without_answer(now, AttemptResult::Unsent { reason });
        let (Some(endpoint), services) = (&prepared.endpoint, self.host.events()) else {
            return unsent(Unsent::Disabled);
        };
        if !endpoint.enabled {
            return unsent(Unsent::Disabled);
        }
        let Some(event) = &prepared.event else {
            return unsent(Unsent::EventMissing);
        };
        let Some(body) = body::body(event, &services.source) else {
            return unsent(Unsent::TooLarge);
        };
        let secrets = match secret::open(&*kit.sealer, claimed.tenant, endpoint, now) {
            Ok(secrets) => secrets,
            Err(error) => {
                tracing::error!(endpoint = %endpoint.id, %error, "a webhook secret does not open");
                return unsent(Unsent::SecretSealed);
            }
        };
        send(
            &*services.http,
            &self.policy(),
            endpoint,
            &secrets,
            event.id,
            body,
            now,
        )
        .await
    }
}
