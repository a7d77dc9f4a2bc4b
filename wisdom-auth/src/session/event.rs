//! Events of sessions. They belong to no tenant and are for the service's own consumers.

use serde::{Deserialize, Serialize};
use wisdom_core::event::{NewEvent, StoredEvent};
use wisdom_core::id::{SessionId, UserId};

use super::{RevokeReason, Session};

/// The kind of the event that a session began.
pub const STARTED: &str = "auth.session.started";
/// The kind of the event that sessions ended.
pub const REVOKED: &str = "auth.session.revoked";

#[derive(Debug, Serialize, Deserialize)]
struct Revoked {
    user: UserId,
    sessions: Vec<SessionId>,
    reason: RevokeReason,
}

pub(super) fn started(session: &Session) -> NewEvent {
    let data = serde_json::json!({ "user": session.user, "session": session.id, "tenant": session.tenant });
    NewEvent::new(STARTED, session.user, data).internal()
}

/// All that ended for one reason at one moment are one event: events of one user keep their order.
pub(crate) fn revoked(user: UserId, sessions: &[SessionId], reason: RevokeReason) -> NewEvent {
    let data = serde_json::json!({ "user": user, "sessions": sessions, "reason": reason });
    NewEvent::new(REVOKED, user, data).internal()
}

/// The sessions that ended, if that is what the event says: for the nodes that keep a
/// [`Revocations`](super::revocation::Revocations).
#[must_use]
pub fn ended_sessions(event: &StoredEvent) -> Option<Vec<SessionId>> {
    if event.kind != REVOKED {
        return None;
    }
    Revoked::deserialize(&event.data)
        .ok()
        .map(|revoked| revoked.sessions)
}
