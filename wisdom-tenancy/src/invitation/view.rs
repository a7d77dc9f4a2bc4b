//! What members see of an invitation: never its token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Role;
use wisdom_core::id::{InvitationId, UserId};
use wisdom_core::time::Timestamp;
use wisdom_core::value::EmailAddress;

use super::Invitation;
use super::rules::InvitationStatus;

/// An invitation as members with the right to see it see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationView {
    /// Id, which is not the token.
    pub id: InvitationId,
    /// Whom it was sent to.
    pub email: EmailAddress,
    /// The role offered.
    pub role: Role,
    /// Where it is in its life.
    pub status: InvitationStatus,
    /// Who invited.
    pub invited_by: UserId,
    /// Who accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_by: Option<UserId>,
    /// When it ends unless answered.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts changes, from 1.
    pub version: i64,
}

impl InvitationView {
    /// The invitation as it is seen at this time.
    #[must_use]
    pub fn at(invitation: &Invitation, now: Timestamp) -> Self {
        Self {
            id: invitation.id,
            email: invitation.email.clone(),
            role: invitation.role,
            status: invitation.status(now),
            invited_by: invitation.invited_by,
            accepted_by: invitation.accepted_by,
            expires_at: invitation.expires_at,
            created_at: invitation.created_at,
            version: invitation.version,
        }
    }
}
