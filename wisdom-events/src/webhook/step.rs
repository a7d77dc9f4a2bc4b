//! What one try of a delivery leads to. A pure state machine: time and noise come in, decisions come out.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::port::PortErrorKind;
use wisdom_core::time::Timestamp;

use super::schedule::{Hint, wait_after};
use super::{Delivery, DeliveryState, Endpoint};

/// Why an endpoint was disabled by the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisableReason {
    /// The receiver answered 410.
    Gone,
    /// Nothing but failures for too long.
    Failing,
}

impl DisableReason {
    /// The name in storage, events and APIs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

/// Why nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unsent {
    /// The endpoint is disabled.
    Disabled,
    /// The event is no longer stored.
    EventMissing,
    /// Even without its data the event is too large.
    TooLarge,
    /// The signing secret does not open: an operator's fault, so it is tried again.
    SecretSealed,
    /// The request could not be built: a fault of ours, so it is tried again.
    Internal,
}

impl Unsent {
    /// The name in an attempt's `error`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::EventMissing => "event_missing",
            Self::TooLarge => "too_large",
            Self::SecretSealed => "secret_sealed",
            Self::Internal => "internal",
        }
    }

    const fn is_final(self) -> bool {
        matches!(self, Self::Disabled | Self::EventMissing | Self::TooLarge)
    }
}

/// Why no answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoAnswer {
    /// Not in time.
    Timeout,
    /// No connection, or it was cut.
    Unavailable,
    /// The address is one that we do not call.
    Refused,
    /// Not HTTP, or something else unexpected.
    Protocol,
}

impl NoAnswer {
    /// The name in an attempt's `error`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
            Self::Protocol => "protocol",
        }
    }
}

impl From<PortErrorKind> for NoAnswer {
    fn from(kind: PortErrorKind) -> Self {
        match kind {
            PortErrorKind::Timeout => Self::Timeout,
            PortErrorKind::Refused => Self::Refused,
            PortErrorKind::Unavailable => Self::Unavailable,
            _ => Self::Protocol,
        }
    }
}

/// How one try went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AttemptResult {
    /// The receiver answered.
    Answered {
        /// Its status.
        status: u16,
        /// Its `Retry-After`, in seconds.
        retry_after_s: Option<u64>,
    },
    /// It did not.
    NoAnswer {
        /// Why.
        error: NoAnswer,
    },
    /// It was not asked.
    Unsent {
        /// Why.
        reason: Unsent,
    },
}

impl AttemptResult {
    /// Whether the event was delivered: 2xx and nothing else, so a redirect is a failure.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(
            self,
            Self::Answered {
                status: 200..=299,
                ..
            }
        )
    }

    /// What the attempt's `error` says.
    #[must_use]
    pub const fn error(&self) -> Option<&'static str> {
        match self {
            Self::Answered { .. } => None,
            Self::NoAnswer { error } => Some(error.as_str()),
            Self::Unsent { reason } => Some(reason.as_str()),
        }
    }

    fn hint(&self) -> Hint {
        match *self {
            Self::Answered {
                status,
                retry_after_s,
            } => Hint {
                asked: retry_after_s.map(Duration::from_secs),
                overloaded: matches!(status, 429 | 502 | 504),
            },
            Self::NoAnswer { error } => Hint {
                asked: None,
                overloaded: error == NoAnswer::Timeout,
            },
            Self::Unsent { .. } => Hint::default(),
        }
    }
}

/// What a try means for its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Nothing new.
    Unchanged,
    /// It works again.
    Recovered,
    /// This was the first failure after a success; from here on time counts.
    FailingSince(Timestamp),
    /// Nothing is sent there any more until somebody enables it.
    Disabled(DisableReason),
}

/// What follows from a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The delivery's new state.
    pub state: DeliveryState,
    /// When it is due again, if it is pending.
    pub due_at: Timestamp,
    /// What it means for the endpoint.
    pub health: Health,
}

/// Decides what follows from a try of `delivery` (counted in its `attempts`) to `endpoint` as it is stored now.
///
/// `noise` is uniform over all of `u32`.
#[must_use]
pub fn next_step(
    delivery: &Delivery,
    endpoint: &Endpoint,
    result: AttemptResult,
    now: Timestamp,
    noise: u32,
    disable_after: Duration,
) -> Step {
    let health = health(endpoint, result, now, disable_after);
    let dead = Step {
        state: DeliveryState::Dead,
        due_at: now,
        health,
    };
    if result.is_success() {
        return Step {
            state: DeliveryState::Delivered,
            due_at: now,
            health,
        };
    }
    let hopeless = matches!(result, AttemptResult::Unsent { reason } if reason.is_final());
    if hopeless || !endpoint.enabled || matches!(health, Health::Disabled(_)) {
        return dead;
    }
    match wait_after(delivery.attempts, result.hint(), noise) {
        Some(wait) => Step {
            state: DeliveryState::Pending,
            due_at: now.saturating_add(wait),
            health,
        },
        None => dead,
    }
}

/// What a try means for the endpoint as it is stored now.
pub(crate) fn health(
    endpoint: &Endpoint,
    result: AttemptResult,
    now: Timestamp,
    disable_after: Duration,
) -> Health {
    match (result, endpoint.failing_since) {
        // What was decided about a disabled endpoint, by us or by the tenant, stays.
        _ if !endpoint.enabled => Health::Unchanged,
        // Our own reasons for not sending say nothing about the receiver.
        (AttemptResult::Unsent { .. }, _) => Health::Unchanged,
        (AttemptResult::Answered { status: 410, .. }, _) => Health::Disabled(DisableReason::Gone),
        (result, Some(_)) if result.is_success() => Health::Recovered,
        (result, None) if result.is_success() => Health::Unchanged,
        (_, None) => Health::FailingSince(now),
        (_, Some(since)) if now.since(since) >= disable_after => Health::Disabled(DisableReason::Failing),
        (_, Some(_)) => Health::Unchanged,
    }
}

#[cfg(test)]
mod tests;
