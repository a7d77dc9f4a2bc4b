//! What every rate limiter must do. Expand with [`rate_limit_conformance!`](crate::rate_limit_conformance).
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

use std::time::Duration;

use uuid::Uuid;

use super::{RateDecision, RateKey, RateLimit, RateLimitExt, RatePolicy};
use crate::id::TenantId;

/// Expands to one named test a case.
///
/// `$make` is an async function without arguments that returns `(limiter, guard)`: a limiter whose counters no other
/// test touches, on the real clock, and anything that has to live as long as it (`()` if nothing).
#[macro_export]
macro_rules! rate_limit_conformance {
    ($make:expr) => {
        $crate::rate_limit_conformance!(@cases $make;
            burst_is_allowed_and_no_more
            remaining_counts_down
            refusal_says_when_to_come_back
            waiting_as_told_is_enough
            units_come_back_one_by_one
            refusal_takes_nothing
            cost_takes_that_many
            cost_is_all_or_nothing
            cost_above_burst_never_fits
            cost_zero_counts_as_one
            keys_do_not_meet
            tenants_do_not_meet
            policies_do_not_meet
            same_name_other_numbers_is_another_policy
            parallel_callers_get_the_burst_exactly
            both_ways_share_one_counter
        );
    };
    (@cases $make:expr; $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (subject, _guard) = ($make)().await;
                $crate::port::rate_limit::conformance::$case(subject).await;
            }
        )*
    };
}

/// One unit an hour after the first `burst`: time does not disturb the count.
fn slow(name: &str, burst: u32) -> RatePolicy {
    RatePolicy::new(name, 1, Duration::from_secs(3600), burst).expect("a policy")
}

/// One unit in 200 ms.
fn fast(burst: u32) -> RatePolicy {
    RatePolicy::new("fast", 5, Duration::from_secs(1), burst).expect("a policy")
}

fn key(name: &str) -> RateKey {
    RateKey::other("conformance", &[name.as_bytes()]).expect("a short key")
}

async fn take(subject: &impl RateLimit, policy: &RatePolicy, key: &RateKey, cost: u32) -> RateDecision {
    subject.check(policy, key, cost).await.expect("check")
}

/// Exactly `burst` calls of an idle key pass at once.
pub async fn burst_is_allowed_and_no_more(subject: impl RateLimit) {
    let policy = slow("p", 10);
    for n in 0..10 {
        assert!(take(&subject, &policy, &key("a"), 1).await.allowed, "call {n}");
    }
    for _ in 0..5 {
        assert!(!take(&subject, &policy, &key("a"), 1).await.allowed);
    }
}

/// `remaining` is what could still be taken.
pub async fn remaining_counts_down(subject: impl RateLimit) {
    let policy = slow("p", 3);
    for left in [2, 1, 0] {
        let decision = take(&subject, &policy, &key("a"), 1).await;
        assert_eq!(
            (decision.allowed, decision.remaining, decision.retry_after),
            (true, left, None)
        );
        assert!(decision.reset_after <= policy.interval() * (3 - left));
        assert!(decision.reset_after > policy.interval() * (2 - left));
    }
    assert_eq!(take(&subject, &policy, &key("a"), 1).await.remaining, 0);
}

/// A refusal names one instant.
pub async fn refusal_says_when_to_come_back(subject: impl RateLimit) {
    let policy = slow("p", 1);
    take(&subject, &policy, &key("a"), 1).await;
    let refused = take(&subject, &policy, &key("a"), 1).await;
    assert!(!refused.allowed);
    let wait = refused.retry_after.expect("waiting helps");
    assert_eq!(refused.reset_after, wait);
    assert!(
        wait > Duration::from_secs(3590) && wait <= Duration::from_secs(3600),
        "{wait:?}"
    );
}

/// `retry_after` is neither too short nor much too long.
pub async fn waiting_as_told_is_enough(subject: impl RateLimit) {
    let policy = fast(1);
    assert!(take(&subject, &policy, &key("a"), 1).await.allowed);
    let wait = take(&subject, &policy, &key("a"), 1)
        .await
        .retry_after
        .expect("waiting helps");
    assert!(wait <= Duration::from_millis(200), "{wait:?}");
    // Timers of the runtime count in milliseconds.
    tokio::time::sleep(wait + Duration::from_millis(2)).await;
    assert!(take(&subject, &policy, &key("a"), 1).await.allowed);
}

/// After the time of one unit there is one unit, not a whole burst.
pub async fn units_come_back_one_by_one(subject: impl RateLimit) {
    let policy = RatePolicy::new("p", 1, Duration::from_secs(1), 3).expect("a policy");
    assert!(take(&subject, &policy, &key("a"), 3).await.allowed);
    tokio::time::sleep(Duration::from_millis(1050)).await;
    assert!(take(&subject, &policy, &key("a"), 1).await.allowed);
    assert!(!take(&subject, &policy, &key("a"), 1).await.allowed);
}

/// Knocking while refused does not push the end away.
pub async fn refusal_takes_nothing(subject: impl RateLimit) {
    let policy = slow("p", 1);
    take(&subject, &policy, &key("a"), 1).await;
    let first = take(&subject, &policy, &key("a"), 1)
        .await
        .retry_after
        .expect("waiting helps");
    for _ in 0..50 {
        take(&subject, &policy, &key("a"), 1).await;
    }
    let last = take(&subject, &policy, &key("a"), 1)
        .await
        .retry_after
        .expect("waiting helps");
    assert!(last <= first, "{last:?} after {first:?}");
}

/// A route may cost more than one.
pub async fn cost_takes_that_many(subject: impl RateLimit) {
    let policy = slow("p", 10);
    assert_eq!(take(&subject, &policy, &key("a"), 7).await.remaining, 3);
    assert_eq!(take(&subject, &policy, &key("a"), 3).await.remaining, 0);
    assert!(!take(&subject, &policy, &key("a"), 1).await.allowed);
}

/// A call that can't have all its units takes none.
pub async fn cost_is_all_or_nothing(subject: impl RateLimit) {
    let policy = slow("p", 10);
    take(&subject, &policy, &key("a"), 7).await;
    assert!(!take(&subject, &policy, &key("a"), 4).await.allowed);
    assert!(take(&subject, &policy, &key("a"), 3).await.allowed);
}

/// No wait makes room for it, and it takes nothing.
pub async fn cost_above_burst_never_fits(subject: impl RateLimit) {
    let policy = slow("p", 3);
    let decision = take(&subject, &policy, &key("a"), 4).await;
    assert!(!decision.allowed);
    assert_eq!(decision.retry_after, None);
    assert!(!take(&subject, &policy, &key("a"), u32::MAX).await.allowed);
    assert!(take(&subject, &policy, &key("a"), 3).await.allowed);
}

/// Nothing is free.
pub async fn cost_zero_counts_as_one(subject: impl RateLimit) {
    let policy = slow("p", 1);
    assert!(take(&subject, &policy, &key("a"), 0).await.allowed);
    assert!(!take(&subject, &policy, &key("a"), 0).await.allowed);
}

/// Each key has its own units.
pub async fn keys_do_not_meet(subject: impl RateLimit) {
    let policy = slow("p", 1);
    assert!(take(&subject, &policy, &key("a"), 1).await.allowed);
    assert!(take(&subject, &policy, &key("b"), 1).await.allowed);
    assert!(!take(&subject, &policy, &key("a"), 1).await.allowed);
    let split = |parts: &[&[u8]]| RateKey::other("conformance", parts).expect("key");
    assert!(take(&subject, &policy, &split(&[b"x", b"yz"]), 1).await.allowed);
    assert!(take(&subject, &policy, &split(&[b"xy", b"z"]), 1).await.allowed);
}

/// The same part in two tenants has two counters.
pub async fn tenants_do_not_meet(subject: impl RateLimit) {
    let policy = slow("p", 1);
    for n in 1..=20 {
        let tenant = TenantId::from_uuid(Uuid::from_u128(n));
        let key = RateKey::in_tenant(tenant, "export", &[b"same"]).expect("key");
        assert!(take(&subject, &policy, &key, 1).await.allowed, "tenant {n}");
        assert!(!take(&subject, &policy, &key, 1).await.allowed, "tenant {n}");
    }
}

/// One key under two policies has two counters.
pub async fn policies_do_not_meet(subject: impl RateLimit) {
    assert!(take(&subject, &slow("p", 1), &key("a"), 1).await.allowed);
    assert!(take(&subject, &slow("q", 1), &key("a"), 1).await.allowed);
    assert!(!take(&subject, &slow("p", 1), &key("a"), 1).await.allowed);
}

/// Plans give tenants other numbers under one name.
pub async fn same_name_other_numbers_is_another_policy(subject: impl RateLimit) {
    assert!(take(&subject, &slow("p", 1), &key("a"), 1).await.allowed);
    assert_eq!(take(&subject, &slow("p", 5), &key("a"), 1).await.remaining, 4);
    assert!(!take(&subject, &slow("p", 1), &key("a"), 1).await.allowed);
}

/// No unit is handed out twice and none is lost.
pub async fn parallel_callers_get_the_burst_exactly(subject: impl RateLimit + 'static) {
    let subject = std::sync::Arc::new(subject);
    let policy = slow("p", 50);
    let mut callers = Vec::new();
    for _ in 0..8 {
        let (subject, policy) = (std::sync::Arc::clone(&subject), policy.clone());
        callers.push(tokio::spawn(async move {
            let mut passed = 0;
            for _ in 0..25 {
                let decision = subject.check(&policy, &key("a"), 1).await.expect("check");
                passed += usize::from(decision.allowed);
                tokio::task::yield_now().await;
            }
            passed
        }));
    }
    let mut passed = 0;
    for caller in callers {
        passed += caller.await.expect("join");
    }
    assert_eq!(passed, 50);
}

/// The fast path, where there is one, counts on the same counters.
pub async fn both_ways_share_one_counter(subject: impl RateLimit) {
    let policy = slow("p", 2);
    assert!(subject.take(&policy, &key("a"), 1).await.expect("take").allowed);
    assert!(take(&subject, &policy, &key("a"), 1).await.allowed);
    assert!(!subject.take(&policy, &key("a"), 1).await.expect("take").allowed);
    assert!(!take(&subject, &policy, &key("a"), 1).await.allowed);
}
