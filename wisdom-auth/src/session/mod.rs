//! Sessions: what a sign-in leaves behind, and the family of its refresh tokens.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::context::{Principal, UserSession};
use wisdom_core::failure::PublicMessage;
use wisdom_core::id::{SessionId, TenantId, UserId};
use wisdom_core::time::Timestamp;

pub mod challenge;
pub mod confirmation;
pub mod credentials;
pub mod event;
pub mod feed;
pub mod freshness;
pub mod list;
pub mod log_in;
pub mod log_out;
pub mod origin;
pub mod refresh;
pub mod refresh_token;
pub mod rename;
pub mod renew;
pub mod revocation;
pub mod revoke;
pub mod rotate;
pub mod second_factor;
pub mod sign_in;
pub mod start;
pub mod step_up;

use origin::Origin;

/// How often a change of a session starts over because another one was faster.
const MAX_RACES: usize = 8;

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
    const ALL: [Self; 6] = [
        Self::LogOut,
        Self::Revoked,
        Self::Reuse,
        Self::Ahead,
        Self::CredentialChange,
        Self::Disabled,
    ];

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

/// How a session came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    /// It was ended before its time.
    Revoked(RevokeReason),
    /// It was not used for too long, or reached the end of its life.
    Expired,
}

impl SessionEnd {
    /// The stable code that clients see.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Expired => "session.expired",
            Self::Revoked(RevokeReason::LogOut) => "session.logged_out",
            Self::Revoked(RevokeReason::Revoked) => "session.revoked",
            Self::Revoked(RevokeReason::Reuse) => "session.reuse",
            Self::Revoked(RevokeReason::Ahead) => "session.ahead",
            Self::Revoked(RevokeReason::CredentialChange) => "session.credential_change",
            Self::Revoked(RevokeReason::Disabled) => "session.disabled",
        }
    }

    /// What clients may show.
    #[must_use]
    pub fn message(self) -> PublicMessage {
        match self {
            Self::Expired => "The session has expired; sign in again.",
            Self::Revoked(RevokeReason::LogOut) => "You have signed out; sign in again.",
            Self::Revoked(RevokeReason::Revoked) => "The session was ended; sign in again.",
            Self::Revoked(RevokeReason::Reuse) => {
                "A token that was used up came back, which happens when it was stolen; the session was ended for your \
                 safety. Sign in again."
            }
            Self::Revoked(RevokeReason::Ahead) => "The session cannot be continued; sign in again.",
            Self::Revoked(RevokeReason::CredentialChange) => {
                "The password or another credential was changed; sign in again."
            }
            Self::Revoked(RevokeReason::Disabled) => "The account is disabled.",
        }
        .into()
    }
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revoked(reason) => f.write_str(reason.as_str()),
            Self::Expired => f.write_str("expired"),
        }
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
    /// What the user calls it, at most 200 characters; at first what its client called itself.
    pub label: String,
    /// From where it began.
    pub begun_from: Origin,
    /// From where it was refreshed last, or began.
    pub refreshed_from: Origin,
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
    /// When the user proved a second factor, if they did: in this sign-in, or on this device before.
    pub second_factor_at: Option<Timestamp>,
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
        self.end(now).is_none()
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn end(&self, now: Timestamp) -> Option<SessionEnd> {
        match self.revoked {
            Some((_, reason)) => Some(SessionEnd::Revoked(reason)),
            None if now >= self.idle_until || now >= self.absolute_until => Some(SessionEnd::Expired),
            None => None,
        }
    }

    /// Whom its access tokens of this generation speak for.
    #[must_use]
    pub const fn principal(&self) -> Principal {
        let session = UserSession {
            user: self.user,
            session: self.id,
            generation: self.generation,
        };
        Principal::of_session(session, self.tenant, self.authenticated_at)
    }
}
