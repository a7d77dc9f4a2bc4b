//! What a user is in a tenant: the question behind every tenant context.

use schemars::JsonSchema;
use serde::Deserialize;
use wisdom_core::access::Access;
use wisdom_core::id::{TenantId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_tenancy::error::TenancyError;
use wisdom_tenancy::store::OnboardingTx;
use wisdom_tenancy::tenant::Standing;

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(crate) struct FindStanding {
    pub(crate) tenant: TenantId,
    pub(crate) user: UserId,
}

impl Operation for FindStanding {
    const NAME: &'static str = "tenancy.standing.find";
    const SUMMARY: &'static str = "What a user is in a tenant.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = Option<Standing>;
    type Error = TenancyError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for FindStanding {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Self::Output>, Self::Error> {
        let standing = tx.tenants().standing(self.tenant, self.user).await?;
        Ok(Outcome::unaudited(standing, "read for every request"))
    }
}
