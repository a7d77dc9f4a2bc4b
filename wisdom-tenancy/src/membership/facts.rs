//! What is told about memberships. Every event names the user: caches of what a user may do are cleared by them.

use serde_json::json;
use wisdom_core::access::Role;
use wisdom_core::event::NewEvent;

use super::Membership;

/// `tenancy.membership.created`.
pub(crate) fn created(membership: &Membership) -> NewEvent {
    let data = json!({ "membership": membership.id, "user": membership.user, "role": membership.role });
    NewEvent::new("tenancy.membership.created", membership.id, data)
}

/// `tenancy.membership.role_changed`.
pub(crate) fn role_changed(membership: &Membership, before: Role) -> NewEvent {
    let data = json!({
        "membership": membership.id,
        "user": membership.user,
        "role": membership.role,
        "previous_role": before,
    });
    NewEvent::new("tenancy.membership.role_changed", membership.id, data)
}

/// `tenancy.membership.removed`.
pub(crate) fn removed(membership: &Membership) -> NewEvent {
    let data = json!({ "membership": membership.id, "user": membership.user, "role": membership.role });
    NewEvent::new("tenancy.membership.removed", membership.id, data)
}
