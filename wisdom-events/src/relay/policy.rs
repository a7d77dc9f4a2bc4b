//! The relay's figures.

use std::time::Duration;

use wisdom_core::policy::Policy;

use super::backoff::Backoff;

/// Configured figures of the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxPolicy {
    /// How long a claim holds; must be longer than `consumer_timeout`. Default 30 s.
    pub lease: Duration,
    /// How long one consumer may take for one event. Default 20 s.
    pub consumer_timeout: Duration,
    /// Events told at the same time, 1 to 256. Default 16.
    pub in_hand: u32,
    /// Longest time between two looks at the outbox. Default 1 s.
    pub poll: Duration,
    /// When events are tried again.
    pub backoff: Backoff,
    /// How long relayed events are kept. Default 30 days.
    pub keep: Duration,
}

impl Default for OutboxPolicy {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(30),
            consumer_timeout: Duration::from_secs(20),
            in_hand: 16,
            poll: Duration::from_secs(1),
            backoff: Backoff::default(),
            keep: Duration::from_hours(30 * 24),
        }
    }
}

impl Policy for OutboxPolicy {}
