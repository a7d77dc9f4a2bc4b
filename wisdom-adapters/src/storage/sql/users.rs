//! Users and their password hashes.

use async_trait::async_trait;
use uuid::Uuid;
use wisdom_auth::store::Users;
use wisdom_auth::user::{User, UserState};
use wisdom_core::id::UserId;
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_core::time::Timestamp;
use wisdom_core::value::{DisplayName, EmailAddress};

use super::row::Row;
use super::statement::Statement;
use super::unit::{Unit, added, current};

const INSERT: Statement = Statement::new(
    "users.insert",
    "INSERT INTO users (id, email, email_key, email_verified_at, display_name, state, created_at, version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (email_key) DO NOTHING",
);
pub(super) const FIND: Statement = Statement::new(
    "users.find",
    "SELECT id, email, email_verified_at, display_name, state, created_at, version FROM users WHERE id = $1",
);
pub(super) const FIND_BY_EMAIL: Statement = Statement::new(
    "users.find_by_email",
    "SELECT id, email, email_verified_at, display_name, state, created_at, version
     FROM users WHERE email_key = $1",
);
const UPDATE: Statement = Statement::new(
    "users.update",
    "UPDATE users SET email = $2, email_key = $3, email_verified_at = $4, display_name = $5, state = $6,
     version = $7 + 1 WHERE id = $1 AND version = $7",
);
pub(super) const PAGE: Statement = Statement::new(
    "users.page",
    "SELECT id, email, email_verified_at, display_name, state, created_at, version
     FROM users WHERE id > $1 ORDER BY id LIMIT $2",
);
const PASSWORD: Statement = Statement::new(
    "users.password_hash",
    "SELECT phc FROM password_credentials WHERE user_id = $1",
);
const SET_PASSWORD: Statement = Statement::new(
    "users.set_password_hash",
    "INSERT INTO password_credentials (user_id, phc, changed_at) VALUES ($1, $2, $3)
     ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc, changed_at = excluded.changed_at",
);
pub(super) const OLD_PASSWORDS: Statement = Statement::new(
    "old_passwords.list",
    "SELECT phc FROM old_passwords WHERE user_id = $1 ORDER BY place DESC LIMIT $2",
);
const ADD_OLD_PASSWORD: Statement = Statement::new(
    "old_passwords.insert",
    "INSERT INTO old_passwords (user_id, place, phc)
     SELECT $1, COALESCE(MAX(place), 0) + 1, $2 FROM old_passwords WHERE user_id = $1",
);
const FORGET_OLD_PASSWORDS: Statement = Statement::new(
    "old_passwords.delete",
    "DELETE FROM old_passwords WHERE user_id = $1
     AND place <= (SELECT MAX(place) FROM old_passwords WHERE user_id = $1) - $2",
);

// SQLite's writers take turns; on PostgreSQL the row stays locked, against others who ask for it and against changes.
const LOCK_CREDENTIALS: Statement = Statement::split(
    "users.lock_credentials",
    "SELECT credentials FROM users WHERE id = $1",
    "SELECT credentials FROM users WHERE id = $1 FOR NO KEY UPDATE",
);
const NEXT_CREDENTIALS: Statement = Statement::new(
    "users.next_credentials",
    "UPDATE users SET credentials = credentials + 1 WHERE id = $1",
);

fn user(row: &Row) -> Result<User, StorageError> {
    Ok(User {
        id: row.id(0)?,
        email: row.read(1, |text| EmailAddress::parse(text).ok())?,
        email_verified_at: row.opt_time(2)?,
        display_name: row.read(3, |text| DisplayName::parse(text).ok())?,
        state: row.read(4, UserState::from_name)?,
        created_at: row.time(5)?,
        version: row.int(6)?,
    })
}

#[async_trait]
impl Users for Unit {
    async fn insert(&mut self, user: &User) -> Result<(), StorageError> {
        let values = [
            user.id.into(),
            user.email.as_str().into(),
            user.email.lookup_key().into(),
            user.email_verified_at.into(),
            user.display_name.as_str().into(),
            user.state.as_str().into(),
            user.created_at.into(),
            user.version.into(),
        ];
        added(
            self.sql_tx().execute(&INSERT, &values).await?,
            &INSERT,
            Constraint::USER_EMAIL,
        )
    }

    async fn find(&mut self, id: UserId) -> Result<Option<User>, StorageError> {
        self.sql_tx()
            .fetch_optional(&FIND, &[id.into()])
            .await?
            .as_ref()
            .map(user)
            .transpose()
    }

    async fn find_by_email(&mut self, email: &EmailAddress) -> Result<Option<User>, StorageError> {
        let key = email.lookup_key();
        self.sql_tx()
            .fetch_optional(&FIND_BY_EMAIL, &[key.into()])
            .await?
            .as_ref()
            .map(user)
            .transpose()
    }

    async fn update(&mut self, user: &User, expected: i64) -> Result<(), StorageError> {
        let values = [
            user.id.into(),
            user.email.as_str().into(),
            user.email.lookup_key().into(),
            user.email_verified_at.into(),
            user.display_name.as_str().into(),
            user.state.as_str().into(),
            expected.into(),
        ];
        current(self.sql_tx().execute(&UPDATE, &values).await?, &UPDATE)
    }

    async fn page(&mut self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StorageError> {
        // No user has the nil id.
        let after = after.map_or(Uuid::nil(), |id| id.as_uuid());
        self.sql_tx()
            .fetch_all(&PAGE, &[after.into(), i64::from(limit).into()])
            .await?
            .iter()
            .map(user)
            .collect()
    }

    async fn password_hash(&mut self, id: UserId) -> Result<Option<String>, StorageError> {
        self.sql_tx()
            .fetch_optional(&PASSWORD, &[id.into()])
            .await?
            .map(|row| row.text(0))
            .transpose()
    }

    async fn set_password_hash(&mut self, id: UserId, phc: &str, at: Timestamp) -> Result<(), StorageError> {
        self.sql_tx()
            .execute(&SET_PASSWORD, &[id.into(), phc.into(), at.into()])
            .await?;
        Ok(())
    }

    async fn lock_credentials(&mut self, id: UserId) -> Result<Option<i64>, StorageError> {
        self.sql_tx()
            .fetch_optional(&LOCK_CREDENTIALS, &[id.into()])
            .await?
            .map(|row| row.int(0))
            .transpose()
    }

    async fn next_credentials(&mut self, id: UserId) -> Result<(), StorageError> {
        current(
            self.sql_tx().execute(&NEXT_CREDENTIALS, &[id.into()]).await?,
            &NEXT_CREDENTIALS,
        )
    }

    async fn old_password_hashes(&mut self, id: UserId, limit: u32) -> Result<Vec<String>, StorageError> {
        self.sql_tx()
            .fetch_all(&OLD_PASSWORDS, &[id.into(), i64::from(limit).into()])
            .await?
            .iter()
            .map(|row| row.text(0))
            .collect()
    }

    async fn add_old_password_hash(&mut self, id: UserId, phc: &str, limit: u32) -> Result<(), StorageError> {
        if limit > 0 {
            self.sql_tx()
                .execute(&ADD_OLD_PASSWORD, &[id.into(), phc.into()])
                .await?;
        }
        self.sql_tx()
            .execute(&FORGET_OLD_PASSWORDS, &[id.into(), i64::from(limit).into()])
            .await?;
        Ok(())
    }
}
