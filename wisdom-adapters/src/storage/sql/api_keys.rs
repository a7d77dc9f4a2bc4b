//! API keys: the tenant's, and the one that was presented.

use async_trait::async_trait;
use serde_json::{Value as Json, json};
use wisdom_auth::api_key::{ApiKey, KeyKind, StoredSecret};
use wisdom_auth::store::{ApiKeys, PresentedKeys};
use wisdom_core::access::Role;
use wisdom_core::id::{ApiKeyId, TenantId, UserId};
use wisdom_core::page::{PageRequest, Position, Slice};
use wisdom_core::storage::{Constraint, StorageError, StorageErrorKind};
use wisdom_core::time::Timestamp;
use wisdom_core::value::DisplayName;

use super::row::Row;
use super::statement::Statement;
use super::unit::{Unit, added, current, one_more, rising};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant_id, public_id, name, owner_id, creator_id, role, scopes, addresses, secret_hash,
             secret_at, previous_hash, previous_until, expires_at, last_used_at, needs_review, revoked_at, created_at,
             version, kind, certificates FROM api_keys WHERE ",
            $rest
        )
    };
}

const INSERT: Statement = Statement::new(
    "api_keys.insert",
    "INSERT INTO api_keys (tenant_id, id, public_id, name, owner_id, creator_id, role, scopes, addresses, secret_hash,
     secret_at, previous_hash, previous_until, expires_at, last_used_at, needs_review, revoked_at, created_at, version,
     kind, certificates)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
     ON CONFLICT DO NOTHING",
);
pub(super) const COUNT: Statement = Statement::new(
    "api_keys.count",
    "SELECT count(*) FROM api_keys WHERE tenant_id = $1 AND revoked_at IS NULL
     AND (expires_at IS NULL OR expires_at > $2)",
);
pub(super) const FIND: Statement = Statement::new("api_keys.find", select!("tenant_id = $1 AND id = $2"));
pub(super) const LIST: Statement = Statement::new(
    "api_keys.list",
    select!("tenant_id = $1 AND kind = $5 AND (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4"),
);
pub(super) const LIST_OF_OWNER: Statement = Statement::new(
    "api_keys.list",
    select!(
        "tenant_id = $1 AND kind = $5 AND owner_id = $6 AND (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4"
    ),
);
const UPDATE: Statement = Statement::new(
    "api_keys.update",
    "UPDATE api_keys SET name = $3, secret_hash = $4, secret_at = $5, previous_hash = $6, previous_until = $7,
     needs_review = $8, revoked_at = $9, version = $10 + 1, certificates = $11
     WHERE tenant_id = $1 AND id = $2 AND version = $10",
);
pub(super) const FLAG: Statement = Statement::new(
    "api_keys.flag_creator",
    "UPDATE api_keys SET needs_review = $3, version = version + 1 WHERE tenant_id = $1 AND creator_id = $2
     AND owner_id IS NULL AND revoked_at IS NULL AND needs_review <> $3 RETURNING id",
);
pub(super) const ROLE_OF: Statement = Statement::new(
    "api_keys.role_of",
    "SELECT role FROM memberships WHERE tenant_id = $1 AND user_id = $2",
);
pub(super) const PRESENTED: Statement = Statement::new("api_keys.presented", select!("public_id = $1"));
pub(super) const BY_ID: Statement = Statement::new("api_keys.by_id", select!("id = $1"));
const NOTE_USE: Statement = Statement::new(
    "api_keys.note_use",
    "UPDATE api_keys SET last_used_at = $3 WHERE tenant_id = $1 AND id = $2
     AND (last_used_at IS NULL OR last_used_at < $3)",
);

fn corrupt(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::new(StorageErrorKind::Corrupt, FIND.name()).caused_by(error)
}

fn from_json<T: serde::de::DeserializeOwned>(json: Json) -> Result<T, StorageError> {
    serde_json::from_value(json).map_err(corrupt)
}

fn key(row: &Row) -> Result<ApiKey, StorageError> {
    let previous = match (row.opt_bytes(11)?, row.opt_time(12)?) {
        (Some(hash), Some(at)) => Some(StoredSecret {
            hash: hash.try_into().map_err(|_| corrupt("a hash of another length"))?,
            at,
        }),
        _ => None,
    };
    Ok(ApiKey {
        id: row.id(0)?,
        tenant: row.id(1)?,
        kind: row.read(19, KeyKind::named)?,
        public_id: row.text(2)?,
        name: row.read(3, |text| DisplayName::parse(text).ok())?,
        owner: row.opt_id(4)?,
        creator: row.id(5)?,
        role: row.read(6, |name| name.parse().ok())?,
        scopes: from_json(row.json(7)?)?,
        addresses: from_json(row.json(8)?)?,
        certificates: from_json(row.json(20)?)?,
        secret: StoredSecret {
            hash: row.array(9)?,
            at: row.time(10)?,
        },
        previous,
        expires_at: row.opt_time(13)?,
        last_used_at: row.opt_time(14)?,
        needs_review: row.bool(15)?,
        revoked_at: row.opt_time(16)?,
        created_at: row.time(17)?,
        version: row.int(18)?,
    })
}

#[async_trait]
impl ApiKeys for Unit {
    async fn insert(&mut self, key: &ApiKey) -> Result<(), StorageError> {
        let (scopes, addresses) = (json!(key.scopes), json!(key.addresses));
        let certificates = json!(key.certificates);
        let values = [
            key.id.into(),
            key.public_id.as_str().into(),
            key.name.as_str().into(),
            key.owner.into(),
            key.creator.into(),
            key.role.as_str().into(),
            (&scopes).into(),
            (&addresses).into(),
            (&key.secret.hash).into(),
            key.secret.at.into(),
            key.previous.as_ref().map(|previous| &previous.hash).into(),
            key.previous.map(|previous| previous.at).into(),
            key.expires_at.into(),
            key.last_used_at.into(),
            key.needs_review.into(),
            key.revoked_at.into(),
            key.created_at.into(),
            key.version.into(),
            key.kind.as_str().into(),
            (&certificates).into(),
        ];
        let changed = self.tenant_execute(&INSERT, &values).await?;
        added(changed, &INSERT, Constraint::IDENTITY)
    }

    async fn count(&mut self, now: Timestamp) -> Result<i64, StorageError> {
        match self.tenant_optional(&COUNT, &[now.into()]).await? {
            Some(row) => row.int(0),
            None => Ok(0),
        }
    }

    async fn find(&mut self, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError> {
        let row = self.tenant_optional(&FIND, &[id.into()]).await?;
        row.as_ref().map(key).transpose()
    }

    async fn list(
        &mut self,
        kind: KeyKind,
        owner: Option<UserId>,
        page: &PageRequest,
    ) -> Result<Slice<ApiKey>, StorageError> {
        let after = rising(page);
        let (at, id, limit) = (after.at.into(), after.id.into(), one_more(page).into());
        let kind = kind.as_str().into();
        let rows = match owner {
            None => self.tenant_all(&LIST, &[at, id, limit, kind]).await?,
            Some(owner) => {
                self.tenant_all(&LIST_OF_OWNER, &[at, id, limit, kind, owner.into()])
                    .await?
            }
        };
        let keys = rows.iter().map(key).collect::<Result<_, _>>()?;
        Ok(Slice::cut(keys, page.limit, |key: &ApiKey| Position {
            at: key.created_at,
            id: key.id.as_uuid(),
        }))
    }

    async fn update(&mut self, key: &ApiKey, expected: i64) -> Result<(), StorageError> {
        let certificates = json!(key.certificates);
        let values = [
            key.id.into(),
            key.name.as_str().into(),
            (&key.secret.hash).into(),
            key.secret.at.into(),
            key.previous.as_ref().map(|previous| &previous.hash).into(),
            key.previous.map(|previous| previous.at).into(),
            key.needs_review.into(),
            key.revoked_at.into(),
            expected.into(),
            (&certificates).into(),
        ];
        current(self.tenant_execute(&UPDATE, &values).await?, &UPDATE)
    }

    async fn flag_creator(&mut self, creator: UserId) -> Result<Vec<ApiKeyId>, StorageError> {
        let rows = self.tenant_all(&FLAG, &[creator.into(), true.into()]).await?;
        rows.iter().map(|row| row.id(0)).collect()
    }

    async fn role_of(&mut self, user: UserId) -> Result<Option<Role>, StorageError> {
        let row = self.tenant_optional(&ROLE_OF, &[user.into()]).await?;
        row.map(|row| row.read(0, |name| name.parse().ok())).transpose()
    }
}

#[async_trait]
impl PresentedKeys for Unit {
    async fn find(&mut self, public_id: &str) -> Result<Option<ApiKey>, StorageError> {
        let row = self
            .sql_tx()
            .fetch_optional(&PRESENTED, &[public_id.into()])
            .await?;
        row.as_ref().map(key).transpose()
    }

    async fn find_by_id(&mut self, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError> {
        let row = self.sql_tx().fetch_optional(&BY_ID, &[id.into()]).await?;
        row.as_ref().map(key).transpose()
    }

    async fn note_use(&mut self, tenant: TenantId, key: ApiKeyId, at: Timestamp) -> Result<(), StorageError> {
        self.sql_tx()
            .execute(&NOTE_USE, &[tenant.into(), key.into(), at.into()])
            .await?;
        Ok(())
    }

    async fn role_in(&mut self, tenant: TenantId, user: UserId) -> Result<Option<Role>, StorageError> {
        let values = [tenant.into(), user.into()];
        let row = self.sql_tx().fetch_optional(&ROLE_OF, &values).await?;
        row.map(|row| row.read(0, |name| name.parse().ok())).transpose()
    }
}
