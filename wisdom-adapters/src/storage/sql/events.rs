//! Events of the tenant, for reading.

use async_trait::async_trait;
use wisdom_core::event::{Audience, StoredEvent};
use wisdom_core::id::EventId;
use wisdom_core::storage::StorageError;
use wisdom_core::trace::TraceContext;
use wisdom_events::store::Events;

use super::record::actor;
use super::row::Row;
use super::statement::Statement;
use super::unit::Unit;

pub(super) const FIND: Statement = Statement::new(
    "events.find",
    "SELECT id, tenant_id, seq, ordering_key, kind, subject, audience, actor_kind, actor_id, occurred_at, trace, data,
     on_behalf_of FROM outbox_events WHERE tenant_id = $1 AND id = $2",
);

/// Reads the thirteen columns of an event, in the order of [`FIND`].
pub(super) fn event(row: &Row) -> Result<StoredEvent, StorageError> {
    Ok(StoredEvent {
        id: row.id(0)?,
        tenant: row.opt_id(1)?,
        seq: row.int(2)?,
        ordering_key: row.text(3)?,
        kind: row.text(4)?,
        subject: row.text(5)?,
        audience: row.read(6, |name| {
            [Audience::Tenant, Audience::Internal]
                .into_iter()
                .find(|a| a.as_str() == name)
        })?,
        actor: actor(row, 7)?,
        time: row.time(9)?,
        trace: row.read(10, TraceContext::parse)?,
        data: row.json(11)?,
        on_behalf_of: row.opt_id(12)?,
    })
}

#[async_trait]
impl Events for Unit {
    async fn find(&mut self, id: EventId) -> Result<Option<StoredEvent>, StorageError> {
        self.tenant_optional(&FIND, &[id.into()])
            .await?
            .as_ref()
            .map(event)
            .transpose()
    }
}
