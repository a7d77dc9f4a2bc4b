//! Flows of events and webhooks over every store.
#![cfg(feature = "http-reqwest")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[macro_use]
mod events_suite;

use std::any::Any;
use std::sync::Arc;

use wisdom_adapters::storage::{self, DynStore};
use wisdom_core::conformance::{Harness, TestKit};

async fn harness(url: &str, guard: impl Any + Send + Sync) -> Option<Harness<DynStore>> {
    let test = TestKit::with_policies(events_suite::policies());
    let store = storage::open(url, Arc::clone(test.kit())).await.unwrap();
    Some(Harness::new(store, test).keeping(guard))
}

mod memory {
    use super::{DynStore, Harness, events_suite, harness};

    async fn make() -> Option<Harness<DynStore>> {
        harness("memory:", ()).await
    }

    events_flows!(make);
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::{DynStore, Harness, events_suite, harness};

    async fn make() -> Option<Harness<DynStore>> {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("wisdom.db").display());
        harness(&url, folder).await
    }

    events_flows!(make);
}

#[cfg(feature = "testkit")]
mod postgres {
    use wisdom_adapters::testkit;

    use super::{DynStore, Harness, events_suite, harness};

    async fn make() -> Option<Harness<DynStore>> {
        let database = testkit::present(testkit::postgres().await)?;
        let url = database.url().to_owned();
        harness(&url, database).await
    }

    events_flows!(make);
}
