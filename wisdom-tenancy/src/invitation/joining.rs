//! From a token to a membership: what accepting with an account and accepting as a new person have in common.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Grants, Role};
use wisdom_core::audit::AuditEntry;
use wisdom_core::event::NewEvent;
use wisdom_core::id::{IdSourceExt as _, TenantId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::Constraint;

use super::rules::Step;
use super::{Invitation, token};
use crate::error::{TenancyError, rerun, rerun_if_stale};
use crate::membership::{Membership, created, rank, role_changed};
use crate::permission::INVITATION_CREATE;
use crate::store::OnboardingTx;
use crate::tenant::Tenant;

/// What became of an accepted invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Joined {
    /// Who joined.
    pub user: UserId,
    /// The tenant.
    pub tenant: Tenant,
    /// The place in it.
    pub membership: Membership,
}

/// The invitation that this token was mailed for, and its tenant.
pub(super) async fn by_token<Tx: OnboardingTx + ?Sized>(
    tx: &mut Tx,
    token: &SecretText,
) -> Result<(TenantId, Invitation), TenancyError> {
    let hash = token::hash(token).ok_or(TenancyError::NoSuchInvitation)?;
    let (tenant, id) = tx
        .tenants()
        .find_invitation_by_token(&hash)
        .await?
        .ok_or(TenancyError::NoSuchInvitation)?;
    // A token leads to its tenant: this is what entering is for.
    let invitation = tx.enter(tenant).invitations().find(id).await?;
    // Mailed again between the two reads, the token is another one.
    let invitation = invitation
        .filter(|i| i.token_hash == hash)
        .ok_or(TenancyError::NoSuchInvitation)?;
    Ok((tenant, invitation))
}

/// Makes the user, whose address was found to be the invited one and proven, a member.
///
/// Whoever is a member already keeps a higher role. Twice by the same user gives the same answer.
pub(super) async fn join<Tx: OnboardingTx + ?Sized>(
    tx: &mut Tx,
    tenant: TenantId,
    before: &Invitation,
    user: UserId,
) -> Result<Outcome<Joined>, TenancyError> {
    let frame = Arc::clone(tx.frame());
    let step = before.accept(user, frame.now())?;
    let own = tx.enter(tenant);
    own.own_tenant().current().await?.state.admit(Role::Viewer)?;
    let present = own
        .memberships()
        .find_by_user(user)
        .await?
        .map(|member| member.membership);
    let Step::Changed(accepted) = step else {
        // Accepted before; whoever was removed since does not come back with the same token.
        let membership = present.ok_or(TenancyError::InvitationGone)?;
        let joined = Joined {
            user,
            tenant: own.own_tenant().current().await?,
            membership,
        };
        return Ok(Outcome::unaudited(joined, "accepted before: nothing changed"));
    };

    let inviter = own.memberships().find_by_user(before.invited_by).await?;
    let rank_now = inviter.map(|member| member.membership.role);
    let entitled = rank_now.filter(|role| {
        Grants::of_role(*role).allows(INVITATION_CREATE) && rank::reach(*role, before.role).is_ok()
    });
    entitled.ok_or(TenancyError::InviterGone)?;

    let (membership, told) = match present {
        Some(present) if present.role >= before.role => (present, None),
        Some(present) => {
            let raised = Membership {
                role: before.role,
                version: present.version + 1,
                ..present.clone()
            };
            own.memberships()
                .update(&raised, present.version)
                .await
                .map_err(rerun_if_stale)?;
            let event = role_changed(&raised, present.role);
            (raised, Some(event))
        }
        None => {
            let membership = Membership {
                id: frame.kit().ids.id(),
                user,
                role: before.role,
                created_at: frame.now(),
                version: 1,
            };
            own.memberships().insert(&membership).await.map_err(|error| {
                // Became a member while this ran: the next run sees it.
                if error.violates(Constraint::MEMBERSHIP_USER) {
                    rerun(error)
                } else {
                    error
                }
            })?;
            let event = created(&membership);
            (membership, Some(event))
        }
    };
    own.invitations()
        .update(&accepted, before.version)
        .await
        .map_err(rerun_if_stale)?;
    // Read again: a new owner is counted in the tenant's row.
    let joined = Joined {
        user,
        tenant: own.own_tenant().current().await?,
        membership,
    };

    let entry = AuditEntry::on("invitation", accepted.id)
        .in_tenant(tenant)
        .with(json!({
            "membership": joined.membership.id,
            "user": user,
            "role": joined.membership.role,
        }));
    let data = json!({
        "invitation": accepted.id,
        "membership": joined.membership.id,
        "user": user,
        "role": joined.membership.role,
    });
    let event = NewEvent::new("tenancy.invitation.accepted", accepted.id, data).of_tenant(tenant);
    Ok(Outcome::audited(joined, entry)
        .emit(event)
        .emit_all(told.map(|event| event.of_tenant(tenant))))
}
