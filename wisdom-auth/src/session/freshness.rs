//! Whether a caller proved lately enough who they are to change what protects their account.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use wisdom_core::access::{Access, AccessError};
use wisdom_core::outcome::Outcome;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::Session;
use crate::error::AuthError;
use crate::second_factor::SecondFactorPolicy;
use crate::second_factor::set_up::SetUp;
use crate::store::IdentityTx;

/// Whether a session is fresh: its user proved who they are at most `most` ago, by the second factor if they have one.
///
/// A remembered device stands in for the second factor at sign-in, not here: its proof is as old as it is.
#[must_use]
pub fn is_fresh(session: &Session, has_second_factor: bool, now: Timestamp, most: Duration) -> bool {
    let proven_at = if has_second_factor {
        session.second_factor_at
    } else {
        Some(session.authenticated_at)
    };
    proven_at.is_some_and(|at| now.since(at) <= most)
}

/// The caller's session, if it is live and fresh. Reads the session and not the token, so that a step-up counts at once
/// and a session that ended does not.
///
/// # Errors
/// [`AuthError::StepUpRequired`] when the proof is too old; [`AuthError::SessionEnded`] or [`AuthError::Access`] when
/// there is no session to speak of.
pub async fn require_fresh<Tx: IdentityTx + ?Sized>(tx: &mut Tx) -> Result<Session, AuthError> {
    let frame = std::sync::Arc::clone(tx.frame());
    let own = frame.session().ok_or(AccessError::InPerson)?;
    let session = tx.sessions().find(own.session).await?;
    let session = session
        .filter(|session| session.user == own.user)
        .ok_or(AuthError::TokenInvalid)?;
    if let Some(end) = session.end(frame.now()) {
        return Err(AuthError::SessionEnded(end));
    }
    let has_second_factor = SetUp::of(tx, session.user).await?.any();
    let policy = frame.kit().policies.get::<SecondFactorPolicy>();
    if is_fresh(&session, has_second_factor, frame.now(), policy.freshness()) {
        Ok(session)
    } else {
        Err(AuthError::StepUpRequired)
    }
}

/// Refuses a caller whose proof is too old: for what then runs in a tenant's unit of work, which sees no sessions.
/// Internal.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequireFresh {}

impl Operation for RequireFresh {
    const NAME: &'static str = "auth.session.require_fresh";
    const SUMMARY: &'static str = "Refuses a caller whose proof is too old.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = ();
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for RequireFresh {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, AuthError> {
        require_fresh(tx).await?;
        Ok(Outcome::unaudited(
            (),
            "a question about the caller's own session",
        ))
    }
}
