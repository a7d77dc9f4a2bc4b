//! Leave for some hours.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, Callers};
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::{MOST_HOURS, SupportAccess};
use crate::error::{TenancyError, rerun_if_stale};
use crate::membership::acting;
use crate::permission::SUPPORT_ACCESS_MANAGE;
use crate::store::TenancyTx;

/// Lets operators act for the tenant's members for some hours from now. For owners who have just proven who they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenSupportAccess {
    /// For how long, in hours: 1 to 72. It takes the place of what was left of before.
    #[schemars(range(min = 1, max = 72))]
    pub hours: u8,
}

impl Operation for OpenSupportAccess {
    const NAME: &'static str = "tenancy.support_access.open";
    const SUMMARY: &'static str = "Lets operators act for the tenant's members for some hours.";
    const ACCESS: Access = Access::Tenant(SUPPORT_ACCESS_MANAGE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::InPerson;
    type Output = SupportAccess;
    type Error = TenancyError;
}

impl<Tx: TenancyTx + ?Sized> UseCase<Tx> for OpenSupportAccess {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<SupportAccess>, TenancyError> {
        acting(tx, SUPPORT_ACCESS_MANAGE).await?;
        if !(1..=MOST_HOURS).contains(&self.hours) {
            return Err(TenancyError::SupportHours);
        }
        let now = tx.frame().now();
        let mut tenant = tx.own_tenant().current().await?;
        let life = Duration::from_secs(u64::from(self.hours) * 3600);
        let opened = tenant.support_access.opened(now, life);
        tenant.support_access = opened.map_err(|_| TenancyError::SupportNotAsked)?;
        let changed = tx.own_tenant().update(&tenant, tenant.version).await;
        changed.map_err(rerun_if_stale)?;
        let details = json!({ "open_until": tenant.support_access.open_until });
        let entry = AuditEntry::on("tenant", tenant.id).with(details.clone());
        let event = NewEvent::new("tenancy.support_access.opened", tenant.id, details);
        Ok(Outcome::audited(tenant.support_access, entry).emit(event))
    }
}
