//! Sessions: what a sign-in leaves behind, and the family of its refresh tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::id::{SessionId, TenantId, UserId};
use wisdom_core::time::Timestamp;

pub mod refresh;
pub mod revocation;

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevokeReason {
    /// The user signed out.
    LogOut,
    /// The user or an operator ended it from elsewhere.
    Revoked,
    /// A spent refresh token came back: somebody else has it.
    Reuse,
    /// A token of a generation that was never given out: the database was restored to an earlier time.
    Ahead,
    /// Password, address or second factor changed.
    CredentialChange,
    /// The user was disabled.
    Disabled,
}

impl RevokeReason {
    const ALL: [Self; 6] =
        [Self::LogOut, Self::Revoked, Self::Reuse, Self::Ahead, Self::CredentialChange, Self::Disabled];

    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LogOut => "log_out",
            Self::Revoked => "revoked",
            Self::Reuse => "reuse",
            Self::Ahead => "ahead",
            Self::CredentialChange => "credential_change",
            Self::Disabled => "disabled",
        }
    }

    /// Reads the name in storage.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == name)
    }
}

/// One sign-in and its refresh tokens.
///
/// A refresh token is not a row: it is a message (session, generation) under the session's own key. The row says which
/// generation is the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Id.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The tenant its access tokens are bound to, if any.
    pub tenant: Option<TenantId>,
    /// What the user sees in a list of sessions: user agent, at most 200 characters.
    pub label: String,
    /// The current generation of its refresh token, from 1.
    pub generation: i64,
    /// When the current generation began.
    pub generation_at: Timestamp,
    /// Whether anything of the current generation came back: then the answer that carried it was not lost.
    pub confirmed: bool,
    /// How often the spent token of the generation before was answered again.
    pub replays: i32,
    /// The key of its refresh tokens, sealed.
    pub sealed_key: Vec<u8>,
    /// When the user proved who they are.
    pub authenticated_at: Timestamp,
    /// It ends here unless refreshed.
    pub idle_until: Timestamp,
    /// It ends here whatever happens.
    pub absolute_until: Timestamp,
    /// When and why it ended early.
    pub revoked: Option<(Timestamp, RevokeReason)>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts changes, from 1.
    pub version: i64,
}

impl Session {
    /// Whether it is neither revoked nor past one of its ends.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.idle_until && now < self.absolute_until
    }
}
