//! The start-up check: no store opens over a database whose second wall has a hole.

use sqlx::{PgConnection, Row as _};

use crate::storage::OpenError;

/// The policy every tenant table has, as PostgreSQL prints it back.
const CANONICAL: &str =
    "tenant_id = (NULLIF(current_setting('wisdom.tenant_id'::text, true), ''::text))::uuid";

/// Tables with a column `tenant_id` in the schema of the kernel's tables, and wherever else the app's role may reach one;
/// and the two whose scope is told otherwise. With each: whether security is on and forced, and who owns it.
const TABLES: &str = "
    SELECT c.oid, n.nspname || '.' || c.relname, c.relrowsecurity, c.relforcerowsecurity,
        pg_get_userbyid(c.relowner) IN ('wisdom_app', 'wisdom_system'), c.relname = 'tenants', c.relname = 'users'
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND (
        (c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('memberships'))
            AND (c.relname IN ('tenants', 'users') OR EXISTS (SELECT FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)))
        OR (EXISTS (SELECT FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
            AND (has_any_column_privilege('wisdom_app'::name, c.oid, 'SELECT, INSERT, UPDATE')
                OR has_table_privilege('wisdom_app'::name, c.oid, 'DELETE, TRUNCATE')))
    )
    ORDER BY 2";

/// The permissive policies that let the app's role see or write rows: its own and everybody's.
const POLICIES: &str = "
    SELECT p.polname::text, p.polcmd::text, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
    FROM pg_policy p
    WHERE p.polrelid = $1 AND p.polpermissive
    AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role('wisdom_app'::name, r, 'USAGE'))";

/// Refuses a database in which a tenant table lacks its policy, or a role may go round it.
pub(super) async fn verify(connection: &mut PgConnection) -> Result<(), OpenError> {
    let failed = |source| OpenError::Database {
        doing: "checking tenant isolation",
        source,
    };
    let mut findings = Vec::new();
    check_roles(connection, &mut findings).await.map_err(failed)?;
    check_tables(connection, &mut findings).await.map_err(failed)?;
    if findings.is_empty() {
        Ok(())
    } else {
        Err(OpenError::Isolation { findings })
    }
}

async fn check_roles(connection: &mut PgConnection, findings: &mut Vec<String>) -> Result<(), sqlx::Error> {
    let roles = sqlx::query(
        "SELECT r.rolname::text, r.rolsuper OR r.rolbypassrls, r.rolcanlogin,
         EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid)
         FROM pg_roles r WHERE r.rolname IN ('wisdom_app', 'wisdom_system')",
    )
    .fetch_all(&mut *connection)
    .await?;
    if roles.len() != 2 {
        findings.push("the roles wisdom_app and wisdom_system are missing: migrate".to_owned());
    }
    for role in roles {
        let name: String = role.try_get(0)?;
        if role.try_get(1)? {
            findings.push(format!(
                "role {name} goes round row-level security: ALTER ROLE {name} NOSUPERUSER NOBYPASSRLS"
            ));
        }
        if role.try_get(2)? {
            findings.push(format!(
                "role {name} may log in by itself: ALTER ROLE {name} NOLOGIN"
            ));
        }
        if role.try_get(3)? {
            findings.push(format!(
                "role {name} is a member of another role: REVOKE that role FROM {name}"
            ));
        }
    }
    Ok(())
}

async fn check_tables(connection: &mut PgConnection, findings: &mut Vec<String>) -> Result<(), sqlx::Error> {
    let tables = sqlx::query(TABLES).fetch_all(&mut *connection).await?;
    if tables.is_empty() {
        findings.push("there is no table of tenants: migrate".to_owned());
    }
    for table in tables {
        let oid: sqlx::postgres::types::Oid = table.try_get(0)?;
        let name: String = table.try_get(1)?;
        if !table.try_get::<bool, _>(2)? {
            findings.push(format!(
                "table {name} has no row-level security: ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
            ));
        }
        if !table.try_get::<bool, _>(3)? {
            findings.push(format!(
                "table {name} does not force row-level security on its owner: ALTER TABLE {name} FORCE ROW LEVEL SECURITY"
            ));
        }
        if table.try_get(4)? {
            findings.push(format!(
                "table {name} belongs to a role of units of work: ALTER TABLE {name} OWNER TO another"
            ));
        }
        if table.try_get(6)? {
            // What a tenant sees of users hangs on its memberships; the migration's own test covers the policy.
            continue;
        }
        let column = if table.try_get(5)? { "id" } else { "tenant_id" };
        let wanted = format!("({})", CANONICAL.replacen("tenant_id", column, 1));
        let policies = sqlx::query(POLICIES)
            .bind(oid)
            .fetch_all(&mut *connection)
            .await?;
        if policies.is_empty() {
            findings.push(format!(
                "table {name} has no policy for wisdom_app: see tenant_table_sql"
            ));
        }
        for policy in policies {
            let (policy_name, command): (String, String) = (policy.try_get(0)?, policy.try_get(1)?);
            let (using, check): (Option<String>, Option<String>) = (policy.try_get(2)?, policy.try_get(3)?);
            let whole =
                command == "*" && using.as_deref() == Some(&wanted) && check.as_deref() == Some(&wanted);
            if !whole {
                findings.push(format!(
                    "policy {policy_name} of table {name} is not FOR ALL with USING and WITH CHECK of the tenant alone: \
                     see tenant_table_sql"
                ));
            }
        }
    }
    Ok(())
}
