//! Events of the tenant.

use async_trait::async_trait;
use wisdom_core::event::StoredEvent;
use wisdom_core::id::EventId;
use wisdom_core::storage::StorageError;
use wisdom_events::store::Events;

use super::unit_of_work::MemoryTx;

#[async_trait]
impl Events for MemoryTx {
    async fn find(&mut self, id: EventId) -> Result<Option<StoredEvent>, StorageError> {
        let (tenant, tables) = self.own("events.find")?;
        let row = tables
            .outbox
            .get(&id)
            .filter(|row| row.event.tenant == Some(tenant));
        Ok(row.map(|row| row.event.clone()))
    }
}
