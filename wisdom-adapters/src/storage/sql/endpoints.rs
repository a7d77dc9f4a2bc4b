//! Webhook endpoints of the tenant.

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wisdom_core::id::EndpointId;
use wisdom_core::page::{PageRequest, Position, Slice};
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::value::HttpsUrl;
use wisdom_events::store::Endpoints;
use wisdom_events::webhook::Endpoint;

use super::row::Row;
use super::statement::Statement;
use super::unit::{Unit, current, one_more, rising};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, url, description, event_kinds, enabled, disabled_reason, failing_since, secrets, created_at,
             version FROM webhook_endpoints WHERE tenant_id = $1",
            $rest
        )
    };
}

const INSERT: Statement = Statement::new(
    "endpoints.insert",
    "INSERT INTO webhook_endpoints (tenant_id, id, url, description, event_kinds, enabled, disabled_reason,
     failing_since, secrets, created_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
);
pub(super) const COUNT: Statement = Statement::new(
    "endpoints.count",
    "SELECT count(*) FROM webhook_endpoints WHERE tenant_id = $1",
);
pub(super) const FIND: Statement = Statement::new("endpoints.find", select!(" AND id = $2"));
pub(super) const LIST: Statement = Statement::new(
    "endpoints.list",
    select!(" AND (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4"),
);
pub(super) const LIST_ENABLED: Statement = Statement::new(
    "endpoints.list_enabled",
    select!(" AND enabled = $2 ORDER BY created_at, id LIMIT 100"),
);
const UPDATE: Statement = Statement::new(
    "endpoints.update",
    "UPDATE webhook_endpoints SET url = $3, description = $4, event_kinds = $5, enabled = $6, disabled_reason = $7,
     failing_since = $8, secrets = $9, version = $10 + 1 WHERE tenant_id = $1 AND id = $2 AND version = $10",
);
const DELETE: Statement = Statement::new(
    "endpoints.delete",
    "DELETE FROM webhook_endpoints WHERE tenant_id = $1 AND id = $2",
);

fn to_json<T: Serialize>(value: &T, statement: &Statement) -> Result<serde_json::Value, StorageError> {
    serde_json::to_value(value)
        .map_err(|e| StorageError::new(StorageErrorKind::Internal, statement.name()).caused_by(e))
}

fn from_json<T: DeserializeOwned>(row: &Row, at: usize) -> Result<T, StorageError> {
    serde_json::from_value(row.json(at)?)
        .map_err(|e| StorageError::new(StorageErrorKind::Corrupt, FIND.name()).caused_by(e))
}

fn endpoint(row: &Row) -> Result<Endpoint, StorageError> {
    Ok(Endpoint {
        id: row.id(0)?,
        url: row.read(1, |text| HttpsUrl::parse(text).ok())?,
        description: row.text(2)?,
        event_kinds: from_json(row, 3)?,
        enabled: row.bool(4)?,
        disabled_reason: row.opt_text(5)?,
        failing_since: row.opt_time(6)?,
        secrets: from_json(row, 7)?,
        created_at: row.time(8)?,
        version: row.int(9)?,
    })
}

#[async_trait]
impl Endpoints for Unit {
    async fn insert(&mut self, endpoint: &Endpoint) -> Result<(), StorageError> {
        let kinds = to_json(&endpoint.event_kinds, &INSERT)?;
        let secrets = to_json(&endpoint.secrets, &INSERT)?;
        let values = [
            endpoint.id.into(),
            endpoint.url.as_str().into(),
            endpoint.description.as_str().into(),
            (&kinds).into(),
            endpoint.enabled.into(),
            endpoint.disabled_reason.as_deref().into(),
            endpoint.failing_since.into(),
            (&secrets).into(),
            endpoint.created_at.into(),
            endpoint.version.into(),
        ];
        self.tenant_execute(&INSERT, &values).await?;
        Ok(())
    }

    async fn count(&mut self) -> Result<i64, StorageError> {
        match self.tenant_optional(&COUNT, &[]).await? {
            Some(row) => row.int(0),
            None => Ok(0),
        }
    }

    async fn find(&mut self, id: EndpointId) -> Result<Option<Endpoint>, StorageError> {
        self.tenant_optional(&FIND, &[id.into()])
            .await?
            .as_ref()
            .map(endpoint)
            .transpose()
    }

    async fn list(&mut self, page: &PageRequest) -> Result<Slice<Endpoint>, StorageError> {
        let after = rising(page);
        let values = [after.at.into(), after.id.into(), one_more(page).into()];
        let rows = self.tenant_all(&LIST, &values).await?;
        let endpoints = rows.iter().map(endpoint).collect::<Result<_, _>>()?;
        Ok(Slice::cut(endpoints, page.limit, |e: &Endpoint| Position {
            at: e.created_at,
            id: e.id.as_uuid(),
        }))
    }

    async fn list_enabled(&mut self) -> Result<Vec<Endpoint>, StorageError> {
        self.tenant_all(&LIST_ENABLED, &[true.into()])
            .await?
            .iter()
            .map(endpoint)
            .collect()
    }

    async fn update(&mut self, endpoint: &Endpoint, expected: i64) -> Result<(), StorageError> {
        let kinds = to_json(&endpoint.event_kinds, &UPDATE)?;
        let secrets = to_json(&endpoint.secrets, &UPDATE)?;
        let values = [
            endpoint.id.into(),
            endpoint.url.as_str().into(),
            endpoint.description.as_str().into(),
            (&kinds).into(),
            endpoint.enabled.into(),
            endpoint.disabled_reason.as_deref().into(),
            endpoint.failing_since.into(),
            (&secrets).into(),
            expected.into(),
        ];
        current(self.tenant_execute(&UPDATE, &values).await?, &UPDATE)
    }

    async fn delete(&mut self, id: EndpointId) -> Result<bool, StorageError> {
        Ok(self.tenant_execute(&DELETE, &[id.into()]).await? == 1)
    }
}
