//! The database server tests use, found or started once per process.

use std::time::Duration;

use aws_lc_rs::digest;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::OnceCell;
use url::Url;

use super::{TestkitError, settings};

/// The role that owns every test database.
const OWNER: &str = "wisdom_test_owner";
const PATIENCE: Duration = Duration::from_secs(10);

/// Serialises the making of the owner role: concurrent `ALTER ROLE` on one row fails with "tuple
/// concurrently updated".
const OWNER_ROLE_LOCK: i64 = 0x5749_5344_4f4d_0001;

/// A reachable server.
#[derive(Debug)]
pub(super) struct Server {
    /// Login that may create roles, at its maintenance database.
    pub(super) admin: Url,
    /// Login of the owner role, at the same maintenance database.
    pub(super) owner: Url,
    /// Keeps the private server alive for as long as this process lives.
    #[cfg(unix)]
    _lease: Option<super::private::Lease>,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();

/// The server of this process.
pub(super) async fn server() -> Result<&'static Server, TestkitError> {
    SERVER.get_or_try_init(open).await
}

async fn open() -> Result<Server, TestkitError> {
    if let Some(address) = settings::database_url() {
        let admin = parse(&address)?;
        let owner = owner_login(&admin).await?;
        return Ok(Server {
            admin,
            owner,
            #[cfg(unix)]
            _lease: None,
        });
    }
    open_private().await
}

#[cfg(unix)]
async fn open_private() -> Result<Server, TestkitError> {
    let (address, lease) = tokio::task::spawn_blocking(super::private::lease)
        .await
        .map_err(|broken| TestkitError::Start(broken.to_string()))??;
    let admin = parse(&address)?;
    let owner = owner_login(&admin).await?;
    Ok(Server {
        admin,
        owner,
        _lease: Some(lease),
    })
}

#[cfg(not(unix))]
async fn open_private() -> Result<Server, TestkitError> {
    Err(super::Unavailable {
        service: "PostgreSQL",
        reason: "private servers are started on Unix only".into(),
        remedy: "set WISDOM_TEST_DATABASE_URL to a server for tests",
    }
    .into())
}

fn parse(address: &str) -> Result<Url, TestkitError> {
    let url = Url::parse(address).map_err(|_| TestkitError::Address("it is not a URL"))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(TestkitError::Address("the scheme must be postgres"));
    }
    if url.username().is_empty() || !url.has_host() {
        return Err(TestkitError::Address("it must name a user and a host"));
    }
    Ok(url)
}

/// Opens a connection within ten seconds.
pub(super) async fn connect(url: &Url) -> Result<PgConnection, sqlx::Error> {
    let options = PgConnectOptions::from_url(url)?;
    match tokio::time::timeout(PATIENCE, PgConnection::connect_with(&options)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
}

/// Derives the owner's login from the administrator's, making the role when it does not work yet.
async fn owner_login(admin: &Url) -> Result<Url, TestkitError> {
    // Derived, so that all test processes agree on it without a place to keep it.
    let seed = format!(
        "wisdom testkit\0{}\0{}",
        admin.username(),
        admin.password().unwrap_or_default()
    );
    let secret = hex(digest::digest(&digest::SHA256, seed.as_bytes()).as_ref());
    let mut owner = admin.clone();
    owner
        .set_username(OWNER)
        .and_then(|()| owner.set_password(Some(&secret)))
        .map_err(|()| TestkitError::Address("it cannot carry a user name"))?;

    let mut connection = if let Ok(connection) = connect(&owner).await {
        connection
    } else {
        make_owner(admin, &secret).await?;
        connect(&owner).await.map_err(TestkitError::database(
            "logging in as the owner of test databases",
        ))?
    };
    let too_mighty = too_mighty(&mut connection).await?;
    // The answer is in hand; a failing good-bye changes nothing.
    let _ = connection.close().await;
    match too_mighty {
        Some(role) => Err(TestkitError::TooMighty { role }),
        None => Ok(owner),
    }
}

async fn make_owner(admin: &Url, secret: &str) -> Result<(), TestkitError> {
    let doing = "making the owner role of test databases";
    let mut connection = connect(admin)
        .await
        .map_err(TestkitError::database("logging in as administrator"))?;
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(OWNER_ROLE_LOCK)
        .execute(&mut connection)
        .await
        .map_err(TestkitError::database(doing))?;
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
        .bind(OWNER)
        .fetch_one(&mut connection)
        .await
        .map_err(TestkitError::database(doing))?;
    // An existing role keeps its attributes: naming them takes a superuser, and they are checked afterwards.
    let statement = if exists {
        format!("ALTER ROLE {OWNER} PASSWORD '{secret}'")
    } else {
        format!("CREATE ROLE {OWNER} LOGIN NOSUPERUSER NOBYPASSRLS CREATEDB CREATEROLE PASSWORD '{secret}'")
    };
    // Closing the session releases the lock.
    execute(&mut connection, statement)
        .await
        .map_err(TestkitError::database(doing))?;
    connection.close().await.map_err(TestkitError::database(doing))
}

/// Runs a statement that takes no parameters, such as `CREATE DATABASE`. The text is made of constants, hex
/// digits and names made by this kit only.
pub(super) async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(connection)
        .await
        .map(|_| ())
}

/// The name of the session's or current role when row-level security does not bind it.
pub(super) async fn too_mighty(connection: &mut PgConnection) -> Result<Option<String>, TestkitError> {
    sqlx::query_scalar(
        "SELECT rolname::text FROM pg_roles \
         WHERE rolname IN (current_user, session_user) AND (rolsuper OR rolbypassrls) LIMIT 1",
    )
    .fetch_optional(connection)
    .await
    .map_err(TestkitError::database("reading the rights of the role"))
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing into a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_name_a_server_and_a_user_are_taken() {
        assert!(parse("postgres://admin:secret@127.0.0.1:5432/postgres").is_ok());
        assert!(parse("postgresql://admin@localhost/postgres").is_ok());
        for wrong in [
            "",
            "127.0.0.1:5432",
            "mysql://admin@localhost/x",
            "postgres://localhost/x",
            "postgres:///x",
        ] {
            assert!(matches!(parse(wrong), Err(TestkitError::Address(_))), "{wrong}");
        }
    }

    #[test]
    fn hex_has_two_digits_a_byte() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
