//! Ending sessions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::{SessionId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};

use super::{MAX_RACES, RevokeReason, event};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::store::IdentityTx;

/// Ends one session of a user. A session that has ended before stays as it ended.
///
/// Internal: run by flows through the runner, which does not ask for its access rule. Whoever runs it tells
/// [`Revocations`](super::revocation::Revocations) afterwards.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeSession {
    /// The session.
    pub session: SessionId,
    /// Whose it must be: another user's does not exist.
    pub user: UserId,
    /// Why it ends.
    pub reason: RevokeReason,
}

impl Operation for RevokeSession {
    const NAME: &'static str = "auth.session.end";
    const SUMMARY: &'static str = "Ends one session of a user.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    /// Whether it was this call that ended it.
    type Output = bool;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for RevokeSession {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<bool>, AuthError> {
        let now = tx.frame().now();
        for _ in 0..MAX_RACES {
            let found = tx
                .sessions()
                .find(self.session)
                .await?
                .filter(|session| session.user == self.user);
            let mut session = found.ok_or(AuthError::SessionNotFound)?;
            if session.revoked.is_some() {
                return Ok(Outcome::unaudited(
                    false,
                    "it had ended before, which was audited then",
                ));
            }
            session.revoked = Some((now, self.reason));
            match tx.sessions().update(&session, session.version).await {
                Ok(()) => {
                    let entry = AuditEntry::on("session", session.id)
                        .with(serde_json::json!({ "user": session.user, "reason": self.reason }));
                    let event = event::revoked(session.user, &[session.id], self.reason);
                    return Ok(Outcome::audited(true, entry).emit(event));
                }
                Err(error) if error.kind() == StorageErrorKind::Stale => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StorageError::new(StorageErrorKind::Contention, "sessions.end").into())
    }
}

/// Ends all live sessions of a user, but one if it says so.
///
/// Internal: run by flows through the runner, which does not ask for its access rule. Whoever runs it tells
/// [`Revocations`](super::revocation::Revocations) afterwards.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeAllSessions {
    /// Whose.
    pub user: UserId,
    /// The one that stays: the session that asks.
    #[serde(default)]
    pub except: Option<SessionId>,
    /// Why they end.
    pub reason: RevokeReason,
}

impl Operation for RevokeAllSessions {
    const NAME: &'static str = "auth.session.end_all";
    const SUMMARY: &'static str = "Ends all sessions of a user.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    /// Those that ended.
    type Output = Vec<SessionId>;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for RevokeAllSessions {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Vec<SessionId>>, AuthError> {
        let now = tx.frame().now();
        let ended = tx
            .sessions()
            .revoke_all(self.user, self.except, self.reason, now)
            .await?;
        if ended.is_empty() {
            return Ok(Outcome::unaudited(ended, "there was none to end"));
        }
        let details = serde_json::json!({ "sessions": ended.len(), "reason": self.reason });
        let event = event::revoked(self.user, &ended, self.reason);
        Ok(Outcome::audited(ended, AuditEntry::on("user", self.user).with(details)).emit(event))
    }
}

/// Ends one of the caller's sessions, which may be the one that asks.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeOne {
    /// The session.
    pub session: SessionId,
}

impl Operation for RevokeOne {
    const NAME: &'static str = "auth.session.revoke";
    const SUMMARY: &'static str = "Ends one of the caller's sessions.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for RevokeOne {
    async fn run(&self, host: &H, caller: &Caller) -> Result<(), AuthError> {
        let user = caller.require_session()?.user;
        end(
            host,
            caller,
            RevokeSession {
                session: self.session,
                user,
                reason: RevokeReason::Revoked,
            },
        )
        .await
    }
}

/// Ends all of the caller's sessions but the one that asks.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeOthers {}

impl Operation for RevokeOthers {
    const NAME: &'static str = "auth.session.revoke_others";
    const SUMMARY: &'static str = "Ends all of the caller's sessions but the one that asks.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for RevokeOthers {
    async fn run(&self, host: &H, caller: &Caller) -> Result<(), AuthError> {
        let own = caller.require_session()?;
        let what = RevokeAllSessions {
            user: own.user,
            except: Some(own.session),
            reason: RevokeReason::Revoked,
        };
        let ended = host.runner().on_behalf(caller, &what).await?;
        host.auth()
            .revocations
            .revoke(ended, host.runner().kit().clock.now());
        Ok(())
    }
}

/// Ends a session and makes this node refuse its access tokens at once. The caller's own is refused here even when storage
/// cannot be reached: who wants to leave is let go.
pub(crate) async fn end<H: AuthHost>(
    host: &H,
    caller: &Caller,
    what: RevokeSession,
) -> Result<(), AuthError> {
    let result = host.runner().on_behalf(caller, &what).await;
    if result.is_ok()
        || caller
            .require_session()
            .is_ok_and(|caller| caller.session == what.session)
    {
        host.auth()
            .revocations
            .revoke([what.session], host.runner().kit().clock.now());
    }
    result.map(|_| ())
}
