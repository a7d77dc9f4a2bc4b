//! Event stream: where the relay tells events, and where live feeds listen.

#[cfg(feature = "conformance")]
pub mod conformance;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use super::PortError;
use crate::event::{Audience, StoredEvent};
use crate::id::TenantId;

/// Takes events from the outbox relay.
///
/// At least once: a batch that failed may be published again, whole or in part, so consumers dedupe by event id.
/// Events of one ordering key are taken in the order of the batch; the relay never has two batches with the same key
/// under way.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventStream: Send + Sync + Debug {
    /// Publishes the events. `Ok` means that the stream is responsible for all of them. An empty batch is fine.
    ///
    /// # Errors
    /// When any event could not be handed over; which ones were is unknown.
    async fn publish(&self, batch: &[StoredEvent]) -> Result<(), PortError>;
}

/// Which events a listener gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    scope: Scope,
    kinds: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Scope {
    Tenant(TenantId),
    Everything,
}

impl EventFilter {
    /// What `tenant` may see: its own events, without the service's internal ones.
    #[must_use]
    pub fn tenant(tenant: TenantId) -> Self {
        Self {
            scope: Scope::Tenant(tenant),
            kinds: Vec::new(),
        }
    }

    /// All events of all tenants and of none. For the service's own consumers; never for anything a tenant sees.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            scope: Scope::Everything,
            kinds: Vec::new(),
        }
    }

    /// The same filter, only for events of a kind. Given several times: any of the kinds. A kind that ends in `.*`
    /// stands for all kinds that begin with what is before the `*`.
    #[must_use]
    pub fn kind(mut self, kind: &str) -> Self {
        self.kinds.push(kind.to_owned());
        self
    }

    /// Whether the listener gets this event.
    #[must_use]
    pub fn matches(&self, event: &StoredEvent) -> bool {
        let visible = match self.scope {
            Scope::Everything => true,
            Scope::Tenant(tenant) => event.tenant == Some(tenant) && event.audience == Audience::Tenant,
        };
        visible
            && (self.kinds.is_empty()
                || self
                    .kinds
                    .iter()
                    .any(|pattern| kind_matches(pattern, &event.kind)))
    }
}

fn kind_matches(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) if start.ends_with('.') => kind.starts_with(start),
        _ => pattern == kind,
    }
}

/// What a listener gets next.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedItem {
    /// An event that the filter lets through.
    Event(Arc<StoredEvent>),
    /// The listener was too slow and events are gone: read the state again. Events after this point follow.
    Resync {
        /// How many events of the stream were dropped. Not all of them need have matched the filter.
        missed: u64,
    },
}

/// Lets others listen to events as they are published, from now on. No memory: who needs every event reads the outbox.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait EventFeed: Send + Sync + Debug {
    /// Begins to listen. Events published after this call returned are seen.
    fn subscribe(&self, filter: EventFilter) -> Box<dyn EventSubscription>;
}

/// One listener. Dropping it ends it.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventSubscription: Send + Debug {
    /// Waits for the next item; `None` when the stream has ended. Cancel-safe: an item is not lost when the future is
    /// dropped.
    async fn next(&mut self) -> Option<FeedItem>;
}
