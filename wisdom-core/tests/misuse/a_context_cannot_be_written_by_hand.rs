use wisdom_core::access::{Grants, Role};
use wisdom_core::context::{Actor, TenantContext};
use wisdom_core::id::TenantId;
use wisdom_core::trace::RequestInfo;

fn forge(tenant: TenantId, request: RequestInfo) -> TenantContext {
    TenantContext { tenant, actor: Actor::System, principal: None, grants: Grants::of_role(Role::Owner), request }
}

fn main() {}
