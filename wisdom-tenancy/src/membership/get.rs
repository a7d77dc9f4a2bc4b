//! One member of a tenant.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::id::MembershipId;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::Member;
use crate::error::TenancyError;
use crate::permission::MEMBER_LIST;
use crate::store::TenancyTx;

/// Reads one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetMember {
    /// The membership.
    pub member: MembershipId,
}

impl Operation for GetMember {
    const NAME: &'static str = "tenancy.member.get";
    const SUMMARY: &'static str = "Read one member of the tenant.";
    const ACCESS: Access = Access::Tenant(MEMBER_LIST);
    const EFFECT: Effect = Effect::Read;
    type Output = Member;
    type Error = TenancyError;
}

impl<Tx: TenancyTx + ?Sized> UseCase<Tx> for GetMember {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Member>, TenancyError> {
        let member = tx
            .memberships()
            .find(self.member)
            .await?
            .ok_or(TenancyError::NoSuchMember)?;
        Ok(Outcome::unaudited(member, "reads only"))
    }
}
