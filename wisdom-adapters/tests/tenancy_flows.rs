//! Tenancy's operations over every store.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "these are tests")]

#[macro_use]
mod tenancy_suite;

use std::any::Any;
use std::sync::Arc;

use tenancy_suite::stage::Stage;
use wisdom_adapters::storage;
use wisdom_auth::api_key::ApiKeyPolicy;
use wisdom_core::conformance::TestKit;
use wisdom_core::policy::Policies;

async fn stage(url: &str, guard: impl Any + Send + Sync) -> Option<Stage> {
    let keys = ApiKeyPolicy {
        scopes: tenancy_suite::api_keys::scopes(),
        ..ApiKeyPolicy::default()
    };
    let test = TestKit::with_policies(
        Policies::new()
            .with(keys)
            .with(tenancy_suite::support_access::operators()),
    );
    let store = storage::open(url, Arc::clone(test.kit())).await.unwrap();
    Some(Stage::new(store, test, guard))
}

mod memory {
    use super::{Stage, stage};

    async fn make() -> Option<Stage> {
        stage("memory:", ()).await
    }

    tenancy_flows!(make);

    #[tokio::test]
    async fn random_wishes_for_keys_escalate_nothing() {
        let stage = make().await.unwrap();
        crate::tenancy_suite::api_keys::random_wishes_escalate_nothing(&stage).await;
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::{Stage, stage};

    async fn make() -> Option<Stage> {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("wisdom.db").display());
        stage(&url, folder).await
    }

    tenancy_flows!(make);
}

#[cfg(feature = "testkit")]
mod postgres {
    use wisdom_adapters::testkit;

    use super::{Stage, stage};

    async fn make() -> Option<Stage> {
        let database = testkit::present(testkit::postgres().await)?;
        let url = database.url().to_owned();
        stage(&url, database).await
    }

    tenancy_flows!(make);
}
