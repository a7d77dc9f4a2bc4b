//! The beginning of a session.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::{Principal, UserSession};
use wisdom_core::id::{IdSourceExt as _, SessionId, TenantId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::refresh::RefreshPolicy;
use super::refresh_token::{RefreshKey, RefreshToken};
use super::{Session, event};
use crate::error::AuthError;
use crate::store::IdentityTx;
use crate::user::UserState;

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
}

impl SessionGrant {
    pub(super) fn new(session: &Session, key: &RefreshKey) -> Self {
        Self {
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

/// Begins a session for a user who has proven who they are.
///
/// Internal: run by flows through the runner, which does not ask for its access rule.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartSession {
    /// Who.
    pub user: UserId,
    /// What the user will see in the list of sessions; cut to 200 characters.
    #[serde(default)]
    pub label: String,
    /// The tenant to bind it to. The caller has checked that the user is a member.
    #[serde(default)]
    pub tenant: Option<TenantId>,
    /// The password hash that was verified, if a password was the proof: the session begins only if it is still the
    /// stored one, so that a password changed meanwhile lets nobody in.
    #[serde(default)]
    pub verified_hash: Option<SecretText>,
}

/// What became of the wish for a session.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartOutcome {
    /// It began.
    Started(SessionGrant),
    /// It did not: the user is gone or disabled, or the password has changed since it was verified.
    Refused,
}

impl Operation for StartSession {
    const NAME: &'static str = "auth.session.start";
    const SUMMARY: &'static str = "Begins a session for a user who has proven who they are.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = StartOutcome;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for StartSession {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<StartOutcome>, AuthError> {
        let refused = || Outcome::unaudited(StartOutcome::Refused, "the flow that asked audits the refusal");
        let active = tx
            .users()
            .find(self.user)
            .await?
            .is_some_and(|user| user.state == UserState::Active);
        if !active {
            return Ok(refused());
        }
        if let Some(verified) = &self.verified_hash {
            let stored = tx.users().password_hash(self.user).await?.map(SecretText::from);
            if !stored.is_some_and(|stored| stored.ct_eq(verified)) {
                return Ok(refused());
            }
        }
        let frame = std::sync::Arc::clone(tx.frame());
        let (kit, now) = (frame.kit(), frame.now());
        let policy = kit.policies.get::<RefreshPolicy>();
        let id = kit.ids.id();
        let key = RefreshKey::generate(&*kit.random)?;
        let absolute_until = now.saturating_add(policy.absolute());
        let session = Session {
            id,
            user: self.user,
            tenant: self.tenant,
            label: label(&self.label),
            generation: 1,
            generation_at: now,
            confirmed: false,
            replays: 0,
            sealed_key: key.seal(id, &*kit.sealer)?,
            authenticated_at: now,
            idle_until: now.saturating_add(policy.idle()).min(absolute_until),
            absolute_until,
            revoked: None,
            created_at: now,
            version: 1,
        };
        tx.sessions().insert(&session).await?;
        let entry = AuditEntry::on("session", id).with(serde_json::json!({ "user": self.user }));
        let grant = SessionGrant::new(&session, &key);
        Ok(Outcome::audited(StartOutcome::Started(grant), entry).emit(event::started(&session)))
    }
}

/// A label without what is invisible or moves text around, cut to its length.
fn label(text: &str) -> String {
    let visible = text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'));
    visible.take(MAX_LABEL).collect::<String>().trim().to_owned()
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
