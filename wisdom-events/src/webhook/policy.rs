//! The figures of webhooks.

use std::time::Duration;

use wisdom_core::policy::Policy;
use wisdom_core::port::http_client::AddressPolicy;

/// Configured figures of webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookPolicy {
    /// Whether endpoints may be on this machine, for development and tests. Default no.
    pub allow_loopback: bool,
    /// Endpoints of one tenant at most, 1 to 100. Default 20.
    pub max_endpoints: u32,
    /// Deliveries under way at the same time in one process, 1 to 256. Default 32.
    pub in_hand: u32,
    /// Deliveries under way at the same time to one endpoint. Default 5.
    pub per_endpoint: u32,
    /// Time for one try, from look-up to the last byte. Default 15 s.
    pub timeout: Duration,
    /// How long a claim of a delivery holds; must be longer than `timeout` and two commits. Default 60 s.
    pub lease: Duration,
    /// Longest time between two looks at the queue. Default 1 s.
    pub poll: Duration,
    /// After how long of nothing but failures an endpoint is disabled. Default 5 days.
    pub disable_after: Duration,
    /// How long a replaced secret signs along. Default 24 h.
    pub old_secret_signs: Duration,
}

impl Default for WebhookPolicy {
    fn default() -> Self {
        Self {
            allow_loopback: false,
            max_endpoints: 20,
            in_hand: 32,
            per_endpoint: 5,
            timeout: Duration::from_secs(15),
            lease: Duration::from_mins(1),
            poll: Duration::from_secs(1),
            disable_after: Duration::from_hours(5 * 24),
            old_secret_signs: Duration::from_hours(24),
        }
    }
}

impl Policy for WebhookPolicy {}

impl WebhookPolicy {
    /// Which addresses are called.
    #[must_use]
    pub const fn addresses(&self) -> AddressPolicy {
        if self.allow_loopback {
            AddressPolicy::AllowLoopback
        } else {
            AddressPolicy::PublicOnly
        }
    }
}
