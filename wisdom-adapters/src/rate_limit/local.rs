//! Rate limits counted in this process.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::StateInformationMiddleware;
use governor::{Quota, RateLimiter};
use url::Url;
use wisdom_core::port::rate_limit::{RateDecision, RateKey, RateLimit, RatePolicy};
use wisdom_core::port::{PortError, PortErrorKind};

use super::bounded::{BoundedStore, Budget};

const PORT: &str = "rate_limit";
/// Policies come from configuration and plans, so there are few; more than this is a fault of the caller.
const MAX_POLICIES: usize = 1024;
const SWEEP_EVERY: u64 = 1_000_000_000;

type Limiter<C> = RateLimiter<RateKey, BoundedStore, C, StateInformationMiddleware>;

/// Rate limits on governor. Each process counts for itself: with several of them a limit holds per process.
///
/// At most `max_keys` counters are held, for all policies together. When there are as many, counters that are back at
/// their start are dropped (at most once a second); a new key that still finds no room shares one counter per policy
/// with all others of its kind.
#[derive(Debug)]
pub struct LocalRateLimit<C: Clock = DefaultClock> {
    limiters: RwLock<HashMap<RatePolicy, Limiter<C>>>,
    budget: Arc<Budget>,
    clock: C,
    start: C::Instant,
    swept: AtomicU64,
}

impl LocalRateLimit {
    /// A limiter on the monotonic clock of the machine, with at most `max_keys` counters.
    #[must_use]
    pub fn new(max_keys: usize) -> Self {
        Self::with_clock(max_keys, DefaultClock::default())
    }

    /// Opens `local:?keys=100000`, which is also the number when it is left out.
    ///
    /// # Errors
    /// `Invalid` for another scheme, an unknown option, or a number of keys outside of 1000 to 100 million.
    pub fn from_url(url: &Url) -> Result<Self, PortError> {
        let invalid = |why: &str| PortError::new(PORT, "open", PortErrorKind::Invalid).with_source(why);
        if url.scheme() != "local" {
            return Err(invalid("the URL must begin with local:"));
        }
        let mut keys = 100_000;
        for (name, value) in url.query_pairs() {
            if name != "keys" {
                return Err(invalid(&format!("unknown option {name:?}; known is keys")));
            }
            keys = value.parse().map_err(|_| invalid("keys must be a number"))?;
        }
        if !(1_000..=100_000_000).contains(&keys) {
            return Err(invalid("keys must be from 1000 to 100000000"));
        }
        Ok(Self::new(keys))
    }
}

impl<C: Clock + Clone> LocalRateLimit<C> {
    /// A limiter on a clock of the caller's, for tests that turn time by hand (`governor`'s `FakeRelativeClock`).
    #[must_use]
    pub fn with_clock(max_keys: usize, clock: C) -> Self {
        let start = clock.now();
        let budget = Budget::new(max_keys);
        Self {
            limiters: RwLock::default(),
            budget,
            clock,
            start,
            swept: AtomicU64::new(0),
        }
    }

    /// Takes `cost` units of `key` under `policy` if they are there; see [`RateLimit::check`]. Allocates only for a
    /// policy or key that is new.
    ///
    /// # Errors
    /// `Internal` when more than 1024 different policies are in use.
    pub fn check_now(
        &self,
        policy: &RatePolicy,
        key: &RateKey,
        cost: u32,
    ) -> Result<RateDecision, PortError> {
        let known = {
            let limiters = self.limiters.read().unwrap_or_else(PoisonError::into_inner);
            limiters
                .get(policy)
                .map(|limiter| decide(limiter, policy, key, cost))
        };
        let decision = match known {
            Some(decision) => decision,
            None => self.check_new(policy, key, cost)?,
        };
        if self.budget.is_exceeded() {
            self.sweep_if_due();
        }
        Ok(decision)
    }

    fn check_new(&self, policy: &RatePolicy, key: &RateKey, cost: u32) -> Result<RateDecision, PortError> {
        let internal =
            |why: &'static str| PortError::new(PORT, "check", PortErrorKind::Internal).with_source(why);
        let quota =
            Quota::with_period(policy.interval()).ok_or_else(|| internal("the policy has no interval"))?;
        let mut limiters = self.limiters.write().unwrap_or_else(PoisonError::into_inner);
        if limiters.len() >= MAX_POLICIES && !limiters.contains_key(policy) {
            return Err(internal("too many different policies"));
        }
        let limiter = limiters.entry(policy.clone()).or_insert_with(|| {
            let store = BoundedStore::new(Arc::clone(&self.budget));
            RateLimiter::new(quota.allow_burst(policy.burst()), store, self.clock.clone())
        });
        Ok(decide(limiter, policy, key, cost))
    }

    /// Drops the counters that are back at their start. Happens by itself when room is needed.
    pub fn sweep(&self) {
        self.budget.clear_exceeded();
        for limiter in self
            .limiters
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
        {
            limiter.retain_recent();
        }
    }

    /// Counters that are held now.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.budget.used()
    }

    fn sweep_if_due(&self) {
        let now = self.clock.now().duration_since(self.start).as_u64();
        let last = self.swept.load(Ordering::Relaxed);
        let due = last == 0 || now.saturating_sub(last) >= SWEEP_EVERY;
        // One caller of those who see it due does it. Never 0, which stands for "not yet".
        if due
            && self
                .swept
                .compare_exchange(last, now.max(1), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.sweep();
        }
    }
}

fn decide<C: Clock>(limiter: &Limiter<C>, policy: &RatePolicy, key: &RateKey, cost: u32) -> RateDecision {
    const NEVER: RateDecision = RateDecision {
        allowed: false,
        remaining: 0,
        reset_after: Duration::ZERO,
        retry_after: None,
    };
    // Asked here, because governor (0.10) multiplies before it compares: a large cost would overflow, which panics in
    // debug builds and wraps around, so that it may pass, in release builds.
    if cost > policy.burst().get() {
        return NEVER;
    }
    match limiter.check_key_n(key, NonZeroU32::new(cost).unwrap_or(NonZeroU32::MIN)) {
        Ok(Ok(state)) => {
            let remaining = state.remaining_burst_capacity();
            let taken = policy.burst().get().saturating_sub(remaining);
            RateDecision {
                allowed: true,
                remaining,
                reset_after: policy.interval().saturating_mul(taken),
                retry_after: None,
            }
        }
        Ok(Err(refused)) => {
            let wait = refused.wait_time_from(limiter.clock().now());
            RateDecision {
                allowed: false,
                remaining: 0,
                reset_after: wait,
                retry_after: Some(wait),
            }
        }
        Err(_above_burst) => NEVER,
    }
}

#[async_trait]
impl<C> RateLimit for LocalRateLimit<C>
where
    C: Clock + Clone + std::fmt::Debug + Send + Sync + 'static,
{
    async fn check(&self, policy: &RatePolicy, key: &RateKey, cost: u32) -> Result<RateDecision, PortError> {
        self.check_now(policy, key, cost)
    }

    fn check_local(&self, policy: &RatePolicy, key: &RateKey, cost: u32) -> Option<RateDecision> {
        self.check_now(policy, key, cost).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use governor::clock::FakeRelativeClock;
    use proptest::prelude::*;

    use super::*;

    fn make() -> Ready<(LocalRateLimit, ())> {
        ready((LocalRateLimit::new(10_000), ()))
    }

    wisdom_core::rate_limit_conformance!(make);

    fn policy(name: &str, quota: u32, seconds: u64, burst: u32) -> RatePolicy {
        RatePolicy::new(name, quota, Duration::from_secs(seconds), burst).unwrap()
    }

    fn key(n: u32) -> RateKey {
        RateKey::other("test", &[&n.to_be_bytes()]).unwrap()
    }

    fn manual(max_keys: usize) -> (LocalRateLimit<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (LocalRateLimit::with_clock(max_keys, clock.clone()), clock)
    }

    #[test]
    fn login_policy_by_the_clock() {
        let (limit, clock) = manual(100);
        let login = policy("login", 5, 900, 5);
        let take = || limit.check_now(&login, &key(1), 1).unwrap();
        for left in [4, 3, 2, 1, 0] {
            assert_eq!(take().remaining, left);
        }
        assert_eq!(take().retry_after, Some(Duration::from_secs(180)));
        clock.advance(Duration::from_millis(179_999));
        assert_eq!(take().retry_after, Some(Duration::from_millis(1)));
        clock.advance(Duration::from_millis(1));
        assert!(take().allowed);
        assert!(!take().allowed);
        clock.advance(Duration::from_secs(900));
        assert_eq!(take().remaining, 4);
    }

    #[test]
    fn reset_is_when_all_units_are_back() {
        let (limit, clock) = manual(100);
        let tenant = policy("tenant", 600, 60, 50);
        let first = limit.check_now(&tenant, &key(1), 20).unwrap();
        assert_eq!((first.remaining, first.reset_after), (30, Duration::from_secs(2)));
        clock.advance(first.reset_after);
        assert_eq!(limit.check_now(&tenant, &key(1), 1).unwrap().remaining, 49);
    }

    #[test]
    fn keys_are_bounded_and_late_ones_share() {
        let (limit, _clock) = manual(100);
        let policy = policy("p", 1, 3600, 2);
        for n in 0..100 {
            assert!(limit.check_now(&policy, &key(n), 1).unwrap().allowed);
        }
        let passed = (100..10_000)
            .filter(|n| limit.check_now(&policy, &key(*n), 1).unwrap().allowed)
            .count();
        assert_eq!(passed, 2, "the shared counter has the burst of one key");
        assert_eq!(limit.keys(), 100);
        assert!(
            limit.check_now(&policy, &key(7), 1).unwrap().allowed,
            "who came before keeps the own counter"
        );
    }

    #[test]
    fn room_comes_back_by_itself() {
        let (limit, clock) = manual(100);
        let (slow, quick) = (policy("slow", 1, 3600, 1), policy("quick", 1, 1, 1));
        for n in 0..50 {
            limit.check_now(&slow, &key(n), 1).unwrap();
            limit.check_now(&quick, &key(n), 1).unwrap();
        }
        assert_eq!(limit.keys(), 100);
        clock.advance(Duration::from_secs(5));
        limit.check_now(&quick, &key(1000), 1).unwrap();
        assert_eq!(
            limit.keys(),
            50,
            "what was back at its start is gone, what was not is kept"
        );
        assert!(!limit.check_now(&slow, &key(0), 1).unwrap().allowed);
        assert!(limit.check_now(&quick, &key(1001), 1).unwrap().allowed);
        assert_eq!(limit.keys(), 51);
    }

    #[test]
    fn policies_are_bounded() {
        let (limit, _clock) = manual(10_000);
        for n in 0..1024 {
            limit
                .check_now(&policy(&format!("p{n}"), 1, 1, 1), &key(1), 1)
                .unwrap();
        }
        let one_more = policy("one-more", 1, 1, 1);
        assert_eq!(
            limit.check_now(&one_more, &key(1), 1).unwrap_err().kind,
            PortErrorKind::Internal
        );
        assert_eq!(limit.check_local(&one_more, &key(1), 1), None);
        assert!(
            !limit
                .check_now(&policy("p7", 1, 1, 1), &key(1), 1)
                .unwrap()
                .allowed,
            "known ones go on"
        );
    }

    #[test]
    fn opens_from_a_url() {
        let open = |url: &str| LocalRateLimit::from_url(&Url::parse(url).unwrap());
        assert!(open("local:").is_ok());
        assert!(open("local:?keys=5000").is_ok());
        for bad in ["redis:", "local:?keys=x", "local:?keys=10", "local:?key=5000"] {
            assert_eq!(open(bad).unwrap_err().kind, PortErrorKind::Invalid, "{bad}");
        }
    }

    proptest! {
        /// Against the definition: never more than `burst` plus what time gave back, and a refusal's wait is exact.
        #[test]
        fn never_above_the_line(
            quota in 1_u32..20,
            burst in 1_u32..10,
            steps in proptest::collection::vec((0_u64..400, 1_u32..4), 1..80),
        ) {
            let (limit, clock) = manual(10);
            let policy = policy("p", quota, 1, burst);
            let interval = policy.interval();
            let (mut taken, mut elapsed) = (0_u32, Duration::ZERO);
            for (millis, cost) in steps {
                clock.advance(Duration::from_millis(millis));
                elapsed += Duration::from_millis(millis);
                let decision = limit.check_now(&policy, &key(1), cost).unwrap();
                if decision.allowed {
                    taken += cost;
                } else if let Some(wait) = decision.retry_after {
                    prop_assert!(wait > Duration::ZERO);
                    clock.advance(wait);
                    elapsed += wait;
                    prop_assert!(limit.check_now(&policy, &key(1), cost).unwrap().allowed);
                    taken += cost;
                } else {
                    prop_assert!(cost > burst);
                }
                let line = u128::from(burst) + elapsed.as_nanos() / interval.as_nanos();
                prop_assert!(u128::from(taken) <= line, "{} taken, {} allowed by now", taken, line);
            }
        }
    }
}
