//! Row-level security, asked by plain SQL: what holds when our own statements would be wrong.

use uuid::Uuid;
use wisdom_adapters::storage::sql::Statement;
use wisdom_core::conformance::{Harness, TestKit, record};
use wisdom_core::storage::StorageErrorKind;
use wisdom_core::unit_of_work::{Effect, Store as _};

use crate::postgres_database::{code, connect, database, harness, opened, orders, run, sql, store, tenants};

const ADD: Statement = Statement::new("orders.add", "INSERT INTO orders (tenant_id, id) VALUES ($1, $2)");
const ALL: Statement = Statement::new("orders.all", "SELECT tenant_id FROM orders");
const CLEAR: Statement = Statement::new("orders.clear", "DELETE FROM orders");
const MOVE: Statement = Statement::new("orders.move", "UPDATE orders SET tenant_id = $1");

#[tokio::test]
async fn a_forgotten_tenant_in_an_embedders_statement_leaks_nothing() {
    let Some(database) = database().await else { return };
    let test = TestKit::new();
    orders(database.url()).await;
    // As superuser as well: the role is taken for each transaction.
    for url in [database.url(), database.admin_url()] {
        let store = store(url, &test, 2).await;
        let h = Harness::new(std::sync::Arc::new(store), test.clone());
        let (ours, theirs) = tenants(&h);
        for tenant in [ours, theirs] {
            let mut tx = h.of(tenant).await;
            sql(&mut *tx)
                .execute(&ADD, &[tenant.into(), 1_i64.into()])
                .await
                .unwrap();
            let nothing = record(tx.frame(), Vec::new(), None);
            tx.commit(nothing).await.unwrap();
        }
        let mut tx = h.read_of(ours).await;
        let seen = sql(&mut *tx).fetch_all(&ALL, &[]).await.unwrap();
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].uuid(0).unwrap(), ours.as_uuid());
        tx.rollback().await.unwrap();

        for (statement, values) in [
            (&ADD, vec![theirs.into(), 2_i64.into()]),
            (&MOVE, vec![theirs.into()]),
        ] {
            let mut tx = h.of(ours).await;
            let refused = sql(&mut *tx).execute(statement, &values).await.unwrap_err();
            assert_eq!(refused.kind(), StorageErrorKind::Invalid, "{}", statement.name());
            tx.rollback().await.unwrap();
        }
        let mut tx = h.of(ours).await;
        assert_eq!(
            sql(&mut *tx).execute(&CLEAR, &[]).await.unwrap(),
            1,
            "only our own row"
        );
        tx.rollback().await.unwrap();
        h.store().close().await;
    }
}

#[tokio::test]
async fn without_a_tenant_named_the_app_role_sees_nothing() {
    let Some(database) = database().await else { return };
    let mut owner = connect(database.url()).await;
    run(
        &mut owner,
        "SET ROLE wisdom_system;
         INSERT INTO tenants VALUES ('0190a000-0000-7000-8000-000000000001', 'acme', 'Acme', 'active', 'default', 0, 1,
             now(), 1);
         INSERT INTO users VALUES ('0190a000-0000-7000-8000-000000000002', 'a@acme.test', 'a@acme.test', NULL, 'A',
             'active', now(), 1);
         INSERT INTO memberships VALUES ('0190a000-0000-7000-8000-000000000001', '0190a000-0000-7000-8000-000000000003',
             '0190a000-0000-7000-8000-000000000002', 'owner', now(), 1);
         INSERT INTO event_sequences VALUES ('00000000-0000-0000-0000-000000000000', 'k', 1);
         INSERT INTO audit_entries VALUES ('0190a000-0000-7000-8000-000000000004', NULL, 'a.b', 'system', NULL, 't', 'i',
             'done', now(), '0190a000-0000-7000-8000-000000000005', 'null')",
    )
    .await
    .unwrap();
    let tables = ["tenants", "memberships", "event_sequences", "audit_entries"];
    let count = async |owner: &mut sqlx::PgConnection, table: &str| {
        let text = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        sqlx::query_scalar::<_, i64>(text).fetch_one(owner).await
    };
    for table in tables {
        assert_eq!(
            count(&mut owner, table).await.unwrap(),
            1,
            "the rows are there: {table}"
        );
    }
    for setting in ["RESET wisdom.tenant_id", "SET wisdom.tenant_id = ''"] {
        run(&mut owner, "RESET ROLE; SET ROLE wisdom_app").await.unwrap();
        run(&mut owner, setting).await.unwrap();
        for table in tables {
            assert_eq!(
                count(&mut owner, table).await.unwrap(),
                0,
                "{table} after {setting}"
            );
        }
        let users: i64 = sqlx::query_scalar("SELECT count(id) FROM users")
            .fetch_one(&mut owner)
            .await
            .unwrap();
        assert_eq!(users, 0, "users after {setting}");
    }
    run(&mut owner, "SET wisdom.tenant_id = 'x'' OR true --'")
        .await
        .unwrap();
    assert_eq!(
        code(count(&mut owner, "memberships").await),
        "22P02",
        "malformed is an error"
    );
    run(
        &mut owner,
        "SET wisdom.tenant_id = '00000000-0000-0000-0000-000000000000'",
    )
    .await
    .unwrap();
    assert_eq!(
        count(&mut owner, "audit_entries").await.unwrap(),
        0,
        "what has no tenant is no tenant's"
    );
    run(
        &mut owner,
        "SET wisdom.tenant_id = '0190a000-0000-7000-8000-000000000001'",
    )
    .await
    .unwrap();
    let users: i64 = sqlx::query_scalar("SELECT count(id) FROM users")
        .fetch_one(&mut owner)
        .await
        .unwrap();
    assert_eq!((count(&mut owner, "memberships").await.unwrap(), users), (1, 1));
    // The owner is bound as well, although it may take both roles.
    run(&mut owner, "RESET ROLE; RESET wisdom.tenant_id")
        .await
        .unwrap();
    for table in tables {
        assert_eq!(count(&mut owner, table).await.unwrap(), 0, "{table} as its owner");
    }
}

#[tokio::test]
async fn roles_may_do_what_they_need_and_nothing_else() {
    let Some(database) = database().await else { return };
    let mut owner = connect(database.url()).await;
    for (role, statement) in [
        ("SET ROLE wisdom_app", "SELECT * FROM password_credentials"),
        ("SET ROLE wisdom_app", "SELECT * FROM sessions"),
        ("SET ROLE wisdom_app", "SELECT * FROM one_time_tokens"),
        ("SET ROLE wisdom_app", "SELECT email_key FROM users"),
        ("SET ROLE wisdom_app", "UPDATE users SET display_name = 'x'"),
        ("SET ROLE wisdom_app", "INSERT INTO tenants SELECT * FROM tenants"),
        ("SET ROLE wisdom_app", "DELETE FROM tenants"),
        ("SET ROLE wisdom_app", "UPDATE memberships SET user_id = id"),
        (
            "SET ROLE wisdom_app",
            "UPDATE outbox_events SET state = 'relayed'",
        ),
        ("SET ROLE wisdom_app", "DELETE FROM idempotency_keys"),
        ("SET ROLE wisdom_app", "UPDATE audit_entries SET action = 'x'"),
        ("SET ROLE wisdom_app", "DELETE FROM audit_entries"),
        ("SET ROLE wisdom_app", "TRUNCATE audit_entries"),
        ("SET ROLE wisdom_app", "CREATE TABLE mine (a int)"),
        (
            "SET ROLE wisdom_app",
            "ALTER TABLE memberships DISABLE ROW LEVEL SECURITY",
        ),
        ("SET ROLE wisdom_system", "UPDATE audit_entries SET action = 'x'"),
        ("SET ROLE wisdom_system", "DELETE FROM audit_entries"),
        ("SET ROLE wisdom_system", "DELETE FROM users"),
        (
            "SET ROLE wisdom_system",
            "SELECT secrets FROM webhook_endpoints; DELETE FROM webhook_endpoints",
        ),
    ] {
        run(&mut owner, role).await.unwrap();
        assert_eq!(
            code(run(&mut owner, statement).await),
            "42501",
            "{role}: {statement}"
        );
        run(&mut owner, "RESET ROLE").await.unwrap();
    }
}

#[tokio::test]
async fn a_unit_of_work_is_a_role_that_owns_nothing_and_no_longer() {
    let h = opened().await;
    let (tenant, _) = tenants(&h);
    let who = Statement::new(
        "who",
        "SELECT current_user::text, current_setting('wisdom.tenant_id'), current_setting('transaction_read_only')",
    );
    let mut tx = h.begin(tenant, Effect::Read).await.unwrap();
    let row = sql(&mut *tx).fetch_optional(&who, &[]).await.unwrap().unwrap();
    assert_eq!(row.text(0).unwrap(), "wisdom_app");
    assert_eq!(row.text(1).unwrap().parse::<Uuid>().unwrap(), tenant.as_uuid());
    assert_eq!(row.text(2).unwrap(), "on");
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn a_unit_whose_statement_failed_does_not_commit() {
    let Some(database) = database().await else { return };
    orders(database.url()).await;
    let h = harness(database, 2).await;
    let (tenant, _) = tenants(&h);
    let mut tx = h.of(tenant).await;
    sql(&mut *tx)
        .execute(&ADD, &[tenant.into(), 1_i64.into()])
        .await
        .unwrap();
    let twice = sql(&mut *tx)
        .execute(&ADD, &[tenant.into(), 1_i64.into()])
        .await
        .unwrap_err();
    assert_eq!(twice.kind(), StorageErrorKind::Conflict);
    let nothing = record(tx.frame(), Vec::new(), None);
    assert!(
        tx.commit(nothing).await.is_err(),
        "PostgreSQL itself would answer COMMIT with a silent rollback"
    );

    // The same on the lent connection, where the failure is not seen.
    let mut tx = h.of(tenant).await;
    let connection = sql(&mut *tx).postgres().unwrap();
    assert_eq!(
        code(sqlx::query("SELECT 1 / 0").execute(connection).await),
        "22012"
    );
    let nothing = record(tx.frame(), Vec::new(), None);
    assert!(tx.commit(nothing).await.is_err());

    // A nested transaction of an embedder is a savepoint.
    let mut tx = h.of(tenant).await;
    let connection = sql(&mut *tx).postgres().unwrap();
    let mut nested = sqlx::Connection::begin(connection).await.unwrap();
    sqlx::query("INSERT INTO orders VALUES ($1, 9)")
        .bind(tenant.as_uuid())
        .execute(&mut *nested)
        .await
        .unwrap();
    nested.commit().await.unwrap();
    tx.rollback().await.unwrap();
    let mut tx = h.read_of(tenant).await;
    assert!(sql(&mut *tx).fetch_all(&ALL, &[]).await.unwrap().is_empty());
    h.store().ping().await.unwrap();
}
