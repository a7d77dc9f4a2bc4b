//! What a caller is in a tenant: the question behind every tenant context.

use schemars::JsonSchema;
use serde::Deserialize;
use wisdom_auth::second_factor::SecondFactorPolicy;
use wisdom_auth::second_factor::set_up::SetUp;
use wisdom_core::access::{Access, Role};
use wisdom_core::id::{TenantId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_tenancy::error::TenancyError;
use wisdom_tenancy::store::OnboardingTx;

use super::memberships::Known;

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(crate) struct FindStanding {
    pub(crate) tenant: TenantId,
    /// `None` for a credential that is no user's.
    pub(crate) user: Option<UserId>,
}

impl Operation for FindStanding {
    const NAME: &'static str = "tenancy.standing.find";
    const SUMMARY: &'static str = "What a caller is in a tenant.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = Option<Known>;
    type Error = TenancyError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for FindStanding {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Self::Output>, Self::Error> {
        let known = match self.user {
            Some(user) => {
                let standing = tx.tenants().standing(self.tenant, user).await?;
                let everywhere = tx
                    .frame()
                    .kit()
                    .policies
                    .get::<SecondFactorPolicy>()
                    .is_required();
                let asked = standing
                    .as_ref()
                    .is_some_and(|known| everywhere || known.tenant.mfa_required);
                // Whoever has one has proven it in every session since they set it up: that ended all others.
                let lacks_second_factor = asked && !SetUp::of(tx, user).await?.any();
                standing.map(|standing| Known {
                    role: standing.role,
                    state: standing.tenant.state,
                    lacks_second_factor,
                })
            }
            // What only owners may be told about a tenant is not for keys.
            None => tx.tenants().find(self.tenant).await?.map(|tenant| Known {
                role: Role::Viewer,
                state: tenant.state,
                lacks_second_factor: false,
            }),
        };
        Ok(Outcome::unaudited(known, "read for every request"))
    }
}
