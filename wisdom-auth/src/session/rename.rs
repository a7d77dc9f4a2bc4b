//! Giving a session another name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::{Access, AccessError};
use wisdom_core::audit::AuditEntry;
use wisdom_core::id::SessionId;
use wisdom_core::outcome::Outcome;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::MAX_RACES;
use super::start::label;
use crate::error::AuthError;
use crate::store::IdentityTx;

/// Names one of the caller's sessions, for the list of them.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameSession {
    /// The session.
    pub session: SessionId,
    /// The name; what is invisible is left out, and 200 characters are kept.
    pub label: String,
}

impl Operation for RenameSession {
    const NAME: &'static str = "auth.session.rename";
    const SUMMARY: &'static str = "Names one of the caller's sessions.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for RenameSession {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, AuthError> {
        let user = tx
            .frame()
            .principal()
            .ok_or(AccessError::Unauthenticated)?
            .session()
            .ok_or(AccessError::InPerson)?
            .user;
        let now = tx.frame().now();
        for _ in 0..MAX_RACES {
            let found = tx.sessions().find(self.session).await?;
            let session = found.filter(|session| session.user == user && session.is_live(now));
            let mut session = session.ok_or(AuthError::SessionNotFound)?;
            session.label = label(&self.label);
            match tx.sessions().update(&session, session.version).await {
                Ok(()) => return Ok(Outcome::audited((), AuditEntry::on("session", session.id))),
                // A refresh was faster: name what it left.
                Err(error) if error.kind() == StorageErrorKind::Stale => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StorageError::new(StorageErrorKind::Contention, "sessions.rename").into())
    }
}
