//! The tenant's audit log.

use async_trait::async_trait;
use uuid::Uuid;
use wisdom_core::audit::AuditRecord;
use wisdom_core::id::AuditId;
use wisdom_core::page::{PageRequest, Position, Slice};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;
use wisdom_events::store::AuditLog;

use super::unit_of_work::MemoryTx;

#[async_trait]
impl AuditLog for MemoryTx {
    async fn list(
        &mut self,
        action: Option<&str>,
        page: &PageRequest,
    ) -> Result<Slice<AuditRecord>, StorageError> {
        let (tenant, tables) = self.own("audit_log.list")?;
        let owner = Some(tenant);
        let first = (owner, Timestamp::MIN, AuditId::from_uuid(Uuid::nil()));
        let last = (owner, Timestamp::MAX, AuditId::from_uuid(Uuid::max()));
        // The log grows for ever, so the page is cut from its index and not from a sorted copy.
        let rows: Vec<AuditRecord> = match page.after {
            None => tables.audit.range(first..=last),
            Some(after) => tables
                .audit
                .range(first..(owner, after.at, AuditId::from_uuid(after.id))),
        }
        .rev()
        .map(|(_, entry)| entry)
        .filter(|entry| action.is_none_or(|action| entry.action == action))
        .take(
            usize::try_from(page.limit)
                .unwrap_or(usize::MAX)
                .saturating_add(1),
        )
        .cloned()
        .collect();
        Ok(Slice::cut(rows, page.limit, |entry| Position {
            at: entry.at,
            id: entry.id.as_uuid(),
        }))
    }
}
