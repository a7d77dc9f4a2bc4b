//! The two roles units of work run as. Roles belong to the whole server, so several databases share them and may set
//! them up at the same moment.

use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::storage::OpenError;

/// The role of a tenant's units of work: it sees the rows of one tenant.
pub const APP_ROLE: &str = "wisdom_app";
/// The role of units of work outside of any tenant.
pub const SYSTEM_ROLE: &str = "wisdom_system";

/// How often and after which pause a grant that met another one of the same role is tried again.
const ROUNDS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(25);
/// From this version on, membership in a role and the right to take it are two things.
const VERSION_WITH_SET: i32 = 160_000;

const CREATE: [&str; 2] = [
    "CREATE ROLE wisdom_app NOLOGIN NOINHERIT",
    "CREATE ROLE wisdom_system NOLOGIN NOINHERIT",
];

/// Makes the roles if they are missing, and sees to it that the login may take them.
pub(super) async fn ensure(connection: &mut PgConnection) -> Result<(), OpenError> {
    let failed = |source| OpenError::Database {
        doing: "setting up roles",
        source,
    };
    for (role, create) in [APP_ROLE, SYSTEM_ROLE].into_iter().zip(CREATE) {
        let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
            .bind(role)
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        if exists {
            continue;
        }
        match sqlx::raw_sql(create).execute(&mut *connection).await {
            Ok(_) => {}
            // duplicate object, or the unique key behind it when both run at once: it exists, which is what was wanted
            Err(error) if has_code(&error, &["42710", "23505"]) => {}
            Err(error) if has_code(&error, &["42501"]) => {
                return Err(OpenError::Roles {
                    sql: script(connection).await.map_err(failed)?,
                });
            }
            Err(error) => return Err(failed(error)),
        }
    }
    take(connection).await
}

/// Grants the login the right to take the roles, unless it has it.
async fn take(connection: &mut PgConnection) -> Result<(), OpenError> {
    let failed = |source| OpenError::Database {
        doing: "setting up roles",
        source,
    };
    let mut round = 1;
    while !may_take(connection).await.map_err(failed)? {
        let grant = grant(connection).await.map_err(failed)?;
        match sqlx::raw_sql(AssertSqlSafe(grant))
            .execute(&mut *connection)
            .await
        {
            Ok(_) => {}
            // "tuple concurrently updated", or the unique key of memberships: another one grants the same
            Err(error) if has_code(&error, &["XX000", "23505"]) && round < ROUNDS => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) if has_code(&error, &["42501"]) => {
                return Err(OpenError::Roles {
                    sql: script(connection).await.map_err(failed)?,
                });
            }
            Err(error) => return Err(failed(error)),
        }
        round += 1;
        if round > ROUNDS {
            return Err(OpenError::Roles {
                sql: script(connection).await.map_err(failed)?,
            });
        }
    }
    Ok(())
}

async fn has_set(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let version: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::integer")
        .fetch_one(&mut *connection)
        .await?;
    Ok(version >= VERSION_WITH_SET)
}

async fn may_take(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let right = if has_set(connection).await? {
        "SET"
    } else {
        "MEMBER"
    };
    sqlx::query_scalar(
        "SELECT pg_has_role(session_user, 'wisdom_app', $1) AND pg_has_role(session_user, 'wisdom_system', $1)",
    )
    .bind(right)
    .fetch_one(&mut *connection)
    .await
}

/// The statement that lets the login take the roles; the server quotes the login's name.
async fn grant(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    let mut grant: String =
        sqlx::query_scalar("SELECT format('GRANT wisdom_app, wisdom_system TO %I', session_user)")
            .fetch_one(&mut *connection)
            .await?;
    if has_set(connection).await? {
        grant.push_str(" WITH INHERIT FALSE, SET TRUE");
    }
    Ok(grant)
}

/// What somebody who may has to run.
async fn script(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    let grant = grant(connection).await?;
    Ok(format!("{};\n{};\n{grant};", CREATE[0], CREATE[1]))
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| codes.contains(&&*code))
}
