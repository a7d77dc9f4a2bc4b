//! Passkeys.

use async_trait::async_trait;
use wisdom_auth::passkey::Passkey;
use wisdom_auth::store::Passkeys;
use wisdom_core::id::{PasskeyId, UserId};
use wisdom_core::storage::{Constraint, StorageError, StorageErrorKind};
use wisdom_core::time::Timestamp;
use wisdom_core::value::DisplayName;

use super::row::Row;
use super::statement::Statement;
use super::unit::{Unit, added};

const INSERT: Statement = Statement::new(
    "passkeys.insert",
    "INSERT INTO passkeys (id, user_id, credential_id, credential, name, counter, backed_up, user_verified, created_at,
     last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (credential_id) DO NOTHING",
);
pub(super) const FIND: Statement = Statement::new(
    "passkeys.find",
    "SELECT id, user_id, credential_id, credential, name, counter, backed_up, user_verified, created_at, last_used_at
     FROM passkeys WHERE credential_id = $1",
);
pub(super) const LIST_OF_USER: Statement = Statement::new(
    "passkeys.list_of_user",
    "SELECT id, user_id, credential_id, credential, name, counter, backed_up, user_verified, created_at, last_used_at
     FROM passkeys WHERE user_id = $1 ORDER BY created_at, id",
);
pub(super) const COUNT: Statement = Statement::new(
    "passkeys.count",
    "SELECT COUNT(*) FROM passkeys WHERE user_id = $1",
);
const NOTE_USE: Statement = Statement::new(
    "passkeys.note_use",
    "UPDATE passkeys SET counter = $2, backed_up = $3, last_used_at = $4
     WHERE id = $1 AND (counter < $2 OR (counter = 0 AND $2 = 0))",
);
const RENAME: Statement = Statement::new(
    "passkeys.rename",
    "UPDATE passkeys SET name = $3 WHERE id = $1 AND user_id = $2",
);
const DELETE: Statement = Statement::new(
    "passkeys.delete",
    "DELETE FROM passkeys WHERE id = $1 AND user_id = $2",
);

fn passkey(row: &Row) -> Result<Passkey, StorageError> {
    Ok(Passkey {
        id: row.id(0)?,
        user: row.id(1)?,
        credential_id: row.bytes(2)?,
        credential: row.text(3)?,
        name: row.read(4, |text| DisplayName::parse(text).ok())?,
        counter: u32::try_from(row.int(5)?)
            .map_err(|error| StorageError::new(StorageErrorKind::Corrupt, FIND.name()).caused_by(error))?,
        backed_up: row.bool(6)?,
        user_verified: row.bool(7)?,
        created_at: row.time(8)?,
        last_used_at: row.opt_time(9)?,
    })
}

#[async_trait]
impl Passkeys for Unit {
    async fn insert(&mut self, passkey: &Passkey, most: u32) -> Result<bool, StorageError> {
        if Passkeys::count(self, passkey.user).await? >= i64::from(most) {
            return Ok(false);
        }
        let values = [
            passkey.id.into(),
            passkey.user.into(),
            (&passkey.credential_id).into(),
            passkey.credential.as_str().into(),
            passkey.name.as_str().into(),
            passkey.counter.into(),
            passkey.backed_up.into(),
            passkey.user_verified.into(),
            passkey.created_at.into(),
            passkey.last_used_at.into(),
        ];
        let changed = self.sql_tx().execute(&INSERT, &values).await?;
        added(changed, &INSERT, Constraint::PASSKEY)?;
        Ok(true)
    }

    async fn find(&mut self, credential_id: &[u8]) -> Result<Option<Passkey>, StorageError> {
        let row = self
            .sql_tx()
            .fetch_optional(&FIND, &[credential_id.into()])
            .await?;
        row.as_ref().map(passkey).transpose()
    }

    async fn list_of_user(&mut self, user: UserId) -> Result<Vec<Passkey>, StorageError> {
        let rows = self.sql_tx().fetch_all(&LIST_OF_USER, &[user.into()]).await?;
        rows.iter().map(passkey).collect()
    }

    async fn count(&mut self, user: UserId) -> Result<i64, StorageError> {
        let rows = self.sql_tx().fetch_all(&COUNT, &[user.into()]).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    async fn note_use(
        &mut self,
        id: PasskeyId,
        counter: u32,
        backed_up: bool,
        at: Timestamp,
    ) -> Result<bool, StorageError> {
        let values = [id.into(), counter.into(), backed_up.into(), at.into()];
        Ok(self.sql_tx().execute(&NOTE_USE, &values).await? == 1)
    }

    async fn rename(
        &mut self,
        id: PasskeyId,
        user: UserId,
        name: &DisplayName,
    ) -> Result<bool, StorageError> {
        let values = [id.into(), user.into(), name.as_str().into()];
        Ok(self.sql_tx().execute(&RENAME, &values).await? == 1)
    }

    async fn delete(&mut self, id: PasskeyId, user: UserId) -> Result<bool, StorageError> {
        let values = [id.into(), user.into()];
        Ok(self.sql_tx().execute(&DELETE, &values).await? == 1)
    }
}
