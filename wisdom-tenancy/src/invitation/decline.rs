//! Declining, with or without an account.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::joining::by_token;
use super::rules::{InvitationStatus, Step};
use crate::error::{TenancyError, rerun_if_stale};
use crate::store::OnboardingTx;

/// Declines an invitation. The token alone does: it proves the mailbox, and there is nothing to gain. Twice is once.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineInvitation {
    /// The token from the mail.
    pub token: SecretText,
}

/// A declined invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Declined {
    /// Always `declined`.
    pub status: InvitationStatus,
}

impl Operation for DeclineInvitation {
    const NAME: &'static str = "tenancy.invitation.decline";
    const SUMMARY: &'static str = "Decline an invitation.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = Declined;
    type Error = TenancyError;
}

impl<Tx: OnboardingTx + ?Sized> UseCase<Tx> for DeclineInvitation {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Declined>, TenancyError> {
        let frame = Arc::clone(tx.frame());
        let (tenant, before) = by_token(tx, &self.token).await?;
        let answer = Declined {
            status: InvitationStatus::Declined,
        };
        let Step::Changed(declined) = before.decline(frame.now())? else {
            return Ok(Outcome::unaudited(answer, "declined before: nothing changed"));
        };
        tx.enter(tenant)
            .invitations()
            .update(&declined, before.version)
            .await
            .map_err(rerun_if_stale)?;
        let entry = AuditEntry::on("invitation", declined.id).in_tenant(tenant);
        let data = json!({ "invitation": declined.id, "role": declined.role });
        let event = NewEvent::new("tenancy.invitation.declined", declined.id, data).of_tenant(tenant);
        Ok(Outcome::audited(answer, entry).emit(event))
    }
}
