use wisdom_core::id::TenantId;
use wisdom_core::unit_of_work::{Effect, Store};

async fn begin<S: Store>(store: &S, tenant: TenantId) {
    let _ = store.begin(tenant, Effect::Read).await;
}

fn main() {}
