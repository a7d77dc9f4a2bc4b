//! The end of the own membership.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_auth::api_key::needs_review;
use wisdom_core::access::{Access, Callers};
use wisdom_core::audit::AuditEntry;
use wisdom_core::id::MembershipId;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::{acting, removed};
use crate::error::{TenancyError, rerun_if_stale};
use crate::permission::MEMBER_LEAVE;
use crate::store::TenancyTx;

/// Gives up the caller's own membership, whatever the role. The last owner stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveTenant {}

/// The membership that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Left {
    /// The membership there was.
    pub member: MembershipId,
}

impl Operation for LeaveTenant {
    const NAME: &'static str = "tenancy.member.leave";
    const SUMMARY: &'static str = "Leave the tenant.";
    const ACCESS: Access = Access::Tenant(MEMBER_LEAVE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::InPerson;
    type Output = Left;
    type Error = TenancyError;
}

impl<Tx: TenancyTx + ?Sized> UseCase<Tx> for LeaveTenant {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Left>, TenancyError> {
        let membership = acting(tx, MEMBER_LEAVE).await?.person()?.membership.clone();
        tx.memberships()
            .delete(membership.id, membership.version)
            .await
            .map_err(rerun_if_stale)?;
        let flagged = tx.api_keys().flag_creator(membership.user).await?;
        let review = flagged.into_iter().map(|key| needs_review(key, membership.user));
        let entry = AuditEntry::on("membership", membership.id)
            .with(json!({ "user": membership.user, "role": membership.role }));
        Ok(Outcome::audited(
            Left {
                member: membership.id,
            },
            entry,
        )
        .emit(removed(&membership))
        .emit_all(review))
    }
}
