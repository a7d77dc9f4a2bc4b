//! Whether the service can do its work.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use wisdom_adapters::Wisdom;

/// How long an answer of storage counts, so that asking often costs nothing.
const COUNTS_FOR: Duration = Duration::from_secs(1);
/// How long storage may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(crate) struct Health {
    last: Mutex<Option<(Instant, bool)>>,
}

impl Health {
    /// Asks storage, at most once a second; who asks meanwhile waits for the same answer.
    pub(crate) async fn ready(&self, wisdom: &Wisdom) -> bool {
        let mut last = self.last.lock().await;
        if let Some((at, ready)) = *last
            && at.elapsed() < COUNTS_FOR
        {
            return ready;
        }
        let ready = match tokio::time::timeout(PATIENCE, wisdom.ping()).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(error = crate::telemetry::chain(&error), "storage does not answer");
                false
            }
            Err(_) => {
                tracing::warn!("storage did not answer in time");
                false
            }
        };
        #[expect(clippy::disallowed_methods, reason = "the age of a remembered answer")]
        let now = Instant::now();
        *last = Some((now, ready));
        ready
    }
}
