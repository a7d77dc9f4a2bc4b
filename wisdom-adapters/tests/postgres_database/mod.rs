//! A migrated database of its own for each test.

use std::sync::Arc;

use sqlx::{Connection as _, PgConnection};
use wisdom_adapters::storage::postgres::{PostgresStore, migrate};
use wisdom_adapters::storage::sql::SqlTx;
use wisdom_adapters::storage::{StoreOptions, TenantTx};
use wisdom_adapters::testkit::{self, TestDatabase};
use wisdom_core::conformance::{Harness, TestKit};
use wisdom_core::id::TenantId;

/// Changes with the migrations, so that templates of an earlier schema are not taken for this one's.
const KEY: &str = concat!(
    include_str!("../../migrations/postgres/0001_identity.sql"),
    include_str!("../../migrations/postgres/0002_tenancy.sql"),
    include_str!("../../migrations/postgres/0003_events.sql"),
    include_str!("../../migrations/postgres/0004_isolation.sql"),
    include_str!("../../migrations/postgres/0005_old_passwords.sql"),
    include_str!("../../migrations/postgres/0006_attempts.sql"),
    include_str!("../../migrations/postgres/0007_second_factors.sql"),
    include_str!("../../migrations/postgres/0009_revocations.sql"),
    include_str!("../../migrations/postgres/0011_actors.sql"),
    include_str!("../../migrations/postgres/0012_api_keys.sql"),
    include_str!("../../migrations/postgres/0013_external_identities.sql"),
    include_str!("../../migrations/postgres/0014_passkeys.sql"),
    include_str!("../../migrations/postgres/0015_service_clients.sql"),
    include_str!("../../migrations/postgres/0016_impersonations.sql"),
    include_str!("../../migrations/postgres/0018_revocation_hints.sql"),
    include_str!("../../migrations/postgres/0019_client_certificates.sql"),
    include_str!("../../migrations/postgres/0020_support_access.sql"),
    include_str!("../../migrations/postgres/0021_session_origins.sql"),
);

/// A database, or `None` where tests that need a server may be left out.
pub(crate) async fn database() -> Option<TestDatabase> {
    testkit::present(testkit::postgres_with(KEY, async |url: &str| migrate(url).await).await)
}

pub(crate) async fn store(url: &str, test: &TestKit, max_connections: u32) -> PostgresStore {
    let options = StoreOptions {
        max_connections,
        ..StoreOptions::POSTGRES
    };
    PostgresStore::open(url, Arc::clone(test.kit()), options)
        .await
        .unwrap()
}

pub(crate) async fn harness(database: TestDatabase, max_connections: u32) -> Harness<PostgresStore> {
    let test = TestKit::new();
    let store = store(database.url(), &test, max_connections).await;
    Harness::new(Arc::new(store), test).keeping(database)
}

/// For the suites, which cannot be left out case by case.
pub(crate) async fn opened() -> Harness<PostgresStore> {
    harness(
        database()
            .await
            .expect("the suites need PostgreSQL: apt-get install postgresql"),
        8,
    )
    .await
}

pub(crate) async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

pub(crate) async fn run(connection: &mut PgConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(connection).await.map(drop)
}

/// The SQLSTATE of an error of the database.
pub(crate) fn code<T>(outcome: Result<T, sqlx::Error>) -> String {
    match outcome {
        Err(sqlx::Error::Database(error)) => error.code().unwrap_or_default().into_owned(),
        Err(error) => panic!("not an error of the database: {error}"),
        Ok(_) => panic!("it was allowed"),
    }
}

pub(crate) fn sql(tx: &mut dyn TenantTx) -> &mut SqlTx {
    tx.sql().unwrap()
}

/// Makes a table of an embedder behind the same wall, as the database's owner.
pub(crate) async fn orders(url: &str) {
    let mut owner = connect(url).await;
    run(
        &mut owner,
        "CREATE TABLE orders (tenant_id uuid NOT NULL, id bigint NOT NULL, PRIMARY KEY (tenant_id, id))",
    )
    .await
    .unwrap();
    let wall = wisdom_adapters::storage::postgres::tenant_table_sql("orders").unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(wall))
        .execute(&mut owner)
        .await
        .unwrap();
    owner.close().await.unwrap();
}

pub(crate) fn tenants(h: &Harness<PostgresStore>) -> (TenantId, TenantId) {
    (h.test().id(), h.test().id())
}
