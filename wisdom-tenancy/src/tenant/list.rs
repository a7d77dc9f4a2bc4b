//! The tenants a user is a member of.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::{Access, AccessError};
use wisdom_core::outcome::Outcome;
use wisdom_core::page::{Page, PageQuery};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::Standing;
use crate::error::TenancyError;
use crate::store::OnboardingTx;

/// Lists the caller's tenants, oldest membership first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTenants {
    /// Which page.
    #[serde(default)]
    pub page: PageQuery,
}

impl Operation for ListTenants {
    const NAME: &'static str = "tenancy.tenant.list";
    const SUMMARY: &'static str = "List the tenants you are a member of, with your role in each.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Read;
    type Output = Page<Standing>;
    type Error = TenancyError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for ListTenants {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Page<Standing>>, TenancyError> {
        let frame = Arc::clone(tx.frame());
        let user = frame.session().ok_or(AccessError::Unauthenticated)?.user;
        // Outside of any tenant nothing else binds a cursor to whose list it is.
        let uuid = user.as_uuid();
        let filter = uuid.as_bytes();
        let request = self.page.open(&frame, Self::NAME, filter)?;
        let slice = tx.tenants().list_of_user(user, &request).await?;
        Ok(Outcome::unaudited(
            Page::seal(slice, &frame, Self::NAME, filter)?,
            "reads only",
        ))
    }
}
