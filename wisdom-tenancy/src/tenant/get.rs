//! The tenant itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::Tenant;
use crate::error::TenancyError;
use crate::permission::TENANT_READ;
use crate::store::TenancyTx;

/// Reads the tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetTenant {}

impl Operation for GetTenant {
    const NAME: &'static str = "tenancy.tenant.get";
    const SUMMARY: &'static str = "Read the tenant.";
    const ACCESS: Access = Access::Tenant(TENANT_READ);
    const EFFECT: Effect = Effect::Read;
    type Output = Tenant;
    type Error = TenancyError;
}

impl<Tx: TenancyTx + ?Sized> UseCase<Tx> for GetTenant {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Tenant>, TenancyError> {
        Ok(Outcome::unaudited(tx.own_tenant().current().await?, "reads only"))
    }
}
