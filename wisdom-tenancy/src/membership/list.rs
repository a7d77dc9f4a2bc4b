//! The members of a tenant.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::outcome::Outcome;
use wisdom_core::page::{Page, PageQuery};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::Member;
use crate::error::TenancyError;
use crate::permission::MEMBER_LIST;
use crate::store::TenancyTx;

/// Lists members, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListMembers {
    /// Which page.
    #[serde(default)]
    pub page: PageQuery,
}

impl Operation for ListMembers {
    const NAME: &'static str = "tenancy.member.list";
    const SUMMARY: &'static str = "List the members of the tenant.";
    const ACCESS: Access = Access::Tenant(MEMBER_LIST);
    const EFFECT: Effect = Effect::Read;
    type Output = Page<Member>;
    type Error = TenancyError;
}

impl<Tx: TenancyTx + ?Sized> UseCase<Tx> for ListMembers {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Page<Member>>, TenancyError> {
        let frame = Arc::clone(tx.frame());
        let request = self.page.open(&frame, Self::NAME, &[])?;
        let slice = tx.memberships().list(&request).await?;
        Ok(Outcome::unaudited(
            Page::seal(slice, &frame, Self::NAME, &[])?,
            "reads only",
        ))
    }
}
