//! Rate limit: how often a key may do something, by the generic cell rate algorithm.

#[cfg(feature = "conformance")]
pub mod conformance;
mod key;
mod policy;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

pub use key::RateKey;
pub use policy::{RatePolicy, RatePolicyError};

use super::PortError;

/// What a limiter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateDecision {
    /// Whether the call may go on. Only then were its units taken.
    pub allowed: bool,
    /// Units that could be taken at once after this call; 0 when refused.
    pub remaining: u32,
    /// When allowed: time until all units are there again, rounded up to the time that one unit takes.
    /// When refused: equal to `retry_after` (so that `t` of `RateLimit` and `Retry-After` name one instant).
    pub reset_after: Duration,
    /// When refused: time until the same call would be allowed, if nobody else takes units meanwhile.
    /// `None` when allowed, and when the cost is above the burst of the policy, so that waiting does not help.
    pub retry_after: Option<Duration>,
}

/// Counts calls per policy and key.
///
/// Generic cell rate algorithm: units come back one by one, evenly over the window, and up to `burst` of them may be
/// taken at once. There is no instant at which a whole window's worth becomes free. A refused call takes nothing.
/// One check is one atomic step; two policies with the same name but other numbers are two policies.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait RateLimit: Send + Sync + Debug {
    /// Takes `cost` units of `key` under `policy` if they are there. A cost of 0 counts as 1.
    ///
    /// # Errors
    /// When the counters can't be reached, or the adapter can hold no more policies. Whether the caller then goes on
    /// is the caller's rule: a limiter for log-in never opens.
    async fn check(&self, policy: &RatePolicy, key: &RateKey, cost: u32) -> Result<RateDecision, PortError>;

    /// The same decision at once, from adapters that count in this process. `None`: use [`RateLimit::check`].
    /// Units are taken only when there is an answer.
    fn check_local(&self, policy: &RatePolicy, key: &RateKey, cost: u32) -> Option<RateDecision> {
        let _ = (policy, key, cost);
        None
    }
}

/// Conveniences over any [`RateLimit`].
#[async_trait]
pub trait RateLimitExt: RateLimit {
    /// [`RateLimit::check_local`] where the adapter has it, else [`RateLimit::check`].
    ///
    /// # Errors
    /// As [`RateLimit::check`].
    async fn take(&self, policy: &RatePolicy, key: &RateKey, cost: u32) -> Result<RateDecision, PortError> {
        match self.check_local(policy, key, cost) {
            Some(decision) => Ok(decision),
            None => self.check(policy, key, cost).await,
        }
    }
}

impl<L: RateLimit + ?Sized> RateLimitExt for L {}
