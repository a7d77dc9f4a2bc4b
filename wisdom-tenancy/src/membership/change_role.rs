//! Another role for a member.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, Callers, Role};
use wisdom_core::audit::AuditEntry;
use wisdom_core::id::MembershipId;
use wisdom_core::outcome::Outcome;
use wisdom_core::storage::StorageError;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::{Member, acting, rank, role_changed};
use crate::error::{TenancyError, rerun_if_stale};
use crate::permission::MEMBER_UPDATE_ROLE;
use crate::store::TenancyTx;

/// Gives a member another role.
///
/// Both the role they have and the one they get must be within the caller's own rank; the last owner stays one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    /// The membership.
    pub member: MembershipId,
    /// The new role.
    pub role: Role,
    /// The version the change was made for; another one is refused (412). Absent: whatever it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<i64>,
}

impl Operation for ChangeRole {
    const NAME: &'static str = "tenancy.member.change_role";
    const SUMMARY: &'static str = "Change a member's role, within your own rank.";
    const ACCESS: Access = Access::Tenant(MEMBER_UPDATE_ROLE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::NotOperators;
    type Output = Member;
    type Error = TenancyError;
}

impl<Tx: TenancyTx + ?Sized> UseCase<Tx> for ChangeRole {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Member>, TenancyError> {
        let acting = acting(tx, MEMBER_UPDATE_ROLE).await?;
        let mut member = tx
            .memberships()
            .find(self.member)
            .await?
            .ok_or(TenancyError::NoSuchMember)?;
        let (held, version) = (member.membership.role, member.membership.version);
        rank::change(acting.role, held, self.role)?;
        if self.expected_version.is_some_and(|expected| expected != version) {
            return Err(StorageError::stale("memberships.update").into());
        }
        if held == self.role {
            return Ok(Outcome::unaudited(member, "nothing changed"));
        }
        member.membership.role = self.role;
        if let Err(error) = tx.memberships().update(&member.membership, version).await {
            return Err(match self.expected_version {
                Some(_) => error.into(),
                None => rerun_if_stale(error),
            });
        }
        member.membership.version = version + 1;
        let entry = AuditEntry::on("membership", self.member).with(json!({
            "user": member.membership.user,
            "role": self.role,
            "previous_role": held,
        }));
        let event = role_changed(&member.membership, held);
        Ok(Outcome::audited(member, entry).emit(event))
    }
}
