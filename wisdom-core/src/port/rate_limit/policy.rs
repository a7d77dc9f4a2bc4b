//! A policy: its name and its numbers, checked once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

/// Why numbers are no rate policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RatePolicyError {
    /// The name goes into the `RateLimit` header fields as a quoted string.
    #[error("the name must be 1 to 64 of the characters a-z, A-Z, 0-9, '.', '_', '-'")]
    Name,
    /// No unit would ever come.
    #[error("the quota must be at least 1")]
    Quota,
    /// No call would ever be allowed.
    #[error("the burst must be at least 1")]
    Burst,
    /// The header fields count in whole seconds.
    #[error("the window must be a whole number of seconds, from one second to 31 days")]
    Window,
    /// Units that come faster than one each microsecond can't be counted apart.
    #[error("the quota must be at most 1000000 a second")]
    TooFast,
    /// The burst would take more than a year to fill.
    #[error("the burst must fill within 366 days")]
    TooSlow,
}

/// `quota` units each `window`, of which `burst` may be taken at once.
///
/// Limiters look counters up by policy at every request, so that its hash is made once, with the policy. Policies come
/// from configuration and plans, never from a request, which is why a hash without a secret is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatePolicy {
    hash: u64,
    name: Arc<str>,
    quota: NonZeroU32,
    window: Duration,
    burst: NonZeroU32,
}

impl RatePolicy {
    /// A policy with every number checked.
    ///
    /// # Errors
    /// Which rule is broken.
    pub fn new(name: &str, quota: u32, window: Duration, burst: u32) -> Result<Self, RatePolicyError> {
        let named = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if !named {
            return Err(RatePolicyError::Name);
        }
        let quota = NonZeroU32::new(quota).ok_or(RatePolicyError::Quota)?;
        let burst = NonZeroU32::new(burst).ok_or(RatePolicyError::Burst)?;
        let seconds = window.as_secs();
        if window.subsec_nanos() != 0 || !(1..=31 * 86_400).contains(&seconds) {
            return Err(RatePolicyError::Window);
        }
        if u64::from(quota.get()) > seconds.saturating_mul(1_000_000) {
            return Err(RatePolicyError::TooFast);
        }
        let mut hasher = DefaultHasher::new();
        (name, quota, window, burst).hash(&mut hasher);
        let policy = Self {
            hash: hasher.finish(),
            name: name.into(),
            quota,
            window,
            burst,
        };
        if policy
            .interval()
            .checked_mul(burst.get())
            .is_none_or(|fill| fill > Duration::from_secs(366 * 86_400))
        {
            return Err(RatePolicyError::TooSlow);
        }
        Ok(policy)
    }

    /// Name, as in `RateLimit-Policy`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Units that come in a window (`q`).
    #[must_use]
    pub fn quota(&self) -> NonZeroU32 {
        self.quota
    }

    /// The window (`w`), in whole seconds.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.window
    }

    /// Units that may be taken at once by a key that was idle.
    #[must_use]
    pub fn burst(&self) -> NonZeroU32 {
        self.burst
    }

    /// Time that one unit takes to come back, at least a microsecond.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.window / self.quota.get()
    }
}

impl Hash for RatePolicy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, quota: u32, seconds: u64, burst: u32) -> Result<RatePolicy, RatePolicyError> {
        RatePolicy::new(name, quota, Duration::from_secs(seconds), burst)
    }

    #[test]
    fn numbers_are_checked() {
        assert_eq!(
            new("tenant", 600, 60, 50).unwrap().interval(),
            Duration::from_millis(100)
        );
        assert_eq!(new("", 1, 1, 1), Err(RatePolicyError::Name));
        assert_eq!(new("a\"b", 1, 1, 1), Err(RatePolicyError::Name));
        assert_eq!(new("a", 0, 1, 1), Err(RatePolicyError::Quota));
        assert_eq!(new("a", 1, 1, 0), Err(RatePolicyError::Burst));
        assert_eq!(new("a", 1, 0, 1), Err(RatePolicyError::Window));
        assert_eq!(
            RatePolicy::new("a", 1, Duration::from_millis(1500), 1),
            Err(RatePolicyError::Window)
        );
        assert_eq!(new("a", 1_000_001, 1, 1), Err(RatePolicyError::TooFast));
        assert_eq!(new("a", 1, 31 * 86_400, 12), Err(RatePolicyError::TooSlow));
        assert_eq!(new("a", 1, 31 * 86_400, u32::MAX), Err(RatePolicyError::TooSlow));
    }
}
