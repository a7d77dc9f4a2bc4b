//! Rotation: a refresh token is spent, in one conditional update.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::mail::{MailCategory, MailRequest};
use wisdom_core::outcome::Outcome;
use wisdom_core::seal::SealError;
use wisdom_core::secret::SecretText;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::{Effect, Frame};
use wisdom_core::use_case::{Operation, UseCase};

use super::origin::Origin;
use super::refresh::{RefreshDecision, RefreshPolicy, apply, decide};
use super::refresh_token::{RefreshKey, RefreshToken};
use super::start::SessionGrant;
use super::{MAX_RACES, RevokeReason, Session, SessionEnd, event};
use crate::error::AuthError;
use crate::store::IdentityTx;
use crate::user::{User, UserState};

/// Spends a refresh token.
///
/// Internal: run by the flow [`Refresh`](super::renew::Refresh) through the runner, which does not ask for its access
/// rule. A token that ends its session is an `Ok` outcome, because the revocation must be committed although the caller
/// is refused.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateSession {
    /// The token as it was presented.
    pub refresh_token: SecretText,
    /// What the client calls itself, if it says.
    #[serde(default)]
    pub device: Option<String>,
}

/// What became of a refresh token.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RotateOutcome {
    /// A new generation began.
    Rotated(SessionGrant),
    /// The current generation was given out again.
    Replayed(SessionGrant),
    /// The session is over; it ended now if `ended_now`.
    Refused {
        /// How it ended.
        end: SessionEnd,
        /// Whether it was this token that ended it.
        ended_now: bool,
    },
}

impl Operation for RotateSession {
    const NAME: &'static str = "auth.session.rotate";
    const SUMMARY: &'static str = "Spends a refresh token and begins a new generation of its session.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = RotateOutcome;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for RotateSession {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<RotateOutcome>, AuthError> {
        let token = RefreshToken::parse(self.refresh_token.expose()).ok_or(AuthError::TokenInvalid)?;
        let frame = Arc::clone(tx.frame());
        let policy = frame.kit().policies.get::<RefreshPolicy>();
        for _ in 0..MAX_RACES {
            let session = tx
                .sessions()
                .find(token.session())
                .await?
                .ok_or(AuthError::TokenInvalid)?;
            let key = open_key(&session, &frame)?;
            if !token.is_made_with(&key) {
                return Err(AuthError::TokenInvalid);
            }
            let decision = decide(&session, token.generation(), frame.now(), &policy);
            let Some(mut next) = apply(&session, decision, frame.now(), &policy) else {
                return Ok(ended_before(&session, &frame));
            };
            if decision == RefreshDecision::Rotate {
                let agent = self.device.as_deref().unwrap_or_default();
                next.refreshed_from = Origin::new(frame.request().source, agent);
            }
            let user = tx.users().find(session.user).await?;
            if user.as_ref().is_none_or(|user| user.state != UserState::Active) && next.revoked.is_none() {
                next = Session {
                    revoked: Some((frame.now(), RevokeReason::Disabled)),
                    ..session.clone()
                };
            }
            match tx.sessions().update(&next, session.version).await {
                Ok(()) => return answer(decision, &next, &key, user.as_ref(), &frame),
                // Somebody else was faster: decide again about what they left.
                Err(error) if error.kind() == StorageErrorKind::Stale => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StorageError::new(StorageErrorKind::Contention, "sessions.rotate").into())
    }
}

fn answer(
    decision: RefreshDecision,
    next: &Session,
    key: &RefreshKey,
    user: Option<&User>,
    frame: &Frame,
) -> Result<Outcome<RotateOutcome>, AuthError> {
    if let Some((_, reason)) = next.revoked {
        return refuse(next, reason, user, frame);
    }
    let grant = SessionGrant::new(next, key, frame.now());
    let entry = |what: &str| {
        let details = serde_json::json!({ "user": next.user, "generation": next.generation, "what": what });
        AuditEntry::on("session", next.id).with(details)
    };
    Ok(if decision == RefreshDecision::Replay {
        Outcome::audited(RotateOutcome::Replayed(grant), entry("replayed"))
    } else {
        Outcome::audited(RotateOutcome::Rotated(grant), entry("rotated"))
    })
}

/// The session ends with this call: audit, event, and a notice to the user when somebody else may be at it.
fn refuse(
    session: &Session,
    reason: RevokeReason,
    user: Option<&User>,
    frame: &Frame,
) -> Result<Outcome<RotateOutcome>, AuthError> {
    let end = SessionEnd::Revoked(reason);
    let entry = AuditEntry::on("session", session.id)
        .with(serde_json::json!({ "user": session.user, "reason": reason }))
        .refused();
    let outcome = Outcome::audited(RotateOutcome::Refused { end, ended_now: true }, entry)
        .emit(event::revoked(session.user, &[session.id], reason));
    let Some(user) = user.filter(|_| reason == RevokeReason::Reuse) else {
        return Ok(outcome);
    };
    let mail = MailRequest::new(user.email.clone(), MailCategory::Security, "auth.session.reuse")
        .with("display_name", user.display_name.as_str())
        .with("session_label", session.label.clone())
        .with("at", frame.now().to_string());
    Ok(outcome.emit(mail.event(frame, None)?))
}

fn ended_before(session: &Session, frame: &Frame) -> Outcome<RotateOutcome> {
    let end = session.end(frame.now()).unwrap_or(SessionEnd::Expired);
    Outcome::unaudited(
        RotateOutcome::Refused {
            end,
            ended_now: false,
        },
        "nothing changes, and whoever holds an old token could fill the log",
    )
}

/// A key that does not open any more, because the service's own key is gone, makes its tokens invalid: the way back is
/// to sign in.
pub(crate) fn open_key(session: &Session, frame: &Frame) -> Result<RefreshKey, AuthError> {
    match RefreshKey::open(session.id, &session.sealed_key, &*frame.kit().sealer) {
        Ok(key) => Ok(key),
        Err(SealError::Refused) => {
            tracing::error!(session = %session.id, "a session's refresh key does not open");
            Err(AuthError::TokenInvalid)
        }
        Err(error) => Err(error.into()),
    }
}
