//! Half-finished sign-ins.

use async_trait::async_trait;
use wisdom_auth::session::challenge::SignInChallenge;
use wisdom_auth::session::sign_in::Proof;
use wisdom_auth::store::SignInChallenges;
use wisdom_core::id::UserId;
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;

use super::statement::Statement;
use super::unit::Unit;

const INSERT: Statement = Statement::new(
    "sign_in_challenges.insert",
    "INSERT INTO sign_in_challenges (hash, user_id, credentials, proof, label, bound_tenant, attempts, created_at,
     expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
);
const DROP_EXPIRED: Statement = Statement::new(
    "sign_in_challenges.drop_expired",
    "DELETE FROM sign_in_challenges WHERE user_id = $1 AND expires_at <= $2",
);
pub(super) const FIND: Statement = Statement::new(
    "sign_in_challenges.find",
    "SELECT hash, user_id, credentials, proof, label, bound_tenant, attempts, created_at, expires_at
     FROM sign_in_challenges WHERE hash = $1",
);
const ATTEMPT: Statement = Statement::new(
    "sign_in_challenges.attempt",
    "UPDATE sign_in_challenges SET attempts = attempts + 1 WHERE hash = $1 AND attempts < $2 AND expires_at > $3",
);
const DELETE: Statement = Statement::new(
    "sign_in_challenges.delete",
    "DELETE FROM sign_in_challenges WHERE hash = $1",
);
const DELETE_ALL: Statement = Statement::new(
    "sign_in_challenges.delete_all",
    "DELETE FROM sign_in_challenges WHERE user_id = $1",
);

#[async_trait]
impl SignInChallenges for Unit {
    async fn insert(&mut self, challenge: &SignInChallenge) -> Result<(), StorageError> {
        let expired = [challenge.user.into(), challenge.created_at.into()];
        self.sql_tx().execute(&DROP_EXPIRED, &expired).await?;
        let values = [
            (&challenge.hash).into(),
            challenge.user.into(),
            challenge.credentials.into(),
            challenge.proof.as_str().into(),
            challenge.label.as_str().into(),
            challenge.tenant.into(),
            challenge.attempts.into(),
            challenge.created_at.into(),
            challenge.expires_at.into(),
        ];
        self.sql_tx().execute(&INSERT, &values).await?;
        Ok(())
    }

    async fn find(&mut self, hash: &[u8; 32]) -> Result<Option<SignInChallenge>, StorageError> {
        let Some(row) = self.sql_tx().fetch_optional(&FIND, &[hash.into()]).await? else {
            return Ok(None);
        };
        Ok(Some(SignInChallenge {
            hash: row.array(0)?,
            user: row.id(1)?,
            credentials: row.int(2)?,
            proof: row.read(3, Proof::from_name)?,
            label: row.text(4)?,
            tenant: row.opt_id(5)?,
            attempts: row.small(6)?,
            created_at: row.time(7)?,
            expires_at: row.time(8)?,
        }))
    }

    async fn attempt(&mut self, hash: &[u8; 32], most: u16, now: Timestamp) -> Result<bool, StorageError> {
        let values = [hash.into(), most.into(), now.into()];
        Ok(self.sql_tx().execute(&ATTEMPT, &values).await? == 1)
    }

    async fn delete(&mut self, hash: &[u8; 32]) -> Result<bool, StorageError> {
        Ok(self.sql_tx().execute(&DELETE, &[hash.into()]).await? == 1)
    }

    async fn delete_all(&mut self, user: UserId) -> Result<(), StorageError> {
        self.sql_tx().execute(&DELETE_ALL, &[user.into()]).await?;
        Ok(())
    }
}
