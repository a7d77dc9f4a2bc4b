//! What a tenant can do with its webhooks. One file an operation.

pub mod create_endpoint;
pub mod delete_endpoint;
pub mod get_endpoint;
pub mod list_attempts;
pub mod list_deliveries;
pub mod list_endpoints;
pub mod replay_delivery;
pub mod rotate_secret;
pub mod send_example;
pub mod update_endpoint;

use wisdom_core::id::TenantId;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::unit_of_work::Frame;

use crate::error::EventsError;

/// The tenant of a tenant's unit of work.
fn tenant_of(frame: &Frame) -> Result<TenantId, EventsError> {
    frame.tenant().ok_or_else(|| {
        StorageError::new(StorageErrorKind::Invalid, "webhooks")
            .caused_by("no tenant")
            .into()
    })
}
