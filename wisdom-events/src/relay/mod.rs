//! The relay: takes committed events from the outbox and tells every consumer, at least once, in order for each key.

pub mod backoff;
mod policy;
pub mod stream;
pub mod turn;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use wisdom_core::context::{SystemContext, SystemReason};
use wisdom_core::event::StoredEvent;
use wisdom_core::port::Retry;
use wisdom_core::unit_of_work::Kit;

use self::backoff::{Backoff, Next};
use self::turn::{ClaimEvents, CountOutbox, Settlement, Verdict};
use crate::bus::{Bus, Consumer};
use crate::error::EventsError;
use crate::kit::{EventsHost, noise, own_request};
use crate::outbox::ClaimedEvent;
use crate::outbox::sweep::SweepOutbox;
use crate::worker::{self, Work};

pub use policy::OutboxPolicy;

/// Why the relay works outside of any tenant.
pub const RELAY: SystemReason = SystemReason("events.relay");

/// Between two readings of the outbox's metrics.
const METRICS_EVERY: Duration = Duration::from_secs(15);
/// Readings of metrics between two sweeps: ten minutes.
const SWEEP_EVERY: u32 = 40;
/// Bytes of a reason that are kept with an event.
const MAX_REASON: usize = 500;

/// The relay of one process. Any number of processes may run one on the same store.
///
/// Events are claimed by row state with a lease and a fence, never by position, and only heads of their key; so two
/// events of a key are never under way at once, and a failing one holds up its key and nothing else.
pub struct Relay<H> {
    work: Arc<RelayWork<H>>,
}

impl<H> fmt::Debug for Relay<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").finish_non_exhaustive()
    }
}

impl<H: EventsHost> Relay<H> {
    /// A relay on this host.
    #[must_use]
    pub fn new(host: Arc<H>) -> Self {
        Self {
            work: Arc::new(RelayWork { host }),
        }
    }

    /// Relays until `stop`, then finishes and settles what is in hand (at most
    /// [`OutboxPolicy::consumer_timeout`] and a commit).
    pub async fn run(&self, stop: CancellationToken) {
        let policy = self.work.policy();
        let hands = hands(&policy);
        let waker = &self.work.host.events().relay;
        let relaying = worker::run(Arc::clone(&self.work), hands, policy.poll, waker, &stop);
        tokio::join!(relaying, self.keep_house(&stop));
    }

    /// Relays all that is due and answers how many events were told (again). For tests and the command line.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn drain(&self) -> Result<usize, EventsError> {
        worker::drain(&*self.work, hands(&self.work.policy())).await
    }

    /// Keeps metrics and deletes what is old.
    async fn keep_house(&self, stop: &CancellationToken) {
        let mut ticks = tokio::time::interval(METRICS_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut until_sweep = SWEEP_EVERY;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            if let Err(error) = self.measure().await {
                tracing::debug!(%error, "the outbox could not be counted");
            }
            until_sweep -= 1;
            if until_sweep == 0 {
                until_sweep = SWEEP_EVERY;
                let sweep = SweepOutbox::default();
                if let Err(error) = self.work.host.runner().system(&self.work.context(), &sweep).await {
                    tracing::warn!(%error, "the outbox could not be swept");
                }
            }
        }
    }

    async fn measure(&self) -> Result<(), EventsError> {
        let status = self
            .work
            .host
            .runner()
            .system(&self.work.context(), &CountOutbox {})
            .await?;
        metrics::gauge!("wisdom_outbox_lag_seconds").set(status.lag_s);
        metrics::gauge!("wisdom_outbox_pending").set(gauge(status.counts.pending));
        metrics::gauge!("wisdom_outbox_dead").set(gauge(status.counts.dead));
        Ok(())
    }
}

fn hands(policy: &OutboxPolicy) -> usize {
    usize::try_from(policy.in_hand.clamp(1, 256)).unwrap_or(1)
}

fn gauge(count: i64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

struct RelayWork<H> {
    host: Arc<H>,
}

impl<H> fmt::Debug for RelayWork<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayWork").finish_non_exhaustive()
    }
}

impl<H: EventsHost> RelayWork<H> {
    fn kit(&self) -> &Kit {
        self.host.runner().kit()
    }

    fn policy(&self) -> Arc<OutboxPolicy> {
        self.kit().policies.get()
    }

    fn context(&self) -> SystemContext {
        SystemContext::worker(RELAY, own_request(self.kit()))
    }
}

impl<H: EventsHost> Work for RelayWork<H> {
    const NAME: &'static str = "relay";
    type Item = ClaimedEvent;
    type Done = Settlement;

    async fn turn(&self, done: &[Settlement], free: usize) -> Result<Vec<ClaimedEvent>, EventsError> {
        let claim = u32::try_from(free).unwrap_or(u32::MAX);
        let turn = ClaimEvents {
            settle: done.to_vec(),
            claim,
        };
        let turn = self.host.runner().system(&self.context(), &turn).await?;
        for settlement in done {
            count(&settlement.verdict);
        }
        if turn.fenced_off > 0 {
            metrics::counter!("wisdom_relay_fenced_total").increment(u64::from(turn.fenced_off));
            tracing::warn!(
                count = turn.fenced_off,
                "events were settled after their lease had ended"
            );
        }
        Ok(turn.claimed)
    }

    async fn work(&self, claimed: ClaimedEvent) -> Settlement {
        let policy = self.policy();
        let verdict = tell(&self.host.events().bus, &claimed, &policy, noise(self.kit())).await;
        match &verdict {
            Verdict::Complete => {}
            Verdict::Retry { reason, .. } => {
                tracing::warn!(event = %claimed.event.id, kind = claimed.event.kind, tries = claimed.attempts, reason, "an event will be told again");
            }
            Verdict::Bury { reason } => {
                tracing::error!(event = %claimed.event.id, kind = claimed.event.kind, tries = claimed.attempts, reason, "an event became a dead letter");
            }
        }
        Settlement {
            event: claimed.event.id,
            fence: claimed.fence.0,
            verdict,
        }
    }
}

fn count(verdict: &Verdict) {
    match verdict {
        Verdict::Complete => metrics::counter!("wisdom_events_relayed_total").increment(1),
        Verdict::Retry { .. } => metrics::counter!("wisdom_events_retried_total").increment(1),
        Verdict::Bury { .. } => metrics::counter!("wisdom_events_dead_total").increment(1),
    }
}

/// Tells every consumer that wants the event and judges how it went.
async fn tell(bus: &Bus, claimed: &ClaimedEvent, policy: &OutboxPolicy, noise: u32) -> Verdict {
    let tries = u32::try_from(claimed.attempts).unwrap_or(0);
    if tries > policy.backoff.max_tries {
        // Claimed once more than there are tries: whoever had it last did not live to say how it went.
        return Verdict::Bury {
            reason: "its last try never ended".to_owned(),
        };
    }
    let consumers: Vec<_> = bus.wanting(&claimed.event.kind).collect();
    let told = join_all(
        consumers
            .iter()
            .map(|consumer| tell_one(consumer.as_ref(), &claimed.event, policy.consumer_timeout)),
    );
    let failures: Vec<_> = told.await.into_iter().flatten().collect();
    judge(&failures, &policy.backoff, tries, noise)
}

/// A consumer's name, whether to try again, and why.
type ToldBadly = (&'static str, Retry, String);

async fn tell_one(consumer: &dyn Consumer, event: &StoredEvent, limit: Duration) -> Option<ToldBadly> {
    let name = consumer.name();
    // A consumer that panics may have left its own state behind, but shares none with the relay.
    let handling = AssertUnwindSafe(consumer.handle(event)).catch_unwind();
    match tokio::time::timeout(limit, handling).await {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(error))) => Some((name, error.retry, error.to_string())),
        Ok(Err(_panic)) => Some((name, Retry::Backoff, "panicked".to_owned())),
        Err(_elapsed) => Some((name, Retry::Backoff, "took too long".to_owned())),
    }
}

/// One verdict from all failures: as long as one consumer can be helped by another try there is one.
fn judge(failures: &[ToldBadly], backoff: &Backoff, tries: u32, noise: u32) -> Verdict {
    if failures.is_empty() {
        return Verdict::Complete;
    }
    let mut reason = String::new();
    let mut retry = Retry::Never;
    for (name, hint, text) in failures {
        if !reason.is_empty() {
            reason.push_str("; ");
        }
        reason.push_str(name);
        reason.push_str(": ");
        reason.push_str(text);
        retry = match (retry, *hint) {
            (Retry::After(a), Retry::After(b)) => Retry::After(a.max(b)),
            (Retry::After(a), _) | (_, Retry::After(a)) => Retry::After(a),
            (Retry::Never, Retry::Never) => Retry::Never,
            _ => Retry::Backoff,
        };
    }
    let end = reason.floor_char_boundary(MAX_REASON);
    reason.truncate(end);
    match backoff.next(tries, retry, noise) {
        Next::Again(wait) => Verdict::Retry {
            after_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            reason,
        },
        Next::GiveUp => Verdict::Bury { reason },
    }
}

#[cfg(test)]
mod tests;
