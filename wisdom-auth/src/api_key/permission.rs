//! The permissions that guard API keys.

use wisdom_core::access::{Permission, Role};

/// Have personal keys: make, see, rotate and revoke the own ones.
pub const KEY_OWN: Permission = Permission::new("auth.api_key.own", Role::Viewer);
/// Make, see, rotate and revoke the tenant's keys, within the own rights, and see personal keys.
pub const KEY_MANAGE: Permission = Permission::new("auth.api_key.manage", Role::Admin);
/// Revoke whatever key there is, personal keys of others included.
pub const KEY_REVOKE_ANY: Permission = Permission::new("auth.api_key.revoke_any", Role::Owner);

/// All permissions of API keys.
pub const ALL: [Permission; 3] = [KEY_OWN, KEY_MANAGE, KEY_REVOKE_ANY];
