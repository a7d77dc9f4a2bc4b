//! Changes of the tenant by its members.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, Callers};
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::outcome::Outcome;
use wisdom_core::storage::StorageError;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::DisplayName;

use super::Tenant;
use crate::error::TenancyError;
use crate::membership::acting;
use crate::permission::TENANT_UPDATE;
use crate::store::TenancyTx;

/// Changes what is given; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateTenant {
    /// The new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<DisplayName>,
    /// Whether members need a second factor to work in the tenant. Whoever has none is refused with `mfa.required` from
    /// then on, until they set one up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mfa_required: Option<bool>,
    /// The version the change was made for; another one is refused (412).
    pub expected_version: i64,
}

impl Operation for UpdateTenant {
    const NAME: &'static str = "tenancy.tenant.update";
    const SUMMARY: &'static str = "Change the tenant's name, or whether its members need a second factor.";
    const ACCESS: Access = Access::Tenant(TENANT_UPDATE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::NotOperators;
    type Output = Tenant;
    type Error = TenancyError;
}

impl<Tx: TenancyTx + ?Sized> UseCase<Tx> for UpdateTenant {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Tenant>, TenancyError> {
        acting(tx, TENANT_UPDATE).await?;
        let mut tenant = tx.own_tenant().current().await?;
        if tenant.version != self.expected_version {
            return Err(StorageError::stale("own_tenant.update").into());
        }
        let mut changed = Vec::new();
        if let Some(name) = self.name.clone().filter(|name| *name != tenant.name) {
            tenant.name = name;
            changed.push("name");
        }
        if let Some(required) = self
            .mfa_required
            .filter(|required| *required != tenant.mfa_required)
        {
            tenant.mfa_required = required;
            changed.push("mfa_required");
        }
        if changed.is_empty() {
            return Ok(Outcome::unaudited(tenant, "nothing changed"));
        }
        tx.own_tenant().update(&tenant, self.expected_version).await?;
        tenant.version += 1;
        let entry = AuditEntry::on("tenant", tenant.id).with(json!({ "changed": changed }));
        let data = json!({ "tenant": tenant.id, "version": tenant.version });
        let event = NewEvent::new("tenancy.tenant.updated", tenant.id, data);
        Ok(Outcome::audited(tenant, entry).emit(event))
    }
}
