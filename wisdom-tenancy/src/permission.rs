//! The permissions of tenancy, each with the lowest built-in role that holds it.

use wisdom_core::access::{Permission, Role};

/// See the tenant itself.
pub const TENANT_READ: Permission = Permission::new("tenancy.tenant.read", Role::Viewer);
/// Change the tenant's name.
pub const TENANT_UPDATE: Permission = Permission::new("tenancy.tenant.update", Role::Admin);

/// See who is a member.
pub const MEMBER_LIST: Permission = Permission::new("tenancy.member.list", Role::Viewer);
/// Change a member's role, within the own rank.
pub const MEMBER_UPDATE_ROLE: Permission = Permission::new("tenancy.member.update_role", Role::Admin);
/// Remove a member of no higher rank.
pub const MEMBER_REMOVE: Permission = Permission::new("tenancy.member.remove", Role::Admin);
/// Give up the own membership.
pub const MEMBER_LEAVE: Permission = Permission::new("tenancy.member.leave", Role::Viewer);

/// Invite, within the own rank.
pub const INVITATION_CREATE: Permission = Permission::new("tenancy.invitation.create", Role::Admin);
/// See invitations, never their tokens.
pub const INVITATION_LIST: Permission = Permission::new("tenancy.invitation.list", Role::Admin);
/// Take an invitation back.
pub const INVITATION_REVOKE: Permission = Permission::new("tenancy.invitation.revoke", Role::Admin);

/// Say whether operators may act for members, and end what they do.
pub const SUPPORT_ACCESS_MANAGE: Permission = Permission::new("tenancy.support_access.manage", Role::Owner);

/// All of them: for permission matrices and for reading custom roles.
pub const ALL: [Permission; 10] = [
    TENANT_READ,
    TENANT_UPDATE,
    MEMBER_LIST,
    MEMBER_UPDATE_ROLE,
    MEMBER_REMOVE,
    MEMBER_LEAVE,
    INVITATION_CREATE,
    INVITATION_LIST,
    INVITATION_REVOKE,
    SUPPORT_ACCESS_MANAGE,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_of_this_area() {
        let names: BTreeSet<_> = ALL.iter().map(Permission::name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(names.iter().all(|name| name.starts_with("tenancy.")));
    }

    #[test]
    fn nothing_that_changes_others_is_below_admin() {
        for permission in [
            MEMBER_UPDATE_ROLE,
            MEMBER_REMOVE,
            INVITATION_CREATE,
            INVITATION_REVOKE,
            TENANT_UPDATE,
        ] {
            assert!(permission.floor() >= Role::Admin, "{}", permission.name());
        }
    }
}
