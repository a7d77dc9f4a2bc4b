//! How a node learns which sessions ended elsewhere: by asking storage, again and again.
//!
//! The sessions' own rows are the tombstones: whatever ends a session is seen here, and no way of ending one can forget
//! to tell. The rows outlive every token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::id::SessionId;
use wisdom_core::outcome::Outcome;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::error::AuthError;
use crate::store::IdentityTx;

/// Most sessions of one page.
const PAGE: u32 = 1000;

/// A session that ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokedSession {
    /// When it ended, by the clock of the node that ended it.
    pub at: Timestamp,
    /// Which.
    pub session: SessionId,
}

/// Reads which sessions ended, in the order they did, up to 1000: those after this one.
///
/// Internal: run by a node's feed through the runner, which does not ask for its access rule.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadRevoked {
    /// Where to begin, exclusively.
    pub after: RevokedSession,
}

/// A page of sessions that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RevokedPage {
    /// The oldest end first.
    pub items: Vec<RevokedSession>,
    /// Whether there may be more.
    pub full: bool,
}

impl Operation for ReadRevoked {
    const NAME: &'static str = "auth.session.read_revoked";
    const SUMMARY: &'static str = "Reads which sessions ended before their time.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = RevokedPage;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for ReadRevoked {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<RevokedPage>, AuthError> {
        let items = tx.sessions().list_revoked(self.after, PAGE).await?;
        let full = items.len() >= PAGE as usize;
        Ok(Outcome::unaudited(RevokedPage { items, full }, "reads only"))
    }
}

/// Whether a session has not been ended, as storage knows it now.
///
/// Internal: run by the edge through the runner while the node's feed is not to be trusted.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IsOpen {
    /// The session.
    pub session: SessionId,
}

impl Operation for IsOpen {
    const NAME: &'static str = "auth.session.is_open";
    const SUMMARY: &'static str = "Whether a session has not been ended.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = bool;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for IsOpen {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<bool>, AuthError> {
        let session = tx.sessions().find(self.session).await?;
        let open = session.is_some_and(|session| session.revoked.is_none());
        Ok(Outcome::unaudited(open, "reads only"))
    }
}
