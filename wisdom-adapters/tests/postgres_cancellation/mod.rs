//! Callers that go away, and servers that do.

use std::time::Duration;

use wisdom_adapters::storage::postgres::PostgresStore;
use wisdom_adapters::storage::sql::Statement;
use wisdom_core::conformance::{Harness, record};
use wisdom_core::id::TenantId;
use wisdom_core::storage::StorageErrorKind;
use wisdom_core::unit_of_work::{Effect, Store as _};

use crate::postgres_database::{connect, database, harness, orders, sql, tenants};

const ADD: Statement = Statement::new("orders.add", "INSERT INTO orders (tenant_id, id) VALUES ($1, $2)");
const COUNT: Statement = Statement::new("orders.count", "SELECT count(*) FROM orders WHERE tenant_id = $1");

/// Lets other tasks run so many times.
async fn turns(count: u64) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

/// The pool's one connection begins with nothing of anybody's.
async fn assert_clean(h: &Harness<PostgresStore>, tenant: TenantId) {
    let fresh = Statement::new(
        "fresh",
        "SELECT pg_current_xact_id_if_assigned() IS NULL, current_setting('wisdom.tenant_id'), current_user::text,
         (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype IN ('advisory', 'transactionid'))",
    );
    let mut tx = h.begin(tenant, Effect::Write).await.unwrap();
    let row = sql(&mut *tx).fetch_optional(&fresh, &[]).await.unwrap().unwrap();
    assert!(row.bool(0).unwrap(), "a transaction of somebody else's is open");
    assert_eq!(row.text(1).unwrap(), tenant.as_uuid().to_string());
    assert_eq!(row.text(2).unwrap(), "wisdom_app");
    assert_eq!(row.int(3).unwrap(), 0);
    tx.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_begins_leave_the_connection_clean() {
    let Some(database) = database().await else { return };
    orders(database.url()).await;
    let (admin_url, name) = (database.admin_url().to_owned(), database.name().to_owned());
    let h = harness(database, 1).await;
    let (tenant, other) = tenants(&h);
    for round in 0..1_000_u64 {
        let begin = h.begin(if round % 2 == 0 { tenant } else { other }, Effect::Write);
        tokio::select! {
            biased;
            tx = begin => {
                let mut tx = tx.unwrap();
                if round % 3 == 0 {
                    // Dropped with work in it, or within it.
                    let values = [tx.frame().tenant().unwrap().into(), i64::try_from(round).unwrap().into()];
                    tokio::select! {
                        biased;
                        done = sql(&mut *tx).execute(&ADD, &values) => { done.unwrap(); }
                        () = turns(round % 17) => {}
                    }
                }
            }
            () = turns(round * 7 % 89) => {}
        }
        if round % 100 == 0 {
            assert_clean(&h, tenant).await;
        }
    }
    assert_clean(&h, tenant).await;
    let mut tx = h.read_of(tenant).await;
    let row = sql(&mut *tx)
        .fetch_optional(&COUNT, &[tenant.into()])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.int(0).unwrap(), 0);
    tx.rollback().await.unwrap();
    // Outside of any transaction the session is the login's, with no setting left.
    let mut admin = connect(&admin_url).await;
    let mut open = -1;
    for _ in 0..50 {
        open = sqlx::query_scalar::<_, i64>(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND state LIKE 'idle in transaction%'",
        )
        .bind(&name)
        .fetch_one(&mut admin)
        .await
        .unwrap();
        if open == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(open, 0, "sessions idle in a transaction");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_dropped_within_a_statement_do_not_hold_their_locks() {
    let Some(database) = database().await else { return };
    orders(database.url()).await;
    let h = harness(database, 2).await;
    let (tenant, _) = tenants(&h);
    let slow = Statement::new(
        "orders.slow",
        "WITH slow AS (SELECT pg_sleep(8)) INSERT INTO orders SELECT $1, 1 FROM slow",
    );
    let mut tx = h.of(tenant).await;
    sql(&mut *tx)
        .execute(&ADD, &[tenant.into(), 5_i64.into()])
        .await
        .unwrap();
    let values = [tenant.into()];
    let given_up = tokio::time::timeout(Duration::from_millis(200), sql(&mut *tx).execute(&slow, &values));
    assert!(given_up.await.is_err());
    // Half-way through a statement nothing else can be said on it.
    assert!(
        sql(&mut *tx)
            .execute(&ADD, &[tenant.into(), 6_i64.into()])
            .await
            .is_err()
    );
    drop(tx);
    // The server notices within its check interval, far sooner than the statement would have ended.
    let began = tokio::time::Instant::now();
    let mut tx = h.of(tenant).await;
    let row = sql(&mut *tx)
        .fetch_optional(&COUNT, &[tenant.into()])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.int(0).unwrap(), 0);
    tx.rollback().await.unwrap();
    let freed = async {
        loop {
            let mut tx = h.of(tenant).await;
            // Adding the same key waits for the lost unit, as long as it holds on.
            let added = sql(&mut *tx).execute(&ADD, &[tenant.into(), 5_i64.into()]).await;
            drop(tx);
            match added {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind(), StorageErrorKind::Contention, "{error}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), freed)
        .await
        .expect("the lost unit's locks are free");
    assert!(began.elapsed() < Duration::from_secs(6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backends_that_are_killed_are_replaced() {
    let Some(database) = database().await else { return };
    orders(database.url()).await;
    let (admin_url, name) = (database.admin_url().to_owned(), database.name().to_owned());
    let h = harness(database, 3).await;
    let (tenant, _) = tenants(&h);
    let mut admin = connect(&admin_url).await;
    for round in 0..5_i64 {
        // Fill the pool with idle connections, and have one unit under way.
        let units = [h.of(tenant).await, h.of(tenant).await];
        let mut under_way = h.of(tenant).await;
        sql(&mut *under_way)
            .execute(&ADD, &[tenant.into(), round.into()])
            .await
            .unwrap();
        for unit in units {
            unit.rollback().await.unwrap();
        }
        let killed: i64 = sqlx::query_scalar(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
        )
        .bind(&name)
        .fetch_one(&mut admin)
        .await
        .unwrap();
        assert!(killed >= 1);
        let nothing = record(under_way.frame(), Vec::new(), None);
        let lost = under_way.commit(nothing).await.unwrap_err();
        assert_eq!(lost.kind(), StorageErrorKind::Unavailable, "{lost:?}");
        // The next ones do not meet the dead connections.
        let mut tx = h.of(tenant).await;
        let row = sql(&mut *tx)
            .fetch_optional(&COUNT, &[tenant.into()])
            .await
            .unwrap()
            .unwrap();
        assert_eq!(row.int(0).unwrap(), 0);
        tx.rollback().await.unwrap();
    }
    h.store().ping().await.unwrap();
}
