//! Hot statements find their rows by an index, on both databases.

use super::statement::Statement;
use super::{
    api_keys, attempts, audit_log, client_tokens, deliveries, delivery_queue, endpoints, events,
    external_identities, idempotency, impersonations, invitations, memberships, one_time_tokens, outbox,
    own_tenant, passkey_ceremonies, passkeys, provider_attempts, remembered_devices, second_factors,
    sessions, sign_in_challenges, tenants, users,
};

/// Hot statements of a tenant's units of work, with the types of their places for PostgreSQL.
const OF_TENANT: &[(Statement, &str)] = &[
    (own_tenant::CURRENT, "uuid"),
    (own_tenant::END_IMPERSONATIONS, "uuid, timestamptz"),
    (memberships::FIND, "uuid, uuid"),
    (memberships::FIND_BY_USER, "uuid, uuid"),
    (memberships::LIST, "uuid, timestamptz, uuid, bigint"),
    (invitations::FIND, "uuid, uuid"),
    (invitations::FIND_PENDING, "uuid, text"),
    (invitations::LIST, "uuid, timestamptz, uuid, bigint"),
    (
        invitations::LIST_OF_STATE,
        "uuid, timestamptz, uuid, bigint, text",
    ),
    (events::FIND, "uuid, uuid"),
    (endpoints::COUNT, "uuid"),
    (endpoints::FIND, "uuid, uuid"),
    (endpoints::LIST, "uuid, timestamptz, uuid, bigint"),
    (endpoints::LIST_ENABLED, "uuid, boolean"),
    (deliveries::FIND, "uuid, uuid"),
    (deliveries::LIST, "uuid, uuid, timestamptz, uuid, bigint"),
    (deliveries::ATTEMPTS, "uuid, uuid"),
    (audit_log::LIST, "uuid, timestamptz, uuid, bigint"),
    (audit_log::LIST_OF_ACTION, "uuid, timestamptz, uuid, bigint, text"),
    (idempotency::FIND, "uuid, uuid, text, timestamptz"),
    (api_keys::COUNT, "uuid, timestamptz"),
    (api_keys::FIND, "uuid, uuid"),
    (api_keys::LIST, "uuid, timestamptz, uuid, bigint, text"),
    (
        api_keys::LIST_OF_OWNER,
        "uuid, timestamptz, uuid, bigint, text, uuid",
    ),
    (api_keys::FLAG, "uuid, uuid, boolean"),
    (api_keys::ROLE_OF, "uuid, uuid"),
];

/// Hot statements outside of any tenant.
const OF_SYSTEM: &[(Statement, &str)] = &[
    (users::FIND, "uuid"),
    (users::FIND_BY_EMAIL, "text"),
    (users::PAGE, "uuid, bigint"),
    (users::OLD_PASSWORDS, "uuid, bigint"),
    (attempts::FIND, "bytea"),
    (attempts::SWEEP, "text, timestamptz, bigint"),
    (attempts::FIND_DEVICE, "bytea"),
    (attempts::COUNT_DEVICES, "uuid, timestamptz"),
    (api_keys::PRESENTED, "text"),
    (api_keys::BY_ID, "uuid"),
    (client_tokens::FIND, "text"),
    (impersonations::PRESENTED, "text"),
    (impersonations::LIST_OF, "uuid, bigint"),
    (sessions::FIND, "uuid"),
    (sessions::LIST_LIVE, "uuid, timestamptz"),
    (sessions::LIST_REVOKED, "timestamptz, uuid, bigint"),
    (one_time_tokens::CONSUME, "bytea, text, timestamptz"),
    (sign_in_challenges::FIND, "bytea"),
    (second_factors::TOTP, "uuid"),
    (remembered_devices::FIND, "bytea, timestamptz"),
    (external_identities::FIND_BY_SUBJECT, "text, text"),
    (external_identities::LIST_OF_USER, "uuid"),
    (passkeys::FIND, "bytea"),
    (passkeys::LIST_OF_USER, "uuid"),
    (passkeys::COUNT, "uuid"),
    (passkey_ceremonies::CLEAR, "timestamptz"),
    (passkey_ceremonies::FIND, "bytea, timestamptz"),
    (passkey_ceremonies::CONSUME, "bytea, timestamptz"),
    (provider_attempts::CLEAR, "timestamptz"),
    (provider_attempts::CONSUME, "bytea, timestamptz"),
    (tenants::FIND_BY_SLUG, "text"),
    (tenants::LIST_OF_USER, "uuid, timestamptz, uuid, bigint"),
    (tenants::STANDING, "uuid, uuid"),
    (tenants::INVITATION_BY_TOKEN, "bytea"),
    (
        delivery_queue::CLAIM,
        "uuid, uuid, timestamptz, timestamptz, bigint",
    ),
    (outbox::CLAIM, "timestamptz, bigint, timestamptz"),
];

#[cfg(feature = "sqlite")]
#[tokio::test]
async fn sqlite_scans_no_table() {
    use sqlx::{Connection as _, Row as _};

    let mut connection = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
    for migration in [
        include_str!("../../../migrations/sqlite/0001_identity.sql"),
        include_str!("../../../migrations/sqlite/0002_tenancy.sql"),
        include_str!("../../../migrations/sqlite/0003_events.sql"),
        include_str!("../../../migrations/sqlite/0005_old_passwords.sql"),
        include_str!("../../../migrations/sqlite/0006_attempts.sql"),
        include_str!("../../../migrations/sqlite/0007_second_factors.sql"),
        include_str!("../../../migrations/sqlite/0009_revocations.sql"),
        include_str!("../../../migrations/sqlite/0011_actors.sql"),
        include_str!("../../../migrations/sqlite/0012_api_keys.sql"),
        include_str!("../../../migrations/sqlite/0013_external_identities.sql"),
        include_str!("../../../migrations/sqlite/0014_passkeys.sql"),
        include_str!("../../../migrations/sqlite/0015_service_clients.sql"),
        include_str!("../../../migrations/sqlite/0016_impersonations.sql"),
        include_str!("../../../migrations/sqlite/0019_client_certificates.sql"),
        include_str!("../../../migrations/sqlite/0020_support_access.sql"),
        include_str!("../../../migrations/sqlite/0021_session_origins.sql"),
    ] {
        sqlx::raw_sql(migration).execute(&mut connection).await.unwrap();
    }
    for (statement, _) in OF_TENANT.iter().chain(OF_SYSTEM) {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", statement.sqlite()));
        let plan = sqlx::query(explain).fetch_all(&mut connection).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        // `due` is the materialized list of what was just claimed.
        let scans = steps
            .iter()
            .any(|step| step.starts_with("SCAN") && !step.contains("INDEX") && step != "SCAN due");
        assert!(!scans, "{}: {steps:#?}", statement.name());
    }
}

#[cfg(all(feature = "postgres", feature = "testkit"))]
#[tokio::test]
async fn postgres_scans_no_table() {
    use sqlx::{AssertSqlSafe, Connection as _};

    let database = crate::testkit::require_or_skip!(crate::testkit::postgres().await);
    crate::storage::postgres::migrate(database.url()).await.unwrap();
    let mut connection = sqlx::PgConnection::connect(database.url()).await.unwrap();
    // Over empty tables a scan is the cheapest; forbidden, it only stays where no index serves. As the roles that run
    // them, because a condition that is not leakproof must not be tried before a policy's.
    let set = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";
    sqlx::raw_sql(set).execute(&mut connection).await.unwrap();
    for (role, statements) in [
        ("SET ROLE wisdom_app", OF_TENANT),
        ("SET ROLE wisdom_system", OF_SYSTEM),
    ] {
        sqlx::raw_sql(role).execute(&mut connection).await.unwrap();
        for (statement, types) in statements {
            let nulls = vec!["NULL"; types.split(", ").count()].join(", ");
            let prepare = format!("PREPARE hot ({types}) AS {}", statement.postgres());
            sqlx::raw_sql(AssertSqlSafe(prepare))
                .execute(&mut connection)
                .await
                .unwrap();
            let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE hot ({nulls})"));
            let plan: Vec<String> = sqlx::query_scalar(explain)
                .fetch_all(&mut connection)
                .await
                .unwrap();
            assert!(
                !plan.iter().any(|step| step.contains("Seq Scan")),
                "{}: {plan:#?}",
                statement.name()
            );
            sqlx::raw_sql("DEALLOCATE hot")
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }
    connection.close().await.unwrap();
}
