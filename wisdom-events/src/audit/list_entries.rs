//! `audit.entry.list`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::{AuditEntry, AuditRecord};
use wisdom_core::outcome::Outcome;
use wisdom_core::page::{Page, PageQuery};
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::EventsError;
use crate::permission::AUDIT_LIST;
use crate::store::EventsTx;

/// Longest name of an action, in bytes.
const MAX_ACTION: usize = 100;

/// Lists the tenant's audit log, newest first. Reading the log is an entry as well.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAuditEntries {
    /// Only entries of this action: an operation's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Which page.
    #[serde(default)]
    pub page: PageQuery,
}

impl Operation for ListAuditEntries {
    const NAME: &'static str = "audit.entry.list";
    const SUMMARY: &'static str =
        "Lists the tenant's audit log, newest first; that is an entry of the log itself.";
    const ACCESS: Access = Access::Tenant(AUDIT_LIST);
    // It writes the entry that says who read the log.
    const EFFECT: Effect = Effect::Write;
    type Output = Page<AuditRecord>;
    type Error = EventsError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for ListAuditEntries {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Page<AuditRecord>>, EventsError> {
        let frame = Arc::clone(tx.frame());
        let action = self.action.as_deref();
        let good = |action: &str| {
            (1..=MAX_ACTION).contains(&action.len())
                && action
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._".contains(&b))
        };
        if !action.is_none_or(good) {
            return Err(EventsError::Invalid {
                field: "action",
                rule: "name",
                message: "must be an operation's name such as tenancy.member.remove".into(),
            });
        }
        // No name is empty, so no filter and a filter never share a cursor.
        let filter = action.unwrap_or_default().as_bytes();
        let request = self.page.open(&frame, Self::NAME, filter)?;
        let slice = tx.audit_log().list(action, &request).await?;
        let log = frame
            .tenant()
            .ok_or_else(|| StorageError::new(StorageErrorKind::Invalid, "audit").caused_by("no tenant"))?;
        let entry =
            AuditEntry::on("audit_log", log).with(json!({ "action": action, "entries": slice.items.len() }));
        Ok(Outcome::audited(
            Page::seal(slice, &frame, Self::NAME, filter)?,
            entry,
        ))
    }
}
