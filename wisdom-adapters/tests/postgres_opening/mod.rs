//! Opening: migrations side by side, rights that are missing, and walls with a hole.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection as _};
use wisdom_adapters::storage::postgres::{PostgresStore, migrate};
use wisdom_adapters::storage::{OpenError, StoreOptions, open};
use wisdom_adapters::testkit;
use wisdom_core::conformance::{TestKit, parallel};
use wisdom_core::storage::StorageErrorKind;
use wisdom_core::unit_of_work::{Effect, Store as _};

use crate::postgres_database::{connect, database, orders, run, store};

/// The right condition, to be spoilt.
const RIGHT: &str = "tenant_id = NULLIF(current_setting('wisdom.tenant_id', true), '')::uuid";

async fn findings(url: &str, test: &TestKit) -> Vec<String> {
    match PostgresStore::open(url, Arc::clone(test.kit()), StoreOptions::POSTGRES).await {
        Err(OpenError::Isolation { findings }) => findings,
        Err(error) => panic!("{error}"),
        Ok(_) => Vec::new(),
    }
}

#[tokio::test]
async fn a_table_with_a_hole_in_its_wall_is_not_opened() {
    let Some(database) = database().await else { return };
    let test = TestKit::new();
    let mut owner = connect(database.url()).await;
    run(
        &mut owner,
        "CREATE TABLE bare (tenant_id uuid NOT NULL, id bigint)",
    )
    .await
    .unwrap();
    let found = findings(database.url(), &test).await;
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().all(|line| line.contains("public.bare")), "{found:?}");
    run(&mut owner, "DROP TABLE bare").await.unwrap();
    orders(database.url()).await;
    assert_eq!(findings(database.url(), &test).await, Vec::<String>::new());
    for fault in [
        "ALTER TABLE orders NO FORCE ROW LEVEL SECURITY".to_owned(),
        "ALTER TABLE orders DISABLE ROW LEVEL SECURITY".to_owned(),
        "DROP POLICY wisdom_tenant ON orders".to_owned(),
        "ALTER TABLE orders OWNER TO wisdom_app".to_owned(),
        "CREATE POLICY more ON orders USING (true)".to_owned(),
        "CREATE POLICY more ON orders TO wisdom_app USING (id = 1)".to_owned(),
        format!("ALTER POLICY wisdom_tenant ON orders USING ({RIGHT} OR true)"),
        format!("ALTER POLICY wisdom_tenant ON orders WITH CHECK ({RIGHT} OR id = 1)"),
        "ALTER POLICY wisdom_tenant ON orders USING (tenant_id = current_setting('other')::uuid)".to_owned(),
        format!(
            "DROP POLICY wisdom_tenant ON orders; CREATE POLICY wisdom_tenant ON orders TO wisdom_app USING ({RIGHT})"
        ),
        format!(
            "DROP POLICY wisdom_tenant ON orders; CREATE POLICY wisdom_tenant ON orders FOR SELECT TO wisdom_app USING ({RIGHT})"
        ),
        "ALTER TABLE memberships DISABLE ROW LEVEL SECURITY".to_owned(),
        "ALTER TABLE users NO FORCE ROW LEVEL SECURITY".to_owned(),
        "ALTER POLICY wisdom_tenant ON tenants USING (true)".to_owned(),
        "CREATE SCHEMA s; CREATE TABLE s.far (tenant_id uuid); GRANT SELECT ON s.far TO wisdom_app"
            .to_owned(),
    ] {
        // Each fault in a copy, which is thrown away.
        let copy = testkit::present(
            testkit::postgres_with(
                concat!(
                    "isolation-orders-",
                    include_str!("../../migrations/postgres/0004_isolation.sql"),
                    include_str!("../../migrations/postgres/0009_revocations.sql"),
                    include_str!("../../migrations/postgres/0011_actors.sql"),
                    include_str!("../../migrations/postgres/0012_api_keys.sql")
                ),
                async |url: &str| {
                    migrate(url).await?;
                    orders(url).await;
                    Ok::<(), OpenError>(())
                },
            )
            .await,
        )
        .unwrap();
        let mut admin = connect(copy.admin_url()).await;
        sqlx::raw_sql(AssertSqlSafe(fault.clone()))
            .execute(&mut admin)
            .await
            .unwrap();
        admin.close().await.unwrap();
        assert!(
            !findings(copy.url(), &test).await.is_empty(),
            "not found: {fault}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_migrate_one_database_and_several_databases_at_once() {
    let Some(first) = testkit::present(testkit::postgres().await) else {
        return;
    };
    let second = testkit::postgres().await.unwrap();
    let urls = [first.url().to_owned(), second.url().to_owned()];
    for outcome in parallel(8, |n| {
        let url = urls[n % 2].clone();
        async move { migrate(&url).await }
    })
    .await
    {
        outcome.unwrap();
    }
    let test = TestKit::new();
    // Opening can be a task of its own, too.
    let strict = StoreOptions {
        migrate: false,
        ..StoreOptions::POSTGRES
    };
    let opened = parallel(2, |n| {
        let (url, kit) = (urls[n].clone(), Arc::clone(test.kit()));
        async move { wisdom_adapters::storage::open_with(&url, kit, Some(strict)).await }
    });
    for store in opened.await {
        store.unwrap().ping().await.unwrap();
    }
}

#[tokio::test]
async fn an_empty_database_is_outdated_unless_it_may_be_migrated() {
    let Some(database) = testkit::present(testkit::postgres().await) else {
        return;
    };
    let test = TestKit::new();
    let strict = StoreOptions {
        migrate: false,
        ..StoreOptions::POSTGRES
    };
    let early = PostgresStore::open(database.url(), Arc::clone(test.kit()), strict)
        .await
        .unwrap_err();
    assert!(matches!(early, OpenError::Outdated), "{early}");
    open(database.url(), Arc::clone(test.kit()))
        .await
        .unwrap()
        .ping()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_login_without_the_roles_is_told_what_to_run() {
    let Some(database) = database().await else { return };
    let test = TestKit::new();
    let login = format!("wt_login_{}", database.name().trim_start_matches("wt_"));
    let mut admin = connect(database.admin_url()).await;
    let create = format!("CREATE ROLE {login} LOGIN PASSWORD 'secret'");
    sqlx::raw_sql(AssertSqlSafe(create))
        .execute(&mut admin)
        .await
        .unwrap();
    let mut url = url::Url::parse(database.url()).unwrap();
    url.set_username(&login).unwrap();
    url.set_password(Some("secret")).unwrap();
    let strict = StoreOptions {
        migrate: false,
        ..StoreOptions::POSTGRES
    };
    let outdated = PostgresStore::open(url.as_str(), Arc::clone(test.kit()), strict)
        .await
        .unwrap_err();
    let refused = PostgresStore::open(url.as_str(), Arc::clone(test.kit()), StoreOptions::POSTGRES)
        .await
        .unwrap_err();
    let OpenError::Roles { sql } = &refused else {
        panic!("{refused}")
    };
    let grant = sql.lines().last().unwrap().to_owned();
    assert!(matches!(outdated, OpenError::Outdated), "{outdated}");
    sqlx::raw_sql(AssertSqlSafe(grant))
        .execute(&mut admin)
        .await
        .unwrap();
    // With the roles it may work on a schema it does not own.
    let opened = store(url.as_str(), &test, 1).await;
    let tenant = test.tenant(test.id());
    opened
        .begin(&tenant, Effect::Write)
        .await
        .unwrap()
        .rollback()
        .await
        .unwrap();
    opened.close().await;
    let drop = format!("DROP ROLE {login}");
    sqlx::raw_sql(AssertSqlSafe(drop))
        .execute(&mut admin)
        .await
        .unwrap();
}

#[tokio::test]
async fn statements_are_not_kept_behind_a_transaction_pooler() {
    let Some(database) = database().await else { return };
    let test = TestKit::new();
    let opened = store(&format!("{}?pooler=transaction", database.url()), &test, 1).await;
    let mut tx = opened.begin(&test.tenant(test.id()), Effect::Read).await.unwrap();
    let kept = wisdom_adapters::storage::sql::Statement::new(
        "kept",
        "SELECT count(*) FROM pg_prepared_statements WHERE name <> ''",
    );
    for _ in 0..3 {
        let row = tx
            .sql()
            .unwrap()
            .fetch_optional(&kept, &[])
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.int(0).unwrap(), 0);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_and_its_password_untold() {
    let test = TestKit::new();
    let error = open("postgres://me:hunter2@127.0.0.1:1/none", Arc::clone(test.kit()))
        .await
        .unwrap_err();
    assert!(matches!(error, OpenError::Database { .. }));
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let Some(database) = database().await else { return };
    let options = StoreOptions {
        max_connections: 1,
        acquire_timeout: std::time::Duration::from_millis(300),
        ..StoreOptions::POSTGRES
    };
    let store = PostgresStore::open(database.url(), Arc::clone(test.kit()), options)
        .await
        .unwrap();
    let tenant = test.tenant(test.id());
    let held = store.begin(&tenant, Effect::Write).await.unwrap();
    let refused = store.begin(&tenant, Effect::Write).await.err().unwrap();
    assert_eq!(refused.kind(), StorageErrorKind::Unavailable);
    drop(held);
    store.begin(&tenant, Effect::Write).await.unwrap();
}
