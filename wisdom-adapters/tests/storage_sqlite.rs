//! The SQLite store passes every storage suite, and leaves nothing behind when its callers go away.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "tests")]

#[macro_use]
mod storage_suite;

use std::sync::Arc;
use std::time::Duration;

use wisdom_adapters::storage::sql::{Row, SqlTx, Statement, Value};
use wisdom_adapters::storage::sqlite::SqliteStore;
use wisdom_adapters::storage::{OpenError, StoreOptions, TenantTx};
use wisdom_core::conformance::{Harness, TestKit, record};
use wisdom_core::id::TenantId;
use wisdom_core::storage::StorageErrorKind;
use wisdom_core::unit_of_work::{Effect, Store as _};

async fn make() -> Harness<SqliteStore> {
    let test = TestKit::new();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("data/wisdom.db").display());
    let store = SqliteStore::open(&url, Arc::clone(test.kit()), StoreOptions::SQLITE)
        .await
        .unwrap();
    Harness::new(Arc::new(store), test).keeping(folder)
}

storage_conformance!(make);

const COUNT: Statement = Statement::new("orders.count", "SELECT count(*) FROM orders WHERE tenant_id = $1");
const ADD: Statement = Statement::new("orders.add", "INSERT INTO orders (tenant_id, id) VALUES ($1, $2)");

async fn orders(h: &Harness<SqliteStore>) -> TenantId {
    let tenant: TenantId = h.test().id();
    let mut tx = h.of(tenant).await;
    let table = Statement::new(
        "orders.create",
        "CREATE TABLE orders (tenant_id BLOB NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (tenant_id, id)) STRICT",
    );
    sql(&mut *tx).execute(&table, &[]).await.unwrap();
    save(tx).await;
    tenant
}

fn sql(tx: &mut dyn TenantTx) -> &mut SqlTx {
    tx.sql().unwrap()
}

async fn save(tx: Box<dyn TenantTx>) {
    let record = record(tx.frame(), Vec::new(), None);
    tx.commit(record).await.unwrap();
}

async fn count(h: &Harness<SqliteStore>, tenant: TenantId) -> i64 {
    let mut tx = h.read_of(tenant).await;
    let rows: Vec<Row> = sql(&mut *tx).fetch_all(&COUNT, &[tenant.into()]).await.unwrap();
    rows[0].int(0).unwrap()
}

/// Lets other tasks run so many times.
async fn turns(count: u64) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_begins_leave_the_writer_free() {
    let h = make().await;
    let tenant = orders(&h).await;
    for round in 0..1_000_u64 {
        let begin = h.begin(
            tenant,
            if round % 5 == 0 {
                Effect::Read
            } else {
                Effect::Write
            },
        );
        tokio::select! {
            biased;
            tx = begin => drop(tx.unwrap()),
            () = turns(round * 7 % 97) => {}
        }
    }
    let mut tx = h.of(tenant).await;
    let connection = sql(&mut *tx).sqlite().unwrap();
    let (writes,): (i64,) = sqlx::query_as("PRAGMA query_only")
        .fetch_one(connection)
        .await
        .unwrap();
    assert_eq!(writes, 0);
    sql(&mut *tx)
        .execute(&ADD, &[tenant.into(), 1_i64.into()])
        .await
        .unwrap();
    save(tx).await;
    assert_eq!(count(&h, tenant).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_dropped_within_a_statement_leave_nothing() {
    const LONG: Statement = Statement::new(
        "orders.fill",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
         INSERT INTO orders (tenant_id, id) SELECT $1, i FROM n",
    );
    let h = make().await;
    let tenant = orders(&h).await;
    for round in 0..30_u64 {
        let mut tx = h.of(tenant).await;
        let work = async {
            sql(&mut *tx)
                .execute(&LONG, &[tenant.into(), 20_000_i64.into()])
                .await
                .unwrap();
            tx
        };
        tokio::select! {
            biased;
            tx = work => drop(tx),
            () = tokio::time::sleep(Duration::from_micros(300 * round)) => {}
        }
    }
    assert_eq!(count(&h, tenant).await, 0);
    let mut tx = h.of(tenant).await;
    sql(&mut *tx)
        .execute(&ADD, &[tenant.into(), 1_i64.into()])
        .await
        .unwrap();
    save(tx).await;
    assert_eq!(count(&h, tenant).await, 1);
}

#[tokio::test]
async fn an_error_ends_the_unit() {
    let h = make().await;
    let tenant = orders(&h).await;
    let mut tx = h.of(tenant).await;
    let tx_sql = sql(&mut *tx);
    tx_sql
        .execute(&ADD, &[tenant.into(), 1_i64.into()])
        .await
        .unwrap();
    let twice = tx_sql
        .execute(&ADD, &[tenant.into(), 1_i64.into()])
        .await
        .unwrap_err();
    assert_eq!(
        (twice.kind(), twice.operation()),
        (StorageErrorKind::Conflict, "orders.add")
    );
    assert!(
        tx_sql
            .execute(&ADD, &[tenant.into(), 2_i64.into()])
            .await
            .is_err()
    );
    let record = record(tx.frame(), Vec::new(), None);
    assert!(tx.commit(record).await.is_err());
    assert_eq!(count(&h, tenant).await, 0);
}

#[tokio::test]
async fn a_nested_transaction_of_an_embedder_is_a_savepoint() {
    use sqlx::Connection as _;
    let h = make().await;
    let tenant = orders(&h).await;
    let mut tx = h.of(tenant).await;
    let nested = sql(&mut *tx).sqlite().unwrap().begin().await.unwrap();
    nested.commit().await.unwrap();
    sql(&mut *tx)
        .execute(&ADD, &[tenant.into(), 1_i64.into()])
        .await
        .unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(
        count(&h, tenant).await,
        0,
        "the nested commit committed the unit of work"
    );
}

#[tokio::test]
async fn values_of_every_type_read_back() {
    let h = make().await;
    let tenant: TenantId = h.test().id();
    let now = h.test().now();
    let json = serde_json::json!({ "a": [1, 2.5, "ü"] });
    let mut tx = h.read_of(tenant).await;
    let all = Statement::new("values.read", "SELECT $1, $2, $3, $4, $5, $6, $7, $8");
    let values = [
        tenant.into(),
        "text".into(),
        (-7_i64).into(),
        true.into(),
        now.into(),
        Value::Bytes(&[0, 255]),
        (&json).into(),
        None::<i64>.into(),
    ];
    let row = sql(&mut *tx)
        .fetch_optional(&all, &values)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.uuid(0).unwrap(), tenant.as_uuid());
    assert_eq!(row.text(1).unwrap(), "text");
    assert_eq!(row.int(2).unwrap(), -7);
    assert!(row.bool(3).unwrap());
    assert_eq!(row.time(4).unwrap(), now);
    assert_eq!(row.bytes(5).unwrap(), [0, 255]);
    assert_eq!(row.json(6).unwrap(), json);
    assert_eq!(row.opt_int(7).unwrap(), None);
    assert_eq!(row.int(7).unwrap_err().kind(), StorageErrorKind::Corrupt);
    assert_eq!(row.uuid(1).unwrap_err().kind(), StorageErrorKind::Corrupt);
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_the_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let test = TestKit::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/wisdom.db");
    let url = format!("sqlite:{}", path.display());
    let store = SqliteStore::open(&url, Arc::clone(test.kit()), StoreOptions::SQLITE)
        .await
        .unwrap();
    for (path, mode) in [
        (path.clone(), 0o600),
        (path.with_file_name("wisdom.db-wal"), 0o600),
        (folder.path().join("a"), 0o700),
        (folder.path().join("a/b"), 0o700),
    ] {
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            mode,
            "{}",
            path.display()
        );
    }
    store.ping().await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_file_is_opened_again_and_an_outdated_one_is_told() {
    let test = TestKit::new();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("wisdom.db").display());
    let strict = StoreOptions {
        migrate: false,
        ..StoreOptions::SQLITE
    };
    let early = SqliteStore::open(&url, Arc::clone(test.kit()), strict)
        .await
        .unwrap_err();
    assert!(matches!(early, OpenError::Outdated), "{early}");
    for options in [StoreOptions::SQLITE, strict] {
        let store = SqliteStore::open(&url, Arc::clone(test.kit()), options)
            .await
            .unwrap();
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_file_at_once() {
    let test = TestKit::new();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("wisdom.db").display());
    let opened = wisdom_core::conformance::parallel(4, |_| {
        let (url, kit) = (url.clone(), Arc::clone(test.kit()));
        async move { SqliteStore::open(&url, kit, StoreOptions::SQLITE).await.map(drop) }
    })
    .await;
    for outcome in opened {
        outcome.unwrap();
    }
}

#[tokio::test]
async fn a_busy_writer_is_told_as_unavailable_in_time() {
    let test = TestKit::new();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("wisdom.db").display());
    let options = StoreOptions {
        acquire_timeout: Duration::from_millis(200),
        ..StoreOptions::SQLITE
    };
    let store = SqliteStore::open(&url, Arc::clone(test.kit()), options)
        .await
        .unwrap();
    let tenant = test.tenant(test.id());
    let _held = store.begin(&tenant, Effect::Write).await.unwrap();
    let refused = store.begin(&tenant, Effect::Write).await.err().unwrap();
    assert_eq!(refused.kind(), StorageErrorKind::Unavailable);
    // Readers are not held up.
    store.begin(&tenant, Effect::Read).await.unwrap();
}
