//! What is known of an `OpenID` provider: its description and its keys, remembered within bounds and fetched by one request
//! at a time.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, HeaderValue};
use tokio::sync::Mutex;
use url::Url;
use wisdom_core::port::http_client::{AddressPolicy, HttpClient, OutgoingRequest};
use wisdom_core::random::{SecureRandom, SecureRandomExt as _};
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Kit;

use super::error::FederationError;
use super::id_token::IssuerRule;
use super::key_set::KeySet;
use super::metadata::Metadata;

/// So long what was fetched is used without asking again.
const FRESH: Duration = Duration::from_secs(3600);
/// So long it is used when the provider does not answer.
const STALE: Duration = Duration::from_secs(24 * 3600);
/// Between two fetches at least, so that tokens with invented keys make us ask nobody more often.
const GAP: Duration = Duration::from_secs(10);
/// The wait after a first failure; it doubles with each one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_METADATA: usize = 64 * 1024;
const MAX_KEYS: usize = 256 * 1024;

/// Whether what is remembered will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    Known,
    /// What is remembered was looked at and is not enough.
    Newer,
}

/// What to do when something is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Use,
    Fetch,
    Refuse(Duration),
}

/// One thing that is fetched, and how fetching it went.
#[derive(Debug)]
struct Slot<T> {
    value: Option<(Arc<T>, Timestamp)>,
    asked_at: Option<Timestamp>,
    failures: u32,
    wait_until: Timestamp,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            value: None,
            asked_at: None,
            failures: 0,
            wait_until: Timestamp::MIN,
        }
    }
}

impl<T> Slot<T> {
    fn step(&self, want: Want, now: Timestamp) -> Step {
        let younger_than = |life: Duration| {
            let fetched = self.value.as_ref().map(|(_, at)| *at);
            fetched.is_some_and(|at| now < at.saturating_add(life))
        };
        if want == Want::Known && younger_than(FRESH) {
            return Step::Use;
        }
        let gap_over = match (want, self.asked_at) {
            (Want::Newer, Some(asked)) => now >= asked.saturating_add(GAP),
            _ => true,
        };
        if now >= self.wait_until && gap_over {
            return Step::Fetch;
        }
        if younger_than(STALE) {
            Step::Use
        } else {
            Step::Refuse(self.wait_until.since(now).max(FIRST_WAIT))
        }
    }

    fn succeeded(&mut self, value: T, now: Timestamp) {
        self.value = Some((Arc::new(value), now));
        self.asked_at = Some(now);
        self.failures = 0;
        self.wait_until = now;
    }

    /// `jitter` is from 0 to 255: the wait is between half and all of its length.
    fn failed(&mut self, now: Timestamp, jitter: u8) {
        let doubled = FIRST_WAIT
            .saturating_mul(1 << self.failures.min(16))
            .min(LONGEST_WAIT);
        self.failures = self.failures.saturating_add(1);
        self.asked_at = Some(now);
        self.wait_until = now.saturating_add(doubled / 2 + doubled / 2 * u32::from(jitter) / 255);
    }

    fn known(&self, now: Timestamp) -> Option<Arc<T>> {
        let known = self
            .value
            .as_ref()
            .filter(|(_, at)| now < at.saturating_add(STALE));
        known.map(|(value, _)| Arc::clone(value))
    }
}

/// Description and keys of one provider.
pub(super) struct Directory {
    address: Url,
    rule: IssuerRule,
    policy: AddressPolicy,
    http: Arc<dyn HttpClient>,
    /// Held while fetching: of many who want the same, one asks and the others wait.
    metadata: Mutex<Slot<Metadata>>,
    keys: Mutex<Slot<KeySet>>,
}

impl Directory {
    pub(super) fn new(
        address: Url,
        rule: IssuerRule,
        policy: AddressPolicy,
        http: Arc<dyn HttpClient>,
    ) -> Self {
        Self {
            address,
            rule,
            policy,
            http,
            metadata: Mutex::default(),
            keys: Mutex::default(),
        }
    }

    pub(super) async fn metadata(&self, kit: &Kit) -> Result<Arc<Metadata>, FederationError> {
        let mut slot = self.metadata.lock().await;
        let now = kit.clock.now();
        fill(&mut slot, Want::Known, now, &*kit.random, async || {
            let body = self.fetch(&self.address, MAX_METADATA).await?;
            let read = Metadata::read(&body, &self.rule, self.policy);
            read.map_err(|fault| format!("its description: {fault}"))
        })
        .await
    }

    pub(super) async fn keys(&self, kit: &Kit, want: Want) -> Result<Arc<KeySet>, FederationError> {
        let metadata = self.metadata(kit).await?;
        let mut slot = self.keys.lock().await;
        let now = kit.clock.now();
        fill(&mut slot, want, now, &*kit.random, async || {
            let body = self.fetch(&metadata.jwks_uri, MAX_KEYS).await?;
            KeySet::read(&body).map_err(|fault| format!("its keys: {fault}"))
        })
        .await
    }

    async fn fetch(&self, address: &Url, most: usize) -> Result<bytes::Bytes, String> {
        let request = OutgoingRequest::get(address.clone())
            .with_header(ACCEPT, HeaderValue::from_static("application/json"))
            .with_timeout(TIMEOUT)
            .refusing_over(most)
            .to_addresses(self.policy);
        let response = self.http.send(request).await.map_err(|error| error.to_string())?;
        if response.status.as_u16() == 200 {
            Ok(response.body)
        } else {
            Err(format!("status {}", response.status.as_u16()))
        }
    }
}

async fn fill<T>(
    slot: &mut Slot<T>,
    want: Want,
    now: Timestamp,
    random: &dyn SecureRandom,
    fetch: impl AsyncFnOnce() -> Result<T, String>,
) -> Result<Arc<T>, FederationError> {
    match slot.step(want, now) {
        Step::Use => {}
        Step::Refuse(retry_after) => return Err(FederationError::Unavailable { retry_after }),
        Step::Fetch => match fetch().await {
            Ok(value) => slot.succeeded(value, now),
            Err(why) => {
                tracing::warn!(why, "a sign-in provider does not describe itself");
                metrics::counter!("wisdom_provider_fetch_failures_total").increment(1);
                let [jitter] = random.bytes::<1>()?;
                slot.failed(now, jitter);
            }
        },
    }
    slot.known(now).ok_or_else(|| FederationError::Unavailable {
        retry_after: slot.wait_until.since(now).max(FIRST_WAIT),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Copy)]
    struct Call {
        after: u64,
        newer: bool,
        up: bool,
        jitter: u8,
    }

    fn call() -> impl Strategy<Value = Call> {
        (0..20_000_u64, any::<bool>(), any::<bool>(), any::<u8>()).prop_map(|(after, newer, up, jitter)| {
            Call {
                after,
                newer,
                up,
                jitter,
            }
        })
    }

    proptest! {
        /// Whatever is asked and however the provider does: fetches for something newer keep their distance, nothing older
        /// than a day is used, something fresh is never fetched without need, and failures are never repeated at once.
        #[test]
        fn fetches_keep_their_distance(calls in prop::collection::vec(call(), 1..120)) {
            let mut slot = Slot::<()>::default();
            let mut now = Timestamp::EPOCH;
            let mut asked: Option<Timestamp> = None;
            let mut failing_since: Option<Timestamp> = None;
            for call in calls {
                now = now.saturating_add(Duration::from_millis(call.after));
                let want = if call.newer { Want::Newer } else { Want::Known };
                match slot.step(want, now) {
                    Step::Fetch => {
                        if let (Want::Newer, Some(asked)) = (want, asked) {
                            prop_assert!(now.since(asked) >= GAP);
                        }
                        if let Some(failed) = failing_since {
                            prop_assert!(now.since(failed) >= FIRST_WAIT / 2);
                        }
                        prop_assert!(want == Want::Newer || slot.value.as_ref().is_none_or(|(_, at)| now.since(*at) >= FRESH));
                        asked = Some(now);
                        if call.up {
                            slot.succeeded((), now);
                            failing_since = None;
                        } else {
                            slot.failed(now, call.jitter);
                            failing_since = Some(now);
                            prop_assert!(slot.wait_until.since(now) <= LONGEST_WAIT);
                        }
                    }
                    Step::Use => prop_assert!(slot.known(now).is_some()),
                    Step::Refuse(wait) => {
                        prop_assert!(slot.known(now).is_none());
                        prop_assert!(wait >= FIRST_WAIT && wait <= LONGEST_WAIT);
                    }
                }
            }
        }
    }

    #[test]
    fn waits_grow_to_their_bound() {
        let mut slot = Slot::<()>::default();
        let mut waits = Vec::new();
        for _ in 0..12 {
            slot.failed(Timestamp::EPOCH, 255);
            waits.push(slot.wait_until.since(Timestamp::EPOCH).as_secs());
        }
        assert_eq!(waits[..5], [1, 2, 4, 8, 16]);
        assert_eq!(waits.last(), Some(&LONGEST_WAIT.as_secs()));
    }

    #[test]
    fn a_provider_that_is_away_is_lived_without_for_a_day() {
        let mut slot = Slot::<()>::default();
        slot.succeeded((), Timestamp::EPOCH);
        let later = Timestamp::EPOCH.saturating_add(FRESH);
        assert_eq!(slot.step(Want::Known, later), Step::Fetch);
        slot.failed(later, 255);
        assert_eq!(slot.step(Want::Known, later), Step::Use);
        let day = Timestamp::EPOCH.saturating_add(STALE);
        slot.failed(day, 255);
        assert!(matches!(slot.step(Want::Known, day), Step::Refuse(_)));
    }
}
