//! Completing a sign-in with a provider: where people and the organization come together whose provider it is.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use wisdom_auth::federation::complete::{self, CompletedSignIn};
use wisdom_core::access::{Access, Role};
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::{IdSourceExt as _, TenantId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::storage::Constraint;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};

use crate::error::{TenancyError, rerun};
use crate::kit::TenancyHost;
use crate::membership::{Membership, created};
use crate::store::OnboardingTx;
use crate::tenant::TenantState;

/// Completes a sign-in with a provider, with what the provider sent the browser back with. Who comes through an
/// organization's provider becomes a member of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CompleteSignIn(complete::CompleteSignIn);

impl Operation for CompleteSignIn {
    const NAME: &'static str = "auth.provider.complete";
    const SUMMARY: &'static str = "Completes a sign-in with a provider.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = CompletedSignIn;
    type Error = TenancyError;
}

impl<H: TenancyHost> Flow<H> for CompleteSignIn {
    async fn run(&self, host: &H, caller: &Caller) -> Result<CompletedSignIn, TenancyError> {
        let proven = self.0.prove(host, caller).await?;
        if let Some(organization) = proven.organization {
            let join = JoinOrganization {
                user: proven.user,
                tenant: organization.tenant,
                role: organization.role,
            };
            host.runner().on_behalf(caller, &join).await?;
        }
        Ok(proven.sign_in(host, caller).await?)
    }
}

/// Makes a user a member of the tenant whose provider they came through, unless they are one. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JoinOrganization {
    user: UserId,
    tenant: TenantId,
    role: Role,
}

impl Operation for JoinOrganization {
    const NAME: &'static str = "tenancy.member.join_by_provider";
    const SUMMARY: &'static str = "Makes a user a member of the tenant whose provider they came through.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = TenancyError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for JoinOrganization {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, TenancyError> {
        let frame = Arc::clone(tx.frame());
        // The operator wrote the tenant beside its provider: that is what lets one enter.
        let active = tx
            .tenants()
            .find(self.tenant)
            .await?
            .is_some_and(|tenant| tenant.state == TenantState::Active);
        if !active {
            tracing::warn!(tenant = %self.tenant, "a sign-in provider names a tenant that is not active");
            return Ok(Outcome::unaudited((), "the tenant takes nobody in"));
        }
        let own = tx.enter(self.tenant);
        if own.memberships().find_by_user(self.user).await?.is_some() {
            return Ok(Outcome::unaudited((), "a member already, whose role stays"));
        }
        let membership = Membership {
            id: frame.kit().ids.id(),
            user: self.user,
            role: self.role.min(Role::Member),
            created_at: frame.now(),
            version: 1,
        };
        own.memberships().insert(&membership).await.map_err(|error| {
            // Became a member while this ran: the next run sees it.
            if error.violates(Constraint::MEMBERSHIP_USER) {
                rerun(error)
            } else {
                error
            }
        })?;
        let entry = AuditEntry::on("membership", membership.id)
            .in_tenant(self.tenant)
            .with(json!({ "user": self.user, "role": membership.role, "by": "provider" }));
        Ok(Outcome::audited((), entry).emit(created(&membership).of_tenant(self.tenant)))
    }
}
