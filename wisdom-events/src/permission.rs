//! The permissions that guard webhooks and the audit log.

use wisdom_core::access::{Permission, Role};

/// See webhook endpoints, never their secrets.
pub const ENDPOINT_READ: Permission = Permission::new("webhooks.endpoint.read", Role::Admin);
/// Add, change and remove webhook endpoints, rotate their secrets, send an example.
pub const ENDPOINT_MANAGE: Permission = Permission::new("webhooks.endpoint.manage", Role::Admin);
/// See what was delivered, with what receivers answered.
pub const DELIVERY_READ: Permission = Permission::new("webhooks.delivery.read", Role::Admin);
/// Deliver again.
pub const DELIVERY_REPLAY: Permission = Permission::new("webhooks.delivery.replay", Role::Admin);
/// Read the audit log.
pub const AUDIT_LIST: Permission = Permission::new("audit.entry.list", Role::Admin);

/// All permissions of this crate.
pub const ALL: &[Permission] = &[
    ENDPOINT_READ,
    ENDPOINT_MANAGE,
    DELIVERY_READ,
    DELIVERY_REPLAY,
    AUDIT_LIST,
];
