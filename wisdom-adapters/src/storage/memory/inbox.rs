//! Which consumer has seen which event.

use async_trait::async_trait;
use wisdom_core::id::EventId;
use wisdom_core::storage::StorageError;
use wisdom_core::unit_of_work::UnitOfWork as _;
use wisdom_events::store::Inbox;

use super::unit_of_work::MemoryTx;

#[async_trait]
impl Inbox for MemoryTx {
    async fn first_time(&mut self, consumer: &str, event: EventId) -> Result<bool, StorageError> {
        let now = self.frame().now();
        let (tenant, tables) = self.own_mut("inbox.first_time")?;
        let key = (tenant, consumer.to_owned(), event);
        if tables.inbox.contains_key(&key) {
            return Ok(false);
        }
        tables.inbox.insert(key, now);
        Ok(true)
    }
}
