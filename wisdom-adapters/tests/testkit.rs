//! The PostgreSQL test kit, proved on a real server.
#![cfg(feature = "testkit")]
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Row as _};
use wisdom_adapters::testkit::{
    TestkitError, assert_not_superuser, postgres, postgres_with, require_or_skip,
};

async fn databases_named(admin: &str, name: &str) -> i64 {
    let mut connection = PgConnection::connect(admin).await.unwrap();
    let count = sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname = $1")
        .bind(name)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    count
}

#[tokio::test]
async fn the_owner_is_bound_by_row_level_security_and_may_make_databases_and_roles() {
    let database = require_or_skip!(postgres().await);
    assert_not_superuser(database.url()).await;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let row = sqlx::query(
        "SELECT rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, current_database()::text, \
         pg_get_userbyid(datdba)::text = current_user \
         FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()",
    )
    .fetch_one(&mut connection)
    .await
    .unwrap();
    let flags: Vec<bool> = (0..4).map(|column| row.get(column)).collect();
    assert_eq!(flags, [false, false, true, true]);
    assert_eq!(row.get::<String, _>(4), database.name());
    assert!(row.get::<bool, _>(5), "the role owns the database");

    // What isolation rests on: a forced policy binds even the owner of the table.
    sqlx::raw_sql(
        "CREATE TABLE t (n int); INSERT INTO t VALUES (1); \
         ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM t")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(seen, 0);
}

#[tokio::test]
async fn the_assertion_fails_for_a_superuser() {
    let database = require_or_skip!(postgres().await);
    let address = database.admin_url().to_owned();
    let failed = tokio::spawn(async move { assert_not_superuser(&address).await })
        .await
        .unwrap_err();
    assert!(
        failed
            .into_panic()
            .downcast::<String>()
            .unwrap()
            .contains("is superuser")
    );
}

#[tokio::test]
async fn databases_are_separate_and_dropped_although_somebody_is_connected() {
    let witness = require_or_skip!(postgres().await);
    let database = require_or_skip!(postgres().await);
    assert_ne!(witness.name(), database.name());
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    sqlx::raw_sql("CREATE TABLE only_here (n int)")
        .execute(&mut connection)
        .await
        .unwrap();
    let mut other = PgConnection::connect(witness.url()).await.unwrap();
    let elsewhere: bool = sqlx::query_scalar("SELECT to_regclass('only_here') IS NOT NULL")
        .fetch_one(&mut other)
        .await
        .unwrap();
    assert!(!elsewhere);

    let name = database.name().to_owned();
    assert_eq!(databases_named(witness.admin_url(), &name).await, 1);
    drop(database);
    assert_eq!(databases_named(witness.admin_url(), &name).await, 0);
    assert!(
        connection.ping().await.is_err(),
        "the session was ended by the drop"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_prepared_once_and_copied_for_everybody() {
    let witness = require_or_skip!(postgres().await);
    // The server may be older than this process, so the key must be one nobody used before.
    let key = format!("once-{}", witness.name());
    let runs = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (key, runs) = (key.clone(), Arc::clone(&runs));
            tokio::spawn(async move {
                let prepare = async |url: &str| {
                    runs.fetch_add(1, Ordering::SeqCst);
                    let mut connection = PgConnection::connect(url).await?;
                    sqlx::raw_sql("CREATE TABLE prepared (n int); INSERT INTO prepared VALUES (42)")
                        .execute(&mut connection)
                        .await?;
                    connection.close().await
                };
                postgres_with(&key, prepare).await.unwrap()
            })
        })
        .collect();
    for task in tasks {
        let database = task.await.unwrap();
        assert_not_superuser(database.url()).await;
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        let n: i32 = sqlx::query_scalar("SELECT n FROM prepared")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(n, 42);
        // A copy is the test's own: the next one must not see this.
        sqlx::raw_sql("UPDATE prepared SET n = 0")
            .execute(&mut connection)
            .await
            .unwrap();
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_failed_preparation_leaves_no_template() {
    let witness = require_or_skip!(postgres().await);
    let key = format!("fails-{}", witness.name());
    let refused = postgres_with(&key, async |_: &str| Err::<(), _>("migration 7 is broken")).await;
    assert!(
        matches!(&refused, Err(TestkitError::Prepare { reason, .. }) if reason == "migration 7 is broken"),
        "{refused:?}"
    );
    postgres_with(&key, async |_: &str| Ok::<(), std::convert::Infallible>(()))
        .await
        .unwrap();
}
