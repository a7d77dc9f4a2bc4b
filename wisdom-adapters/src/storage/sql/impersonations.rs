//! Operators acting for users.

use async_trait::async_trait;
use wisdom_auth::impersonation::Impersonation;
use wisdom_auth::store::Impersonations;
use wisdom_core::id::{ImpersonationId, TenantId, UserId};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;

use super::row::Row;
use super::statement::Statement;
use super::unit::Unit;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, public_id, hash, operator_id, session_id, subject_id, tenant_id, reason, may_write, started_at,
             expires_at, ended_at FROM impersonations WHERE ",
            $rest
        )
    };
}

const INSERT: Statement = Statement::new(
    "impersonations.insert",
    "INSERT INTO impersonations (id, public_id, hash, operator_id, session_id, subject_id, tenant_id, reason,
     may_write, started_at, expires_at, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
);
const FIND: Statement = Statement::new("impersonations.find", select!("id = $1"));
pub(super) const PRESENTED: Statement = Statement::new("impersonations.presented", select!("public_id = $1"));
pub(super) const LIST_OF: Statement = Statement::new(
    "impersonations.list_of",
    select!("operator_id = $1 ORDER BY started_at DESC, id DESC LIMIT $2"),
);
const END: Statement = Statement::new(
    "impersonations.end",
    "UPDATE impersonations SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND expires_at > $2",
);
const NOTE_REQUEST: Statement = Statement::new(
    "impersonations.note_request",
    "INSERT INTO impersonation_requests (tenant_id, operator_id, asked_at) VALUES ($1, $2, $3)
     ON CONFLICT (tenant_id, operator_id) DO UPDATE SET asked_at = excluded.asked_at
     WHERE impersonation_requests.asked_at <= $4",
);

fn impersonation(row: &Row) -> Result<Impersonation, StorageError> {
    Ok(Impersonation {
        id: row.id(0)?,
        public_id: row.text(1)?,
        hash: row.array(2)?,
        operator: row.id(3)?,
        session: row.id(4)?,
        subject: row.id(5)?,
        tenant: row.id(6)?,
        reason: row.text(7)?,
        may_write: row.bool(8)?,
        started_at: row.time(9)?,
        expires_at: row.time(10)?,
        ended_at: row.opt_time(11)?,
    })
}

#[async_trait]
impl Impersonations for Unit {
    async fn insert(&mut self, it: &Impersonation) -> Result<(), StorageError> {
        let values = [
            it.id.into(),
            it.public_id.as_str().into(),
            (&it.hash).into(),
            it.operator.into(),
            it.session.into(),
            it.subject.into(),
            it.tenant.into(),
            it.reason.as_str().into(),
            it.may_write.into(),
            it.started_at.into(),
            it.expires_at.into(),
            it.ended_at.into(),
        ];
        self.sql_tx().execute(&INSERT, &values).await?;
        Ok(())
    }

    async fn find(&mut self, id: ImpersonationId) -> Result<Option<Impersonation>, StorageError> {
        let row = self.sql_tx().fetch_optional(&FIND, &[id.into()]).await?;
        row.as_ref().map(impersonation).transpose()
    }

    async fn find_presented(&mut self, public_id: &str) -> Result<Option<Impersonation>, StorageError> {
        let row = self
            .sql_tx()
            .fetch_optional(&PRESENTED, &[public_id.into()])
            .await?;
        row.as_ref().map(impersonation).transpose()
    }

    async fn list_of(&mut self, operator: UserId, limit: u32) -> Result<Vec<Impersonation>, StorageError> {
        let values = [operator.into(), i64::from(limit).into()];
        let rows = self.sql_tx().fetch_all(&LIST_OF, &values).await?;
        rows.iter().map(impersonation).collect()
    }

    async fn end(&mut self, id: ImpersonationId, at: Timestamp) -> Result<bool, StorageError> {
        let ended = self.sql_tx().execute(&END, &[id.into(), at.into()]).await?;
        Ok(ended > 0)
    }

    async fn note_request(
        &mut self,
        tenant: TenantId,
        operator: UserId,
        at: Timestamp,
        since: Timestamp,
    ) -> Result<bool, StorageError> {
        let values = [tenant.into(), operator.into(), at.into(), since.into()];
        let noted = self.sql_tx().execute(&NOTE_REQUEST, &values).await?;
        Ok(noted > 0)
    }
}
