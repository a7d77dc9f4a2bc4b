//! The end of a membership by others.

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

use super::{acting, rank, removed};
use crate::error::{TenancyError, rerun_if_stale};
use crate::permission::MEMBER_REMOVE;
use crate::store::TenancyTx;

/// Removes a member of no higher rank. The last owner stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveMember {
    /// The membership.
    pub member: MembershipId,
}

/// A membership that was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Removed {
    /// The membership there was.
    pub member: MembershipId,
}

impl Operation for RemoveMember {
    const NAME: &'static str = "tenancy.member.remove";
    const SUMMARY: &'static str = "Remove a member of no higher rank than yours.";
    const ACCESS: Access = Access::Tenant(MEMBER_REMOVE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::NotOperators;
    type Output = Removed;
    type Error = TenancyError;
}

impl<Tx: TenancyTx + ?Sized> UseCase<Tx> for RemoveMember {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Removed>, TenancyError> {
        let acting = acting(tx, MEMBER_REMOVE).await?;
        let found = tx.memberships().find(self.member).await?;
        let membership = found.ok_or(TenancyError::NoSuchMember)?.membership;
        rank::reach(acting.role, membership.role)?;
        tx.memberships()
            .delete(membership.id, membership.version)
            .await
            .map_err(rerun_if_stale)?;
        let flagged = tx.api_keys().flag_creator(membership.user).await?;
        let review = flagged.into_iter().map(|key| needs_review(key, membership.user));
        let entry = AuditEntry::on("membership", membership.id)
            .with(json!({ "user": membership.user, "role": membership.role }));
        Ok(Outcome::audited(
            Removed {
                member: membership.id,
            },
            entry,
        )
        .emit(removed(&membership))
        .emit_all(review))
    }
}
