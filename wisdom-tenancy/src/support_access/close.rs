//! The end of leave.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, Callers};
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::SupportAccess;
use super::ended::end_all;
use crate::error::{TenancyError, rerun_if_stale};
use crate::membership::acting;
use crate::permission::SUPPORT_ACCESS_MANAGE;
use crate::store::TenancyTx;

/// Ends whatever operators have going on in the tenant, and takes back what it was opened for. The mode stays: under
/// `always` they may begin again. For owners; no fresh proof is asked of who closes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseSupportAccess {}

impl Operation for CloseSupportAccess {
    const NAME: &'static str = "tenancy.support_access.close";
    const SUMMARY: &'static str =
        "Ends whatever operators have going on in the tenant, and closes it until opened again.";
    const ACCESS: Access = Access::Tenant(SUPPORT_ACCESS_MANAGE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::InPerson;
    type Output = SupportAccess;
    type Error = TenancyError;
}

impl<Tx: TenancyTx + ?Sized> UseCase<Tx> for CloseSupportAccess {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<SupportAccess>, TenancyError> {
        acting(tx, SUPPORT_ACCESS_MANAGE).await?;
        let now = tx.frame().now();
        let mut tenant = tx.own_tenant().current().await?;
        let (before, after) = (tenant.support_access, tenant.support_access.closed());
        if after != before {
            tenant.support_access = after;
            let changed = tx.own_tenant().update(&tenant, tenant.version).await;
            changed.map_err(rerun_if_stale)?;
        }
        let ended = end_all(tx, now).await?;
        if after == before && ended.is_empty() {
            return Ok(Outcome::unaudited(after, "nothing was open"));
        }
        let details = json!({ "mode": after.mode, "ended": ended.len() });
        let entry = AuditEntry::on("tenant", tenant.id).with(details.clone());
        let event = NewEvent::new("tenancy.support_access.closed", tenant.id, details);
        Ok(Outcome::audited(after, entry).emit(event).emit_all(ended))
    }
}
