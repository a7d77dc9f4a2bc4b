//! Sessions.

use std::cmp::Reverse;

use async_trait::async_trait;
use wisdom_auth::session::feed::RevokedSession;
use wisdom_auth::session::{RevokeReason, Session};
use wisdom_auth::store::Sessions;
use wisdom_core::id::{SessionId, UserId};
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;

use super::tables::{Tables, under};
use super::unit_of_work::MemoryTx;

/// The longest list of live sessions.
const LISTED: usize = 100;

fn live(tables: &Tables, user: UserId, now: Timestamp) -> Vec<Session> {
    let ids = tables.sessions_of_user.range(under(user));
    ids.filter_map(|(_, id)| tables.sessions.get(id))
        .filter(|session| session.is_live(now))
        .cloned()
        .collect()
}

#[async_trait]
impl Sessions for MemoryTx {
    async fn insert(&mut self, session: &Session) -> Result<(), StorageError> {
        const OPERATION: &str = "sessions.insert";
        let tables = self.write(OPERATION)?;
        if !tables.users.contains_key(&session.user) {
            return Err(StorageError::conflict(OPERATION, Constraint::REFERENCE));
        }
        if tables.sessions.contains_key(&session.id) {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        tables.sessions_of_user.insert((session.user, session.id));
        tables.sessions.insert(session.id, session.clone());
        Ok(())
    }

    async fn find(&mut self, id: SessionId) -> Result<Option<Session>, StorageError> {
        Ok(self.read().sessions.get(&id).cloned())
    }

    async fn update(&mut self, session: &Session, expected: i64) -> Result<(), StorageError> {
        const OPERATION: &str = "sessions.update";
        let tables = self.write(OPERATION)?;
        let stored = tables
            .sessions
            .get(&session.id)
            .filter(|stored| stored.version == expected);
        let user = stored.ok_or_else(|| StorageError::stale(OPERATION))?.user;
        // Whose session it is never changes.
        tables.sessions.insert(
            session.id,
            Session {
                user,
                version: expected + 1,
                ..session.clone()
            },
        );
        Ok(())
    }

    async fn list_live(&mut self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StorageError> {
        let mut sessions = live(self.read(), user, now);
        sessions.sort_by_key(|session| Reverse((session.created_at, session.id)));
        sessions.truncate(LISTED);
        Ok(sessions)
    }

    async fn list_revoked(
        &mut self,
        after: RevokedSession,
        limit: u32,
    ) -> Result<Vec<RevokedSession>, StorageError> {
        let ended = self.read().sessions.values().filter_map(|session| {
            session.revoked.map(|(at, _)| RevokedSession {
                at,
                session: session.id,
            })
        });
        let mut ended: Vec<_> = ended.filter(|ended| *ended > after).collect();
        ended.sort_unstable();
        ended.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(ended)
    }

    async fn revoke_all(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        reason: RevokeReason,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StorageError> {
        let tables = self.write("sessions.revoke_all")?;
        let mut ended = live(tables, user, at);
        ended.retain(|session| Some(session.id) != except);
        let ids = ended.iter().map(|session| session.id).collect();
        for session in ended {
            let version = session.version + 1;
            tables.sessions.insert(
                session.id,
                Session {
                    revoked: Some((at, reason)),
                    version,
                    ..session
                },
            );
        }
        Ok(ids)
    }
}
