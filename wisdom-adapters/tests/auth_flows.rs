//! Identity's operations over the stores.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests"
)]

#[macro_use]
mod auth_suite;

mod memory {
    use std::future::{Ready, ready};
    use std::sync::Arc;

    use wisdom_adapters::storage::memory::MemoryStore;
    use wisdom_core::conformance::TestKit;

    use crate::auth_suite::stage::Stage;

    fn make() -> Ready<Stage> {
        let test = TestKit::new();
        let store = Arc::new(MemoryStore::new(Arc::clone(test.kit())));
        ready(Stage::new(store, test, ()))
    }

    auth_flows!(make);
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use std::sync::Arc;

    use wisdom_adapters::storage;
    use wisdom_core::conformance::TestKit;

    use crate::auth_suite::stage::Stage;

    async fn make() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let test = TestKit::new();
        let url = format!("sqlite:{}", folder.path().join("wisdom.db").display());
        Stage::new(
            storage::open(&url, Arc::clone(test.kit())).await.unwrap(),
            test,
            folder,
        )
    }

    auth_flows!(make);
}
