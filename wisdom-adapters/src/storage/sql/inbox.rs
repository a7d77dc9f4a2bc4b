//! Which consumer has seen which event.

use async_trait::async_trait;
use wisdom_core::id::EventId;
use wisdom_core::storage::StorageError;
use wisdom_events::store::Inbox;

use super::statement::Statement;
use super::unit::Unit;

pub(super) const NOTE: Statement = Statement::new(
    "inbox.first_time",
    "INSERT INTO inbox_entries (tenant_id, consumer, event_id, seen_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (tenant_id, consumer, event_id) DO NOTHING",
);

#[async_trait]
impl Inbox for Unit {
    async fn first_time(&mut self, consumer: &str, event: EventId) -> Result<bool, StorageError> {
        let now = self.sql_tx().frame().now();
        let changed = self
            .tenant_execute(&NOTE, &[consumer.into(), event.into(), now.into()])
            .await?;
        Ok(changed == 1)
    }
}
