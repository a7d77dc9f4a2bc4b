//! Ceremonies with passkeys that were begun and not completed.

use async_trait::async_trait;
use wisdom_auth::passkey::ceremony::{Ceremony, CeremonyPurpose};
use wisdom_auth::store::PasskeyCeremonies;
use wisdom_core::id::UserId;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::time::Timestamp;

use super::statement::Statement;
use super::unit::Unit;

const INSERT: Statement = Statement::new(
    "passkey_ceremonies.insert",
    "INSERT INTO passkey_ceremonies (hash, purpose, user_id, sign_in, state, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
/// Each ceremony that is begun removes more than one that was given up, so that they do not pile up.
pub(super) const CLEAR: Statement = Statement::split(
    "passkey_ceremonies.clear",
    "DELETE FROM passkey_ceremonies WHERE hash IN
     (SELECT hash FROM passkey_ceremonies WHERE expires_at <= $1 ORDER BY expires_at LIMIT 20)",
    "DELETE FROM passkey_ceremonies WHERE hash IN
     (SELECT hash FROM passkey_ceremonies WHERE expires_at <= $1 ORDER BY expires_at LIMIT 20
      FOR UPDATE SKIP LOCKED)",
);
pub(super) const FIND: Statement = Statement::new(
    "passkey_ceremonies.find",
    "SELECT hash, purpose, user_id, sign_in, state, created_at, expires_at FROM passkey_ceremonies
     WHERE hash = $1 AND expires_at > $2",
);
pub(super) const CONSUME: Statement = Statement::new(
    "passkey_ceremonies.consume",
    "DELETE FROM passkey_ceremonies WHERE hash = $1 AND expires_at > $2",
);
const DELETE_ALL: Statement = Statement::new(
    "passkey_ceremonies.delete_all",
    "DELETE FROM passkey_ceremonies WHERE user_id = $1",
);

#[async_trait]
impl PasskeyCeremonies for Unit {
    async fn insert(&mut self, ceremony: &Ceremony) -> Result<(), StorageError> {
        self.sql_tx()
            .execute(&CLEAR, &[ceremony.created_at.into()])
            .await?;
        let values = [
            (&ceremony.hash).into(),
            ceremony.purpose.as_str().into(),
            ceremony.user.into(),
            ceremony.sign_in.as_ref().map(<[u8; 32]>::as_slice).into(),
            ceremony.state.as_str().into(),
            ceremony.created_at.into(),
            ceremony.expires_at.into(),
        ];
        self.sql_tx().execute(&INSERT, &values).await?;
        Ok(())
    }

    async fn find(&mut self, hash: &[u8; 32], now: Timestamp) -> Result<Option<Ceremony>, StorageError> {
        let values = [hash.into(), now.into()];
        let Some(row) = self.sql_tx().fetch_optional(&FIND, &values).await? else {
            return Ok(None);
        };
        let sign_in = row.opt_bytes(3)?.map(<[u8; 32]>::try_from).transpose();
        Ok(Some(Ceremony {
            hash: row.array(0)?,
            purpose: row.read(1, CeremonyPurpose::from_name)?,
            user: row.opt_id(2)?,
            sign_in: sign_in.map_err(|_| StorageError::new(StorageErrorKind::Corrupt, FIND.name()))?,
            state: row.text(4)?,
            created_at: row.time(5)?,
            expires_at: row.time(6)?,
        }))
    }

    async fn consume(&mut self, hash: &[u8; 32], now: Timestamp) -> Result<bool, StorageError> {
        let values = [hash.into(), now.into()];
        Ok(self.sql_tx().execute(&CONSUME, &values).await? == 1)
    }

    async fn delete_all(&mut self, user: UserId) -> Result<(), StorageError> {
        self.sql_tx().execute(&DELETE_ALL, &[user.into()]).await?;
        Ok(())
    }
}
