//! Signing out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::context::Caller;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation};

use super::RevokeReason;
use super::revoke::{RevokeSession, end};
use crate::error::AuthError;
use crate::kit::AuthHost;

/// Ends the session that asks. Its access tokens are refused on this node from now on, its refresh token everywhere.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogOut {}

impl Operation for LogOut {
    const NAME: &'static str = "auth.session.log_out";
    const SUMMARY: &'static str = "Ends the session that asks.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for LogOut {
    async fn run(&self, host: &H, caller: &Caller) -> Result<(), AuthError> {
        let own = caller.require_session()?;
        let what = RevokeSession {
            session: own.session,
            user: own.user,
            reason: RevokeReason::LogOut,
        };
        match end(host, caller, what).await {
            // A database that was restored to an earlier time does not know it: signed out is what the caller wants.
            Err(AuthError::SessionNotFound) => Ok(()),
            result => result,
        }
    }
}
