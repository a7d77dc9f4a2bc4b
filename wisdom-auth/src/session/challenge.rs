//! Half-finished sign-ins: the first factor was proven, the second was not yet. None is a session.

use wisdom_core::id::{TenantId, UserId};
use wisdom_core::time::Timestamp;

use super::sign_in::Proof;
use crate::opaque_token::OpaqueToken;

/// The tokens of half-finished sign-ins.
pub(crate) const TOKEN: OpaqueToken = OpaqueToken::new("wsc_");

/// A half-finished sign-in as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInChallenge {
    /// SHA-256 of its token.
    pub hash: [u8; 32],
    /// Who proved the first factor.
    pub user: UserId,
    /// The generation of the user's credentials at that time: once they change, it is worth nothing.
    pub credentials: i64,
    /// The first factor.
    pub proof: Proof,
    /// What the session is to be called.
    pub label: String,
    /// The tenant the session is to be bound to, if any.
    pub tenant: Option<TenantId>,
    /// Tries that were counted.
    pub attempts: i32,
    /// When it began.
    pub created_at: Timestamp,
    /// When it is worth nothing any more.
    pub expires_at: Timestamp,
}
