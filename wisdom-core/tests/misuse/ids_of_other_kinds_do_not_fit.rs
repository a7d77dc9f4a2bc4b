use wisdom_core::access::{Grants, Role};
use wisdom_core::context::VerifiedMembership;
use wisdom_core::id::{TenantId, UserId};

fn swapped(tenant: TenantId, user: UserId) -> VerifiedMembership {
    VerifiedMembership::attested(user, tenant, Grants::of_role(Role::Viewer))
}

fn main() {}
