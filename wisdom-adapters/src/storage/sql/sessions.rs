//! Sessions.

use async_trait::async_trait;
use uuid::Uuid;
use wisdom_auth::session::feed::RevokedSession;
use wisdom_auth::session::origin::Origin;
use wisdom_auth::session::{RevokeReason, Session};
use wisdom_auth::store::Sessions;
use wisdom_core::id::{SessionId, UserId};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;

use super::row::Row;
use super::statement::Statement;
use super::unit::{Unit, current};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, bound_tenant, label, generation, generation_at, confirmed, replays, sealed_key,
             authenticated_at, idle_until, absolute_until, revoked_at, revoked_reason, created_at, version,
             second_factor_at, begun_address, begun_agent, refreshed_address, refreshed_agent FROM sessions WHERE ",
            $rest
        )
    };
}

const INSERT: Statement = Statement::new(
    "sessions.insert",
    "INSERT INTO sessions (id, user_id, bound_tenant, label, generation, generation_at, confirmed, replays,
     sealed_key, authenticated_at, idle_until, absolute_until, revoked_at, revoked_reason, created_at, version,
     second_factor_at, begun_address, begun_agent, refreshed_address, refreshed_agent)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
);
pub(super) const FIND: Statement = Statement::new("sessions.find", select!("id = $1"));
const UPDATE: Statement = Statement::new(
    "sessions.update",
    "UPDATE sessions SET bound_tenant = $2, label = $3, generation = $4, generation_at = $5, confirmed = $6,
     replays = $7, sealed_key = $8, authenticated_at = $9, idle_until = $10, absolute_until = $11, revoked_at = $12,
     revoked_reason = $13, second_factor_at = $15, refreshed_address = $16, refreshed_agent = $17, version = $14 + 1 WHERE id = $1 AND version = $14",
);
pub(super) const LIST_LIVE: Statement = Statement::new(
    "sessions.list_live",
    select!(
        "user_id = $1 AND revoked_at IS NULL AND idle_until > $2 AND absolute_until > $2
         ORDER BY created_at DESC, id DESC LIMIT 100"
    ),
);
const REVOKE_ALL: Statement = Statement::new(
    "sessions.revoke_all",
    "UPDATE sessions SET revoked_at = $2, revoked_reason = $3, version = version + 1
     WHERE user_id = $1 AND revoked_at IS NULL AND idle_until > $2 AND absolute_until > $2 AND id <> $4 RETURNING id",
);

pub(super) const LIST_REVOKED: Statement = Statement::new(
    "sessions.list_revoked",
    "SELECT revoked_at, id FROM sessions
     WHERE revoked_at IS NOT NULL AND (revoked_at, id) > ($1, $2) ORDER BY revoked_at, id LIMIT $3",
);
// A new session's reference holds the user's row as well: until it is committed nobody gets past this, and then it is
// seen by the statement that follows. SQLite has one writer.
const LOCK_USER: Statement = Statement::split(
    "sessions.revoke_all",
    "SELECT id FROM users WHERE id = $1",
    "SELECT id FROM users WHERE id = $1 FOR UPDATE",
);

/// Reads an address, which may be missing, and the agent behind it.
fn origin(row: &Row, at: usize) -> Result<Origin, StorageError> {
    let address = match row.opt_text(at)? {
        None => None,
        Some(_) => Some(row.read(at, |text| text.parse().ok())?),
    };
    Ok(Origin {
        address,
        agent: row.text(at + 1)?,
    })
}

fn session(row: &Row) -> Result<Session, StorageError> {
    let revoked = match row.opt_time(12)? {
        None => None,
        Some(at) => Some((at, row.read(13, RevokeReason::from_name)?)),
    };
    Ok(Session {
        id: row.id(0)?,
        user: row.id(1)?,
        tenant: row.opt_id(2)?,
        label: row.text(3)?,
        begun_from: origin(row, 17)?,
        refreshed_from: origin(row, 19)?,
        generation: row.int(4)?,
        generation_at: row.time(5)?,
        confirmed: row.bool(6)?,
        replays: row.small(7)?,
        sealed_key: row.bytes(8)?,
        authenticated_at: row.time(9)?,
        second_factor_at: row.opt_time(16)?,
        idle_until: row.time(10)?,
        absolute_until: row.time(11)?,
        revoked,
        created_at: row.time(14)?,
        version: row.int(15)?,
    })
}

#[async_trait]
impl Sessions for Unit {
    async fn insert(&mut self, session: &Session) -> Result<(), StorageError> {
        let begun_address = session.begun_from.address.map(|address| address.to_string());
        let refreshed_address = session.refreshed_from.address.map(|address| address.to_string());
        let values = [
            session.id.into(),
            session.user.into(),
            session.tenant.into(),
            session.label.as_str().into(),
            session.generation.into(),
            session.generation_at.into(),
            session.confirmed.into(),
            session.replays.into(),
            (&session.sealed_key).into(),
            session.authenticated_at.into(),
            session.idle_until.into(),
            session.absolute_until.into(),
            session.revoked.map(|(at, _)| at).into(),
            session.revoked.map(|(_, reason)| reason.as_str()).into(),
            session.created_at.into(),
            session.version.into(),
            session.second_factor_at.into(),
            begun_address.as_deref().into(),
            session.begun_from.agent.as_str().into(),
            refreshed_address.as_deref().into(),
            session.refreshed_from.agent.as_str().into(),
        ];
        self.sql_tx().execute(&INSERT, &values).await?;
        Ok(())
    }

    async fn find(&mut self, id: SessionId) -> Result<Option<Session>, StorageError> {
        self.sql_tx()
            .fetch_optional(&FIND, &[id.into()])
            .await?
            .as_ref()
            .map(session)
            .transpose()
    }

    async fn update(&mut self, session: &Session, expected: i64) -> Result<(), StorageError> {
        let refreshed_address = session.refreshed_from.address.map(|address| address.to_string());
        let values = [
            session.id.into(),
            session.tenant.into(),
            session.label.as_str().into(),
            session.generation.into(),
            session.generation_at.into(),
            session.confirmed.into(),
            session.replays.into(),
            (&session.sealed_key).into(),
            session.authenticated_at.into(),
            session.idle_until.into(),
            session.absolute_until.into(),
            session.revoked.map(|(at, _)| at).into(),
            session.revoked.map(|(_, reason)| reason.as_str()).into(),
            expected.into(),
            session.second_factor_at.into(),
            refreshed_address.as_deref().into(),
            session.refreshed_from.agent.as_str().into(),
        ];
        current(self.sql_tx().execute(&UPDATE, &values).await?, &UPDATE)
    }

    async fn list_live(&mut self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StorageError> {
        self.sql_tx()
            .fetch_all(&LIST_LIVE, &[user.into(), now.into()])
            .await?
            .iter()
            .map(session)
            .collect()
    }

    async fn list_revoked(
        &mut self,
        after: RevokedSession,
        limit: u32,
    ) -> Result<Vec<RevokedSession>, StorageError> {
        let values = [after.at.into(), after.session.into(), i64::from(limit).into()];
        self.sql_tx()
            .fetch_all(&LIST_REVOKED, &values)
            .await?
            .iter()
            .map(|row| {
                Ok(RevokedSession {
                    at: row.time(0)?,
                    session: row.id(1)?,
                })
            })
            .collect()
    }

    async fn revoke_all(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        reason: RevokeReason,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StorageError> {
        self.sql_tx().fetch_optional(&LOCK_USER, &[user.into()]).await?;
        // No session has the nil id.
        let except = except.map_or(Uuid::nil(), |id| id.as_uuid());
        let values = [user.into(), at.into(), reason.as_str().into(), except.into()];
        self.sql_tx()
            .fetch_all(&REVOKE_ALL, &values)
            .await?
            .iter()
            .map(|row| row.id(0))
            .collect()
    }
}
