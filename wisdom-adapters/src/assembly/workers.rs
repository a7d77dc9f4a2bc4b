//! The workers of an assembly: relay, webhook deliveries, sights.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wisdom_auth::attempts::sweep::SweepAttempts;
use wisdom_core::context::{SystemContext, SystemReason};
use wisdom_events::relay::Relay;
use wisdom_events::webhook::delivery::DeliveryWorker;

use super::Wisdom;

/// Between two looks at the key file: well below the time a new key is announced.
const KEYS_EVERY: Duration = Duration::from_secs(10);
/// Between two sweeps of the counters of failed tries.
const ATTEMPTS_EVERY: Duration = Duration::from_mins(10);
const ATTEMPTS: SystemReason = SystemReason("auth.attempts.sweep");

/// Running workers. Dropping them stops them without waiting.
#[derive(Debug)]
pub struct Workers {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Wisdom {
    /// Starts the workers on the current tokio runtime.
    ///
    /// Several processes may run workers on one store, and several calls in one process do no harm.
    #[must_use = "workers stop when dropped"]
    pub fn start_workers(self: &Arc<Self>) -> Workers {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let (relay, deliveries) = (
            Relay::new(Arc::clone(self)),
            DeliveryWorker::new(Arc::clone(self)),
        );
        let token = stop.clone();
        tasks.spawn(async move { relay.run(token).await });
        let token = stop.clone();
        tasks.spawn(async move { deliveries.run(token).await });
        let sights = self
            .sights_inbox
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(sights) = sights {
            let (wisdom, token) = (Arc::clone(self), stop.clone());
            tasks.spawn(async move { wisdom.write_sights(sights, token).await });
        }
        let (wisdom, token) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move { wisdom.follow_keys(token).await });
        let (wisdom, token) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move { wisdom.sweep_attempts(token).await });
        let (wisdom, token) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move { wisdom.follow_revocations(token).await });
        Workers { stop, tasks }
    }

    /// Deletes counters of failed tries that nobody can need any more.
    async fn sweep_attempts(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(ATTEMPTS_EVERY) => {}
            }
            let context = SystemContext::worker(ATTEMPTS, self.request(None, None));
            if let Err(error) = self.runner.system(&context, &SweepAttempts {}).await {
                tracing::warn!(%error, "counters of failed tries could not be swept");
            }
        }
    }

    /// Keeps the signing keys fresh, and forgets revocations that no token needs any more.
    async fn follow_keys(self: Arc<Self>, stop: CancellationToken) {
        loop {
            self.auth.revocations.sweep(self.kit().clock.now());
            if let Err(error) = self.tend_keys().await {
                tracing::error!(%error, "the signing keys cannot be tended; the old ones stay in use");
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(KEYS_EVERY) => {}
            }
        }
    }
}

impl Workers {
    /// Asks the workers to finish what they have in hand and waits for them, at most this long. What is left then is
    /// claimed again once its lease ends.
    pub async fn stop(mut self, timeout: Duration) {
        self.stop.cancel();
        let finished = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(timeout, finished).await.is_err() {
            tracing::warn!("workers did not finish in time; their leases will end");
        }
    }
}
