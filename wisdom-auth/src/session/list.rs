//! The caller's sessions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::{Access, AccessError};
use wisdom_core::id::{SessionId, TenantId};
use wisdom_core::outcome::Outcome;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::origin::Origin;
use crate::error::AuthError;
use crate::store::IdentityTx;

/// Lists the caller's live sessions, newest first, at most 100.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListSessions {}

/// A session as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionView {
    /// Id.
    pub id: SessionId,
    /// Whether it is the session that asks.
    pub current: bool,
    /// What it calls itself.
    pub label: String,
    /// From where it began.
    pub begun_from: Origin,
    /// From where it was refreshed last, or began.
    pub refreshed_from: Origin,
    /// The tenant it is bound to, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// When the user signed in.
    pub authenticated_at: Timestamp,
    /// When it was refreshed last, or began.
    pub refreshed_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub ends_at: Timestamp,
}

/// The caller's sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionList {
    /// Newest first.
    pub items: Vec<SessionView>,
}

impl Operation for ListSessions {
    const NAME: &'static str = "auth.session.list";
    const SUMMARY: &'static str = "Lists the caller's live sessions, newest first.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Read;
    type Output = SessionList;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for ListSessions {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<SessionList>, AuthError> {
        let caller = tx
            .frame()
            .session()
            .copied()
            .ok_or(AccessError::Unauthenticated)?;
        let now = tx.frame().now();
        let sessions = tx.sessions().list_live(caller.user, now).await?;
        let items = sessions
            .into_iter()
            .map(|session| SessionView {
                id: session.id,
                current: session.id == caller.session,
                tenant: session.tenant,
                authenticated_at: session.authenticated_at,
                refreshed_at: session.generation_at,
                ends_at: session.idle_until.min(session.absolute_until),
                label: session.label,
                begun_from: session.begun_from,
                refreshed_from: session.refreshed_from,
            })
            .collect();
        Ok(Outcome::unaudited(SessionList { items }, "reads only"))
    }
}
