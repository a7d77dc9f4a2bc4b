//! A use case on SQLite beside the bare statement on the same row of the same file.
//!
//! - read: `tenancy.tenant.get` through the runner, and as `GET /v1/tenants/{tenant}` through the service. Floors: the
//!   same SELECT on an open connection, alone and inside BEGIN and COMMIT.
//! - write: `tenancy.tenant.update` through the runner: membership and row read, row changed, audit entry and event
//!   written, one commit that is flushed to disk. Floor: the bare UPDATE, flushed as well.

use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, Row as _, SqliteConnection};
use tempfile::TempDir;
use tokio::runtime::Builder;
use wisdom_adapters::assembly::Call;
use wisdom_benches::stage::{PEER, Stage};
use wisdom_core::access::{Grants, Role};
use wisdom_core::catalogue::Host as _;
use wisdom_core::context::{TenantContext, VerifiedMembership};
use wisdom_core::id::{TenantId, UserId};
use wisdom_core::value::DisplayName;
use wisdom_tenancy::tenant::{GetTenant, UpdateTenant};

const SELECT: &str = "SELECT id, slug, name, state, region, epoch, owner_count, created_at, version FROM tenants WHERE id = $1";
const UPDATE: &str = "UPDATE tenants SET name = $2, version = version + 1 WHERE id = $1 AND version = $3";

pub(crate) fn run(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let folder = TempDir::new().unwrap();
    let stage = runtime.block_on(Stage::on_sqlite(folder.path())).unwrap();
    runtime.block_on(sign_up(&stage));
    let mut bare = runtime.block_on(connect(&folder.path().join("wisdom.db")));
    let row = runtime
        .block_on(sqlx::query("SELECT tenant_id, user_id FROM memberships").fetch_one(&mut bare))
        .unwrap();
    let (tenant_id, user_id): (sqlx::types::Uuid, sqlx::types::Uuid) = (row.get(0), row.get(1));
    let (tenant, user) = (TenantId::from_uuid(tenant_id), UserId::from_uuid(user_id));
    let principal = stage.principal(Some(user));
    let membership = VerifiedMembership::attested(tenant, user, Grants::of_role(Role::Owner));
    let info = stage.wisdom.request(None, None);
    let context = TenantContext::from_membership(membership, principal.clone(), info).unwrap();
    let runner = stage.wisdom.runner();

    let mut group = criterion.benchmark_group("store/read");
    let request = stage.get(&format!("/v1/tenants/{tenant}"), &principal).unwrap();
    assert!(
        runtime
            .block_on(stage.service.handle(PEER, request.clone()))
            .status()
            .is_success()
    );
    group.bench_function("service", |bencher| {
        bencher.to_async(&runtime).iter_batched(
            || request.clone(),
            |request| stage.service.handle(PEER, request),
            BatchSize::SmallInput,
        );
    });
    group.bench_function("use case", |bencher| {
        bencher
            .to_async(&runtime)
            .iter(async || runner.tenant(&context, &GetTenant {}).await.unwrap());
    });
    group.bench_function("floor: BEGIN, SELECT, COMMIT", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let mut transaction = bare.begin().await.unwrap();
                black_box(
                    sqlx::query(SELECT)
                        .bind(tenant_id)
                        .fetch_one(&mut *transaction)
                        .await
                        .unwrap(),
                );
                transaction.commit().await.unwrap();
            });
        });
    });
    group.bench_function("floor: SELECT", |bencher| {
        bencher.iter(|| {
            runtime
                .block_on(sqlx::query(SELECT).bind(tenant_id).fetch_one(&mut bare))
                .unwrap()
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("store/write");
    group.sample_size(50);
    let mut version = runtime
        .block_on(runner.tenant(&context, &GetTenant {}))
        .unwrap()
        .version;
    let name = |version: i64| format!("Acme {version}");
    group.bench_function("use case", |bencher| {
        bencher.iter(|| {
            let name = Some(DisplayName::parse(&name(version)).unwrap());
            let update = UpdateTenant {
                name,
                mfa_required: None,
                expected_version: version,
            };
            version = runtime
                .block_on(runner.tenant(&context, &update))
                .unwrap()
                .version;
        });
    });
    group.bench_function("floor: UPDATE", |bencher| {
        bencher.iter(|| {
            let update = sqlx::query(UPDATE)
                .bind(tenant_id)
                .bind(name(version))
                .bind(version);
            assert_eq!(
                runtime
                    .block_on(update.execute(&mut bare))
                    .unwrap()
                    .rows_affected(),
                1
            );
            version += 1;
        });
    });
    group.finish();
}

async fn sign_up(stage: &Stage) {
    let input = serde_json::json!({
        "email": "ada@example.com", "password": "violet kettle under seven bridges", "display_name": "Ada",
        "tenant_name": "Acme",
    });
    let request = stage.wisdom.request(None, None);
    let call = Call {
        operation: "auth.sign_up",
        token: None,
        tenant: None,
        idempotency_key: None,
        request,
        input,
    };
    stage.wisdom.call(call).await.unwrap();
}

/// Opened as the store opens it.
async fn connect(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}
