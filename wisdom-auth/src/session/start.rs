//! The beginning of a session.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::{Principal, UserSession};
use wisdom_core::id::{IdSourceExt as _, SessionId, TenantId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;

use super::origin::{Origin, printable};
use super::refresh::RefreshPolicy;
use super::refresh_token::{RefreshKey, RefreshToken};
use super::{Session, event};
use crate::attempts;
use crate::error::AuthError;
use crate::store::IdentityTx;

/// Most characters of a session's label.
const MAX_LABEL: usize = 200;

/// What a session gives out: whom its access tokens speak for, and its refresh token.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct SessionGrant {
    /// The session.
    pub session: SessionId,
    /// Whose.
    pub user: UserId,
    /// The tenant it is bound to, if any.
    pub tenant: Option<TenantId>,
    /// The generation of its refresh token.
    pub generation: i64,
    /// When the user proved who they are.
    pub authenticated_at: Timestamp,
    /// Until when the refresh token can be used.
    pub refresh_until: Timestamp,
    /// The refresh token.
    pub refresh_token: SecretText,
    /// When it was given. Its access token is of that time, however late it is made: whatever ends the session commits
    /// after this, and what is remembered of the end outlives every token that was issued before it.
    pub given_at: Timestamp,
}

impl SessionGrant {
    pub(super) fn new(session: &Session, key: &RefreshKey, given_at: Timestamp) -> Self {
        Self {
            given_at,
            session: session.id,
            user: session.user,
            tenant: session.tenant,
            generation: session.generation,
            authenticated_at: session.authenticated_at,
            refresh_until: session.idle_until.min(session.absolute_until),
            refresh_token: RefreshToken::mint(session.id, session.generation, key),
        }
    }

    /// Whom access tokens of this grant speak for.
    #[must_use]
    pub const fn principal(&self) -> Principal {
        let session = UserSession {
            user: self.user,
            session: self.session,
            generation: self.generation,
        };
        Principal::of_session(session, self.tenant, self.authenticated_at)
    }
}

/// A session to begin for somebody who has proven who they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewSession<'a> {
    pub(super) user: UserId,
    /// What its client calls itself.
    pub(super) agent: &'a str,
    pub(super) tenant: Option<TenantId>,
    pub(super) second_factor_at: Option<Timestamp>,
}

/// Begins a session. Called at the end of a sign-in, which has checked and locked the user, and from nowhere else.
pub(super) async fn begin<Tx: IdentityTx + ?Sized>(
    tx: &mut Tx,
    new: NewSession<'_>,
) -> Result<Outcome<SessionGrant>, AuthError> {
    let frame = Arc::clone(tx.frame());
    let (kit, now) = (frame.kit(), frame.now());
    let policy = kit.policies.get::<RefreshPolicy>();
    let id = kit.ids.id();
    let key = RefreshKey::generate(&*kit.random)?;
    let origin = Origin::new(frame.request().source, new.agent);
    let absolute_until = now.saturating_add(policy.absolute());
    let session = Session {
        id,
        user: new.user,
        tenant: new.tenant,
        label: label(new.agent),
        begun_from: origin.clone(),
        refreshed_from: origin,
        generation: 1,
        generation_at: now,
        confirmed: false,
        replays: 0,
        sealed_key: key.seal(id, &*kit.sealer)?,
        authenticated_at: now,
        second_factor_at: new.second_factor_at,
        idle_until: now.saturating_add(policy.idle()).min(absolute_until),
        absolute_until,
        revoked: None,
        created_at: now,
        version: 1,
    };
    tx.sessions().insert(&session).await?;
    attempts::record_success(tx, new.user).await?;
    let entry = AuditEntry::on("session", id).with(serde_json::json!({ "user": new.user }));
    let grant = SessionGrant::new(&session, &key, now);
    Ok(Outcome::audited(grant, entry).emit(event::started(&session)))
}

/// A label without what is invisible or moves text around, cut to its length.
pub(super) fn label(text: &str) -> String {
    printable(text, MAX_LABEL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_cut_and_cleaned() {
        assert_eq!(label(" Firefox\r\n on \u{202e}Linux "), "Firefox on Linux");
        assert_eq!(label(&"é".repeat(300)).chars().count(), 200);
    }
}
