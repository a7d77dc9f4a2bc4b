//! Tokens that prove a mailbox: single use, one live per user and purpose, stored as hashes.

use wisdom_core::id::UserId;
use wisdom_core::time::Timestamp;
use wisdom_core::value::EmailAddress;

/// What a token proves. A token of one purpose is worth nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenPurpose {
    /// The address belongs to the user.
    VerifyEmail,
}

impl TokenPurpose {
    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
        }
    }

    /// Reads the name in storage.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::VerifyEmail].into_iter().find(|p| p.as_str() == name)
    }
}

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTimeToken {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// What it proves.
    pub purpose: TokenPurpose,
    /// For whom.
    pub user: UserId,
    /// The mailbox it was sent to.
    pub email: EmailAddress,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it is worth nothing any more.
    pub expires_at: Timestamp,
}
