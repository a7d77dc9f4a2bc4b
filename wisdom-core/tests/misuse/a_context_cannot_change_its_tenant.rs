use wisdom_core::context::TenantContext;
use wisdom_core::id::TenantId;

fn switch(context: &mut TenantContext, other: TenantId) {
    context.tenant = other;
}

fn main() {}
