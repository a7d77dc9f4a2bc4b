//! External identities.

use async_trait::async_trait;
use wisdom_auth::federation::identity::ExternalIdentity;
use wisdom_auth::store::ExternalIdentities;
use wisdom_core::id::{ExternalIdentityId, UserId};
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;
use wisdom_core::value::EmailAddress;

use super::row::Row;
use super::statement::Statement;
use super::unit::{Unit, added};

const INSERT: Statement = Statement::new(
    "external_identities.insert",
    "INSERT INTO external_identities (id, user_id, provider, issuer, subject, email, created_at, last_used_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (issuer, subject) DO NOTHING",
);
pub(super) const FIND_BY_SUBJECT: Statement = Statement::new(
    "external_identities.find_by_subject",
    "SELECT id, user_id, provider, issuer, subject, email, created_at, last_used_at
     FROM external_identities WHERE issuer = $1 AND subject = $2",
);
pub(super) const LIST_OF_USER: Statement = Statement::new(
    "external_identities.list_of_user",
    "SELECT id, user_id, provider, issuer, subject, email, created_at, last_used_at
     FROM external_identities WHERE user_id = $1 ORDER BY created_at, id",
);
const TOUCH: Statement = Statement::new(
    "external_identities.touch",
    "UPDATE external_identities SET email = COALESCE($2, email), last_used_at = $3 WHERE id = $1",
);
const DELETE: Statement = Statement::new(
    "external_identities.delete",
    "DELETE FROM external_identities WHERE id = $1 AND user_id = $2",
);

fn identity(row: &Row) -> Result<ExternalIdentity, StorageError> {
    Ok(ExternalIdentity {
        id: row.id(0)?,
        user: row.id(1)?,
        provider: row.text(2)?,
        issuer: row.text(3)?,
        subject: row.text(4)?,
        email: match row.opt_text(5)? {
            None => None,
            Some(_) => Some(row.read(5, |text| EmailAddress::parse(text).ok())?),
        },
        created_at: row.time(6)?,
        last_used_at: row.time(7)?,
    })
}

#[async_trait]
impl ExternalIdentities for Unit {
    async fn insert(&mut self, identity: &ExternalIdentity) -> Result<(), StorageError> {
        let values = [
            identity.id.into(),
            identity.user.into(),
            identity.provider.as_str().into(),
            identity.issuer.as_str().into(),
            identity.subject.as_str().into(),
            identity.email.as_ref().map(EmailAddress::as_str).into(),
            identity.created_at.into(),
            identity.last_used_at.into(),
        ];
        let changed = self.sql_tx().execute(&INSERT, &values).await?;
        added(changed, &INSERT, Constraint::EXTERNAL_IDENTITY)
    }

    async fn find_by_subject(
        &mut self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<ExternalIdentity>, StorageError> {
        self.sql_tx()
            .fetch_optional(&FIND_BY_SUBJECT, &[issuer.into(), subject.into()])
            .await?
            .as_ref()
            .map(identity)
            .transpose()
    }

    async fn list_of_user(&mut self, user: UserId) -> Result<Vec<ExternalIdentity>, StorageError> {
        self.sql_tx()
            .fetch_all(&LIST_OF_USER, &[user.into()])
            .await?
            .iter()
            .map(identity)
            .collect()
    }

    async fn touch(
        &mut self,
        id: ExternalIdentityId,
        email: Option<&EmailAddress>,
        at: Timestamp,
    ) -> Result<(), StorageError> {
        let values = [id.into(), email.map(EmailAddress::as_str).into(), at.into()];
        self.sql_tx().execute(&TOUCH, &values).await?;
        Ok(())
    }

    async fn delete(&mut self, id: ExternalIdentityId, user: UserId) -> Result<bool, StorageError> {
        let removed = self.sql_tx().execute(&DELETE, &[id.into(), user.into()]).await?;
        Ok(removed == 1)
    }
}
