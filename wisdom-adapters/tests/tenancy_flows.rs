//! Tenancy's operations over the stores.

#[macro_use]
mod tenancy_suite;

mod memory {
    use std::sync::Arc;

    use wisdom_adapters::storage::memory::MemoryStore;
    use wisdom_core::conformance::TestKit;

    use crate::tenancy_suite::stage::Stage;

    async fn make() -> Stage {
        let test = TestKit::new();
        Stage::new(Arc::new(MemoryStore::new(Arc::clone(test.kit()))), test, ())
    }

    tenancy_flows!(make);
}
