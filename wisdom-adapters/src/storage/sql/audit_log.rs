//! The tenant's audit log, for reading.

use async_trait::async_trait;
use wisdom_core::audit::{AuditRecord, AuditResult, Target};
use wisdom_core::page::{PageRequest, Position, Slice};
use wisdom_core::storage::StorageError;
use wisdom_events::store::AuditLog;

use super::record::actor;
use super::row::Row;
use super::statement::Statement;
use super::unit::{Unit, falling, one_more};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, action, actor_kind, actor_id, target_kind, target_id, result, at, request_id, details,
             on_behalf_of
             FROM audit_entries WHERE tenant_id = $1 AND (at, id) < ($2, $3)",
            $rest
        )
    };
}

pub(super) const LIST: Statement =
    Statement::new("audit_log.list", select!(" ORDER BY at DESC, id DESC LIMIT $4"));
pub(super) const LIST_OF_ACTION: Statement = Statement::new(
    "audit_log.list",
    select!(" AND action = $5 ORDER BY at DESC, id DESC LIMIT $4"),
);

fn entry(row: &Row) -> Result<AuditRecord, StorageError> {
    Ok(AuditRecord {
        id: row.id(0)?,
        tenant: row.opt_id(1)?,
        action: row.text(2)?,
        actor: actor(row, 3)?,
        target: Target {
            kind: row.text(5)?,
            id: row.text(6)?,
        },
        result: row.read(7, |name| {
            [AuditResult::Done, AuditResult::Denied, AuditResult::Refused]
                .into_iter()
                .find(|r| r.as_str() == name)
        })?,
        at: row.time(8)?,
        request: row.id(9)?,
        details: row.json(10)?,
        on_behalf_of: row.opt_id(11)?,
    })
}

#[async_trait]
impl AuditLog for Unit {
    async fn list(
        &mut self,
        action: Option<&str>,
        page: &PageRequest,
    ) -> Result<Slice<AuditRecord>, StorageError> {
        let after = falling(page);
        let (at, id, limit) = (after.at.into(), after.id.into(), one_more(page).into());
        let rows = match action {
            None => self.tenant_all(&LIST, &[at, id, limit]).await?,
            Some(action) => {
                self.tenant_all(&LIST_OF_ACTION, &[at, id, limit, action.into()])
                    .await?
            }
        };
        let entries = rows.iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Slice::cut(entries, page.limit, |e: &AuditRecord| Position {
            at: e.at,
            id: e.id.as_uuid(),
        }))
    }
}
