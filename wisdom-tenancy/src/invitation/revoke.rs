//! Taking an invitation back.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::id::InvitationId;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::InvitationView;
use super::rules::Step;
use crate::error::{TenancyError, rerun_if_stale};
use crate::membership::{acting, rank};
use crate::permission::INVITATION_REVOKE;
use crate::store::TenancyTx;

/// Takes a pending invitation back, expired or not. Twice is once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeInvitation {
    /// The invitation.
    pub invitation: InvitationId,
}

impl Operation for RevokeInvitation {
    const NAME: &'static str = "tenancy.invitation.revoke";
    const SUMMARY: &'static str = "Take a pending invitation back.";
    const ACCESS: Access = Access::Tenant(INVITATION_REVOKE);
    const EFFECT: Effect = Effect::Write;
    type Output = InvitationView;
    type Error = TenancyError;
}

impl<Tx: TenancyTx + ?Sized> UseCase<Tx> for RevokeInvitation {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<InvitationView>, TenancyError> {
        let frame = Arc::clone(tx.frame());
        let acting = acting(tx, INVITATION_REVOKE).await?;
        let before = tx
            .invitations()
            .find(self.invitation)
            .await?
            .ok_or(TenancyError::NoSuchInvitation)?;
        rank::reach(acting.role, before.role)?;
        let Step::Changed(revoked) = before.revoke()? else {
            return Ok(Outcome::unaudited(
                InvitationView::at(&before, frame.now()),
                "nothing changed",
            ));
        };
        tx.invitations()
            .update(&revoked, before.version)
            .await
            .map_err(rerun_if_stale)?;
        let entry = AuditEntry::on("invitation", revoked.id).with(json!({ "role": revoked.role }));
        let data = json!({ "invitation": revoked.id, "role": revoked.role });
        let event = NewEvent::new("tenancy.invitation.revoked", revoked.id, data);
        Ok(Outcome::audited(InvitationView::at(&revoked, frame.now()), entry).emit(event))
    }
}
