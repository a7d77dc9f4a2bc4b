//! The invitations of a tenant.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::outcome::Outcome;
use wisdom_core::page::{Page, PageQuery};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::{InvitationState, InvitationView};
use crate::error::TenancyError;
use crate::permission::INVITATION_LIST;
use crate::store::TenancyTx;

/// Lists invitations, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListInvitations {
    /// Only those of this state; expired ones are pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<InvitationState>,
    /// Which page.
    #[serde(default)]
    pub page: PageQuery,
}

impl Operation for ListInvitations {
    const NAME: &'static str = "tenancy.invitation.list";
    const SUMMARY: &'static str = "List the tenant's invitations.";
    const ACCESS: Access = Access::Tenant(INVITATION_LIST);
    const EFFECT: Effect = Effect::Read;
    type Output = Page<InvitationView>;
    type Error = TenancyError;
}

impl<Tx: TenancyTx + ?Sized> UseCase<Tx> for ListInvitations {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Page<InvitationView>>, TenancyError> {
        let frame = Arc::clone(tx.frame());
        let filter = self.state.map_or("", InvitationState::as_str).as_bytes();
        let request = self.page.open(&frame, Self::NAME, filter)?;
        let slice = tx.invitations().list(self.state, &request).await?;
        let views = slice.map(|invitation| InvitationView::at(&invitation, frame.now()));
        Ok(Outcome::unaudited(
            Page::seal(views, &frame, Self::NAME, filter)?,
            "reads only",
        ))
    }
}
