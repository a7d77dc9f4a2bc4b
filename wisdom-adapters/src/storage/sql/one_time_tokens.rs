//! One-time tokens.

use async_trait::async_trait;
use wisdom_auth::one_time_token::{OneTimeToken, TokenPurpose};
use wisdom_auth::store::OneTimeTokens;
use wisdom_core::id::UserId;
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;
use wisdom_core::value::EmailAddress;

use super::row::Row;
use super::statement::Statement;
use super::unit::Unit;

const REPLACE: Statement = Statement::new(
    "one_time_tokens.replace",
    "INSERT INTO one_time_tokens (user_id, purpose, hash, email, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (user_id, purpose) DO UPDATE SET hash = excluded.hash, email = excluded.email,
     created_at = excluded.created_at, expires_at = excluded.expires_at, attempts = 0",
);
pub(super) const CONSUME: Statement = Statement::new(
    "one_time_tokens.consume",
    "DELETE FROM one_time_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3
     RETURNING hash, purpose, user_id, email, created_at, expires_at",
);
const FIND: Statement = Statement::new(
    "one_time_tokens.find",
    "SELECT hash, purpose, user_id, email, created_at, expires_at FROM one_time_tokens
     WHERE hash = $1 AND purpose = $2 AND expires_at > $3",
);
const ATTEMPT: Statement = Statement::new(
    "one_time_tokens.attempt",
    "UPDATE one_time_tokens SET attempts = attempts + 1
     WHERE user_id = $1 AND purpose = $2 AND attempts < $3 AND expires_at > $4
     RETURNING hash, purpose, user_id, email, created_at, expires_at",
);
const VOID: Statement = Statement::new(
    "one_time_tokens.void",
    "DELETE FROM one_time_tokens WHERE user_id = $1 AND purpose = $2",
);

fn token(row: &Row) -> Result<OneTimeToken, StorageError> {
    Ok(OneTimeToken {
        hash: row.array(0)?,
        purpose: row.read(1, TokenPurpose::from_name)?,
        user: row.id(2)?,
        email: row.read(3, |text| EmailAddress::parse(text).ok())?,
        created_at: row.time(4)?,
        expires_at: row.time(5)?,
    })
}

#[async_trait]
impl OneTimeTokens for Unit {
    async fn replace(&mut self, token: &OneTimeToken) -> Result<(), StorageError> {
        let values = [
            token.user.into(),
            token.purpose.as_str().into(),
            (&token.hash).into(),
            token.email.as_str().into(),
            token.created_at.into(),
            token.expires_at.into(),
        ];
        self.sql_tx().execute(&REPLACE, &values).await?;
        Ok(())
    }

    async fn consume(
        &mut self,
        hash: &[u8; 32],
        purpose: TokenPurpose,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>, StorageError> {
        let values = [hash.into(), purpose.as_str().into(), now.into()];
        self.sql_tx()
            .fetch_optional(&CONSUME, &values)
            .await?
            .as_ref()
            .map(token)
            .transpose()
    }

    async fn find(
        &mut self,
        hash: &[u8; 32],
        purpose: TokenPurpose,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>, StorageError> {
        let values = [hash.into(), purpose.as_str().into(), now.into()];
        self.sql_tx()
            .fetch_optional(&FIND, &values)
            .await?
            .as_ref()
            .map(token)
            .transpose()
    }

    async fn attempt(
        &mut self,
        user: UserId,
        purpose: TokenPurpose,
        most: u16,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>, StorageError> {
        let values = [user.into(), purpose.as_str().into(), most.into(), now.into()];
        self.sql_tx()
            .fetch_optional(&ATTEMPT, &values)
            .await?
            .as_ref()
            .map(token)
            .transpose()
    }

    async fn void(&mut self, user: UserId, purposes: &[TokenPurpose]) -> Result<(), StorageError> {
        for purpose in purposes {
            let values = [user.into(), purpose.as_str().into()];
            self.sql_tx().execute(&VOID, &values).await?;
        }
        Ok(())
    }
}
