//! The in-process bus: who is told about every event that was committed.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;
use wisdom_core::event::StoredEvent;
use wisdom_core::port::{PortError, PortErrorKind, Retry};
use wisdom_core::storage::StorageError;

/// Why a consumer did not do its part.
///
/// The text goes into the outbox row and the log: name what failed, never what the event holds.
#[derive(Debug, Error)]
#[error("{reason}")]
pub struct ConsumerError {
    /// Whether telling it again can help. [`Retry::Never`] makes the event a dead letter once the others are done.
    pub retry: Retry,
    reason: String,
}

impl ConsumerError {
    /// An error with its retry hint. `reason` must be fit for logs.
    #[must_use]
    pub fn new(retry: Retry, reason: impl Into<String>) -> Self {
        Self {
            retry,
            reason: reason.into(),
        }
    }
}

impl From<StorageError> for ConsumerError {
    /// Storage comes back: every kind is worth another try.
    fn from(error: StorageError) -> Self {
        Self::new(Retry::Backoff, error.to_string())
    }
}

impl From<PortError> for ConsumerError {
    /// Only input that was refused for good is not tried again. What an operator can mend (credentials, a far side that
    /// breaks its contract) is, so that an outage of ours loses nothing.
    fn from(error: PortError) -> Self {
        let retry = match (error.kind, error.retry) {
            (PortErrorKind::Invalid, _) => Retry::Never,
            (_, Retry::After(wait)) => Retry::After(wait),
            _ => Retry::Backoff,
        };
        Self::new(retry, error.to_string())
    }
}

/// Somebody who is told about events.
///
/// Told **at least once**: the relay may crash after a consumer did its part and before it could note so, and when one
/// consumer of an event fails, all of them are told again. A consumer that writes to the tenant's store notes the event
/// in the inbox ([`crate::store::Inbox::first_time`]) in the same unit of work; one that calls somebody else's machine
/// passes the event's id on as idempotency key.
///
/// Events of one tenant and ordering key come one after the other, in order of `seq`; others come in parallel.
/// A call that takes longer than [`OutboxPolicy::consumer_timeout`](crate::relay::OutboxPolicy::consumer_timeout) is
/// dropped and counts as failed.
#[async_trait]
pub trait Consumer: Send + Sync + Debug {
    /// A stable name: it keys the inbox, so changing it makes every event new.
    fn name(&self) -> &'static str;

    /// Whether it is told about events of this kind. Must not depend on anything that changes.
    fn wants(&self, kind: &str) -> bool;

    /// Does its part.
    ///
    /// # Errors
    /// When it could not, with a hint whether another try can help.
    async fn handle(&self, event: &StoredEvent) -> Result<(), ConsumerError>;
}

/// Two consumers have one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("two consumers are called {0}")]
pub struct DuplicateConsumer(pub &'static str);

/// All consumers of an assembly, fixed before the relay starts.
#[derive(Debug, Clone, Default)]
pub struct Bus {
    consumers: Arc<[Arc<dyn Consumer>]>,
}

impl Bus {
    /// A bus with these consumers.
    ///
    /// # Errors
    /// [`DuplicateConsumer`] when two share a name: they would shadow each other in the inbox.
    pub fn new(consumers: Vec<Arc<dyn Consumer>>) -> Result<Self, DuplicateConsumer> {
        for (index, consumer) in consumers.iter().enumerate() {
            if consumers
                .iter()
                .take(index)
                .any(|other| other.name() == consumer.name())
            {
                return Err(DuplicateConsumer(consumer.name()));
            }
        }
        Ok(Self {
            consumers: consumers.into(),
        })
    }

    /// The consumers that are told about events of this kind.
    pub fn wanting<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Arc<dyn Consumer>> {
        self.consumers.iter().filter(move |consumer| consumer.wants(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Named(&'static str, &'static str);

    #[async_trait]
    impl Consumer for Named {
        fn name(&self) -> &'static str {
            self.0
        }
        fn wants(&self, kind: &str) -> bool {
            kind == self.1
        }
        async fn handle(&self, _: &StoredEvent) -> Result<(), ConsumerError> {
            Ok(())
        }
    }

    #[test]
    fn names_are_unique_and_kinds_are_asked_for() {
        let two = |a, b| Bus::new(vec![Arc::new(Named(a, "x")), Arc::new(Named(b, "y"))]);
        assert_eq!(two("a", "a").unwrap_err(), DuplicateConsumer("a"));
        let bus = two("a", "b").unwrap();
        assert_eq!(bus.wanting("y").map(|c| c.name()).collect::<Vec<_>>(), ["b"]);
        assert_eq!(bus.wanting("z").count(), 0);
    }

    #[test]
    fn only_refused_input_is_given_up_at_once() {
        let of = |kind| ConsumerError::from(PortError::new("email", "send", kind)).retry;
        assert_eq!(of(PortErrorKind::Invalid), Retry::Never);
        for kind in [
            PortErrorKind::Unauthorized,
            PortErrorKind::Protocol,
            PortErrorKind::Timeout,
        ] {
            assert_eq!(of(kind), Retry::Backoff, "{kind:?}");
        }
    }
}
