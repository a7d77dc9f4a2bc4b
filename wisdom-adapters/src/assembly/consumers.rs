//! Consumers of events that only the assembly can build, because they join ports and caches.

use std::sync::Arc;

use async_trait::async_trait;
use wisdom_core::event::StoredEvent;
use wisdom_events::bus::{Consumer, ConsumerError};

use super::memberships::Memberships;

/// Forgets what is known of memberships when an event says that one changed, on whichever node it did.
#[derive(Debug)]
pub(super) struct ForgetMemberships(pub(super) Arc<Memberships>);

#[async_trait]
impl Consumer for ForgetMemberships {
    fn name(&self) -> &'static str {
        "assembly.memberships"
    }

    fn wants(&self, kind: &str) -> bool {
        kind.starts_with("tenancy.membership.") || kind.starts_with("tenancy.tenant.")
    }

    async fn handle(&self, _: &StoredEvent) -> Result<(), ConsumerError> {
        self.0.forget();
        Ok(())
    }
}
