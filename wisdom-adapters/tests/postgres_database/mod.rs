//! A migrated database of its own for each test.
#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;

use sqlx::{Connection as _, PgConnection};
use wisdom_adapters::storage::StoreOptions;
use wisdom_adapters::storage::postgres::{PostgresStore, migrate};
use wisdom_adapters::testkit::{self, TestDatabase, TestkitError};
use wisdom_core::conformance::{Harness, TestKit};

/// Changes with the migrations, so that templates of an earlier schema are not taken for this one's.
const KEY: &str = concat!(
    include_str!("../../migrations/postgres/0001_identity.sql"),
    include_str!("../../migrations/postgres/0002_tenancy.sql"),
    include_str!("../../migrations/postgres/0003_events.sql"),
    include_str!("../../migrations/postgres/0004_isolation.sql"),
);

pub async fn database() -> Result<TestDatabase, TestkitError> {
    testkit::postgres_with(KEY, async |url: &str| migrate(url).await).await
}

pub async fn store(url: &str, test: &TestKit, max_connections: u32) -> PostgresStore {
    let options = StoreOptions { max_connections, ..StoreOptions::POSTGRES };
    PostgresStore::open(url, Arc::clone(test.kit()), options).await.unwrap()
}

pub async fn harness(database: TestDatabase, max_connections: u32) -> Harness<PostgresStore> {
    let test = TestKit::new();
    let store = store(database.url(), &test, max_connections).await;
    Harness::new(Arc::new(store), test).keeping(database)
}

pub async fn opened() -> Harness<PostgresStore> {
    harness(database().await.unwrap(), 8).await
}

pub async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

pub async fn run(connection: &mut PgConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sql).execute(connection).await.map(drop)
}

/// The SQLSTATE of an error of the database.
pub fn code<T>(outcome: Result<T, sqlx::Error>) -> String {
    match outcome {
        Err(sqlx::Error::Database(error)) => error.code().unwrap_or_default().into_owned(),
        Err(error) => panic!("not an error of the database: {error}"),
        Ok(_) => panic!("it was allowed"),
    }
}
