//! Inviting, for the first time or again.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, Callers, Role};
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::id::IdSourceExt as _;
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::outcome::Outcome;
use wisdom_core::storage::{Constraint, StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::EmailAddress;

use super::rules::Offer;
use super::{Invitation, InvitationView, token};
use crate::error::{TenancyError, rerun, rerun_if_stale};
use crate::kit::InvitationPolicy;
use crate::membership::{acting, has_address, rank};
use crate::permission::INVITATION_CREATE;
use crate::store::TenancyTx;

/// The template of the mail. Parameters: `tenant_name`, `inviter`, `role`, `token`.
const TEMPLATE: &str = "tenancy.invitation";

/// Invites somebody to become a member.
///
/// There is one pending invitation for an address: inviting it again mails that one again, with another token and a new
/// end, and the token that was mailed before is worth nothing any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Whom.
    pub email: EmailAddress,
    /// As what; at most the caller's own role.
    pub role: Role,
}

impl Operation for Invite {
    const NAME: &'static str = "tenancy.invitation.create";
    const SUMMARY: &'static str = "Invite somebody by e-mail, or mail a pending invitation again.";
    const ACCESS: Access = Access::Tenant(INVITATION_CREATE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::NotOperators;
    type Output = InvitationView;
    type Error = TenancyError;
}

impl<Tx: TenancyTx + ?Sized> UseCase<Tx> for Invite {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<InvitationView>, TenancyError> {
        let frame = Arc::clone(tx.frame());
        let kit = frame.kit();
        let policy = kit.policies.get::<InvitationPolicy>();
        let acting = acting(tx, INVITATION_CREATE).await?;
        let inviter = acting.person()?;
        rank::reach(acting.role, self.role)?;
        if has_address(tx.memberships(), &self.email).await? {
            return Err(TenancyError::MemberExists);
        }
        let (token, token_hash) = token::generate(kit.random.as_ref()).map_err(|error| {
            StorageError::new(StorageErrorKind::Internal, "invitations.token").caused_by(error)
        })?;
        let offer = Offer {
            role: self.role,
            by: inviter.membership.user,
            token_hash,
        };

        let pending = tx.invitations().find_pending(&self.email).await?;
        let (invitation, kind) = if let Some(before) = pending {
            // Mailing it again rewrites its role, which is a change of what somebody else offered.
            rank::reach(acting.role, before.role)?;
            let invitation = before.send_again(&offer, &policy, frame.now())?;
            tx.invitations()
                .update(&invitation, before.version)
                .await
                .map_err(rerun_if_stale)?;
            (invitation, "tenancy.invitation.resent")
        } else {
            let first = Invitation::first(kit.ids.id(), self.email.clone(), &offer, &policy, frame.now());
            // Invited by another unit of work meanwhile: the next run mails that invitation again.
            tx.invitations().insert(&first).await.map_err(|error| {
                if error.violates(Constraint::INVITATION_ADDRESS) {
                    rerun(error)
                } else {
                    error
                }
            })?;
            (first, "tenancy.invitation.created")
        };

        let tenant = tx.own_tenant().current().await?;
        let mail = MailRequest::new(invitation.email.clone(), MailCategory::Transactional, TEMPLATE)
            .with("tenant_name", tenant.name.as_str())
            .with("inviter", inviter.display_name.as_str())
            .with("role", invitation.role.as_str())
            .with("token", token.expose())
            .event(&frame, Some(tenant.id))?;
        let facts = json!({
            "invitation": invitation.id,
            "role": invitation.role,
            "invited_by": invitation.invited_by,
            "expires_at": invitation.expires_at,
        });
        let entry = AuditEntry::on("invitation", invitation.id)
            .with(json!({ "role": invitation.role, "resent": invitation.version > 1 }));
        let view = InvitationView::at(&invitation, frame.now());
        Ok(Outcome::audited(view, entry)
            .emit(NewEvent::new(kind, invitation.id, facts))
            .emit(mail))
    }
}
