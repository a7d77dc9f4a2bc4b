//! Invitations: `pending → accepted | declined | revoked`, and expired by time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Role;
use wisdom_core::id::{InvitationId, UserId};
use wisdom_core::time::Timestamp;
use wisdom_core::value::EmailAddress;

mod accept;
mod accept_and_register;
mod create;
mod decline;
mod joining;
mod list;
mod revoke;
pub mod rules;
pub mod token;
mod view;

pub use accept::AcceptInvitation;
pub use accept_and_register::AcceptAndRegister;
pub use create::Invite;
pub use decline::{DeclineInvitation, Declined};
pub use joining::Joined;
pub use list::ListInvitations;
pub use revoke::RevokeInvitation;
pub use view::InvitationView;

/// The stored state of an invitation. Whether a pending one has expired is a question of time, not of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InvitationState {
    /// Waits for an answer.
    Pending,
    /// Became a membership.
    Accepted,
    /// Refused by the invited person.
    Declined,
    /// Taken back by the tenant.
    Revoked,
}

impl InvitationState {
    const ALL: [Self; 4] = [Self::Pending, Self::Accepted, Self::Declined, Self::Revoked];

    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Revoked => "revoked",
        }
    }

    /// Reads the name in storage.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// An invitation to become a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Id, which is not the token.
    pub id: InvitationId,
    /// Whom it was sent to.
    pub email: EmailAddress,
    /// The role offered.
    pub role: Role,
    /// The stored state.
    pub state: InvitationState,
    /// Who invited.
    pub invited_by: UserId,
    /// Who accepted it.
    pub accepted_by: Option<UserId>,
    /// SHA-256 of the token that was mailed last.
    pub token_hash: [u8; 32],
    /// Mails sent within the day that began at `sent_since`.
    pub sends: i32,
    /// Begin of the day in which `sends` are counted.
    pub sent_since: Timestamp,
    /// When the token is worth nothing any more.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts changes, from 1.
    pub version: i64,
}
