//! The outbox: events wait here from commit until the relay has told everyone.

pub mod replay_dead_letters;
pub mod sweep;

use wisdom_core::event::StoredEvent;
use wisdom_core::time::Timestamp;

use crate::store::Fence;

/// Where an outbox row is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutboxState {
    /// To be relayed (perhaps claimed: then its lease says until when).
    Pending,
    /// Everyone was told.
    Relayed,
    /// Given up after the last try; can be replayed.
    Dead,
}

impl OutboxState {
    const ALL: [Self; 3] = [Self::Pending, Self::Relayed, Self::Dead];

    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Relayed => "relayed",
            Self::Dead => "dead",
        }
    }

    /// Reads the name in storage.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// An event that a relay has claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedEvent {
    /// The event.
    pub event: StoredEvent,
    /// How often it was claimed, this time included.
    pub attempts: i32,
    /// Proof of this claim.
    pub fence: Fence,
}

/// How the outbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxCounts {
    /// Events to be relayed.
    pub pending: i64,
    /// Events given up.
    pub dead: i64,
    /// When the oldest pending one happened.
    pub oldest_pending: Option<Timestamp>,
}
