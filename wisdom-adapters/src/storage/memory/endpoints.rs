//! Webhook endpoints of the tenant.

use async_trait::async_trait;
use wisdom_core::id::EndpointId;
use wisdom_core::page::{PageRequest, Position, Slice};
use wisdom_core::storage::{Constraint, StorageError};
use wisdom_events::store::Endpoints;
use wisdom_events::webhook::Endpoint;

use super::deliveries::forget;
use super::paging::{Order, page};
use super::tables::under;
use super::unit_of_work::MemoryTx;

/// The longest list of enabled endpoints.
const ASKED: u32 = 100;

fn place(endpoint: &Endpoint) -> Position {
    Position {
        at: endpoint.created_at,
        id: endpoint.id.as_uuid(),
    }
}

#[async_trait]
impl Endpoints for MemoryTx {
    async fn insert(&mut self, endpoint: &Endpoint) -> Result<(), StorageError> {
        const OPERATION: &str = "endpoints.insert";
        let (tenant, tables) = self.own_mut(OPERATION)?;
        let key = (tenant, endpoint.id);
        if tables.endpoints.contains_key(&key) {
            return Err(StorageError::conflict(OPERATION, Constraint::IDENTITY));
        }
        tables.endpoints.insert(key, endpoint.clone());
        Ok(())
    }

    async fn count(&mut self) -> Result<i64, StorageError> {
        let (tenant, tables) = self.own("endpoints.count")?;
        Ok(i64::try_from(tables.endpoints.range(under(tenant)).count()).unwrap_or(i64::MAX))
    }

    async fn find(&mut self, id: EndpointId) -> Result<Option<Endpoint>, StorageError> {
        let (tenant, tables) = self.own("endpoints.find")?;
        Ok(tables.endpoints.get(&(tenant, id)).cloned())
    }

    async fn list(&mut self, request: &PageRequest) -> Result<Slice<Endpoint>, StorageError> {
        let (tenant, tables) = self.own("endpoints.list")?;
        let rows = tables
            .endpoints
            .range(under(tenant))
            .map(|(_, endpoint)| endpoint.clone());
        Ok(page(rows, Order::OldestFirst, request, place))
    }

    async fn list_enabled(&mut self) -> Result<Vec<Endpoint>, StorageError> {
        let (tenant, tables) = self.own("endpoints.list_enabled")?;
        let rows = tables
            .endpoints
            .range(under(tenant))
            .map(|(_, endpoint)| endpoint);
        let enabled = rows.filter(|endpoint| endpoint.enabled).cloned();
        Ok(page(enabled, Order::OldestFirst, &PageRequest::first(ASKED), place).items)
    }

    async fn update(&mut self, endpoint: &Endpoint, expected: i64) -> Result<(), StorageError> {
        const OPERATION: &str = "endpoints.update";
        let (tenant, tables) = self.own_mut(OPERATION)?;
        let key = (tenant, endpoint.id);
        if tables
            .endpoints
            .get(&key)
            .is_none_or(|stored| stored.version != expected)
        {
            return Err(StorageError::stale(OPERATION));
        }
        tables.endpoints.insert(
            key,
            Endpoint {
                version: expected + 1,
                ..endpoint.clone()
            },
        );
        Ok(())
    }

    async fn delete(&mut self, id: EndpointId) -> Result<bool, StorageError> {
        let (tenant, tables) = self.own_mut("endpoints.delete")?;
        let existed = tables.endpoints.remove(&(tenant, id)).is_some();
        let rows = tables
            .deliveries
            .range(under(tenant))
            .filter(|(_, row)| row.delivery.endpoint == id);
        let doomed: Vec<_> = rows.map(|(_, row)| row.delivery.id).collect();
        forget(tables, tenant, &doomed);
        Ok(existed)
    }
}
