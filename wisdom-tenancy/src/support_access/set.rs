//! The choice itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, Callers};
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::ended::end_all;
use super::{SupportAccess, SupportMode};
use crate::error::{TenancyError, rerun_if_stale};
use crate::membership::acting;
use crate::permission::SUPPORT_ACCESS_MANAGE;
use crate::store::TenancyTx;

/// Says whether operators may act for the tenant's members. For owners who have just proven who they are. What goes on
/// and is not admitted any more ends at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSupportAccess {
    /// What operators are told.
    pub mode: SupportMode,
}

impl Operation for SetSupportAccess {
    const NAME: &'static str = "tenancy.support_access.set";
    const SUMMARY: &'static str =
        "Says whether operators may act for the tenant's members: never, ask or always.";
    const ACCESS: Access = Access::Tenant(SUPPORT_ACCESS_MANAGE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::InPerson;
    type Output = SupportAccess;
    type Error = TenancyError;
}

impl<Tx: TenancyTx + ?Sized> UseCase<Tx> for SetSupportAccess {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<SupportAccess>, TenancyError> {
        acting(tx, SUPPORT_ACCESS_MANAGE).await?;
        let now = tx.frame().now();
        let mut tenant = tx.own_tenant().current().await?;
        let before = tenant.support_access;
        let after = before.with_mode(self.mode);
        if after == before {
            return Ok(Outcome::unaudited(after, "nothing changed"));
        }
        tenant.support_access = after;
        let changed = tx.own_tenant().update(&tenant, tenant.version).await;
        changed.map_err(rerun_if_stale)?;
        let ended = match after.admit(now) {
            Ok(_) => Vec::new(),
            Err(_) => end_all(tx, now).await?,
        };
        let details = json!({ "mode": after.mode, "previous_mode": before.mode, "ended": ended.len() });
        let entry = AuditEntry::on("tenant", tenant.id).with(details.clone());
        let event = NewEvent::new("tenancy.support_access.changed", tenant.id, details);
        Ok(Outcome::audited(after, entry).emit(event).emit_all(ended))
    }
}
