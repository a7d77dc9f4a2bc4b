//! One fresh database per test, empty or copied from a prepared template.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::digest;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use url::Url;

use super::server::{self, connect, execute, hex};
use super::{TestkitError, settings};

/// How long dropping a database may hold up the end of a test.
const DROP_PATIENCE: Duration = Duration::from_secs(10);
/// How long the connections of a template's preparation may take to go away.
const SETTLE_ROUNDS: u32 = 100;
const SETTLE_PAUSE: Duration = Duration::from_millis(100);

/// A PostgreSQL database that belongs to one test and is dropped with this value.
///
/// A process that is killed leaves its databases (`wt_…`) behind on a server named by
/// `WISDOM_TEST_DATABASE_URL`; a private server is deleted as a whole.
pub struct TestDatabase {
    name: String,
    url: String,
    admin_url: String,
    /// The owner at the maintenance database, from where the test's database can be dropped.
    maintenance: Url,
}

impl TestDatabase {
    /// Address of the database for its owner: a login without superuser rights that may create databases and
    /// roles. It holds a password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Address of the same database for the server's administrator, usually a superuser: for looking at the
    /// catalogue from outside, and for proving that isolation holds even then.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        &self.admin_url
    }

    /// Ends every session at the database but its own, as when the server or the way to it fails; answers how many.
    ///
    /// # Errors
    /// [`TestkitError`] when the server cannot be asked.
    pub async fn cut(&self) -> Result<usize, TestkitError> {
        let url = Url::parse(&self.admin_url).map_err(|_| TestkitError::Address("it is not a URL"))?;
        let mut connection = connect(&url)
            .await
            .map_err(TestkitError::database("logging in as administrator"))?;
        let ended: Vec<bool> = sqlx::query_scalar(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .fetch_all(&mut connection)
        .await
        .map_err(TestkitError::database("ending the sessions at a test database"))?;
        close(connection).await;
        Ok(ended.into_iter().filter(|ended| *ended).count())
    }

    /// Name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for TestDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestDatabase")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let maintenance = self.maintenance.clone();
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A thread with a runtime of its own: drop cannot wait on the test's runtime, and a runner that gives
        // each test a process ends it at once, so the work has to be finished before this returns.
        let worker = std::thread::Builder::new()
            .name("drop-test-database".into())
            .spawn(move || {
                let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                    return;
                };
                runtime.block_on(async {
                    // Best effort: a database left over must not turn a passed test red.
                    let _ = tokio::time::timeout(DROP_PATIENCE, async {
                        if let Ok(mut connection) = connect(&maintenance).await {
                            let _ = execute(&mut connection, statement).await;
                            let _ = connection.close().await;
                        }
                    })
                    .await;
                });
            });
        if let Ok(worker) = worker {
            let _ = worker.join();
        }
    }
}

/// A fresh empty database.
///
/// # Errors
///
/// [`TestkitError::Unavailable`] when there is no server and none can be started; the other kinds when there is
/// one that does not work.
pub async fn postgres() -> Result<TestDatabase, TestkitError> {
    let server = server::server().await?;
    let mut connection = maintenance(server).await?;
    let database = copy(server, &mut connection, "template0").await?;
    close(connection).await;
    Ok(database)
}

/// A fresh copy of a database that `prepare` fills once per server and key.
///
/// `prepare` receives the address of an empty database for its owner. It runs only when the server has no
/// template of that key yet, one process at a time, and must close what it opens. The key has to change
/// whenever what `prepare` does changes (take a checksum of the migrations), because a server named by
/// `WISDOM_TEST_DATABASE_URL` keeps its templates.
///
/// # Errors
///
/// As [`postgres`]; [`TestkitError::Prepare`] when `prepare` fails, in which case no template is left.
pub async fn postgres_with<F, E>(template_key: &str, prepare: F) -> Result<TestDatabase, TestkitError>
where
    F: AsyncFnOnce(&str) -> Result<(), E>,
    E: fmt::Display,
{
    let server = server::server().await?;
    let fingerprint = hex(&digest::digest(&digest::SHA256, template_key.as_bytes()).as_ref()[..16]);
    let template = format!("wt_tpl_{fingerprint}");
    let mut connection = maintenance(server).await?;
    if !exists(&mut connection, &template).await? {
        let doing = "waiting for the template of other tests";
        // Released when the session ends, so a preparation that dies or panics does not block the others.
        sqlx::query("SELECT pg_advisory_lock(hashtextextended($1, 0))")
            .bind(&template)
            .execute(&mut connection)
            .await
            .map_err(TestkitError::database(doing))?;
        if !exists(&mut connection, &template).await? {
            let draft = copy(server, &mut connection, "template0").await?;
            prepare(draft.url())
                .await
                .map_err(|fault| TestkitError::Prepare {
                    key: template_key.to_owned(),
                    reason: format!("{fault:#}"),
                })?;
            publish(&mut connection, &draft, &template).await?;
        }
        sqlx::query("SELECT pg_advisory_unlock(hashtextextended($1, 0))")
            .bind(&template)
            .execute(&mut connection)
            .await
            .map_err(TestkitError::database(doing))?;
    }
    let database = copy(server, &mut connection, &template).await?;
    close(connection).await;
    Ok(database)
}

/// Fails the test unless row-level security binds the login of `url`.
///
/// # Panics
///
/// When the role is superuser or has BYPASSRLS, or when the server cannot be asked.
#[expect(clippy::panic, reason = "an assertion for tests")]
pub async fn assert_not_superuser(url: &str) {
    let verdict = async {
        let url = Url::parse(url).map_err(|_| TestkitError::Address("it is not a URL"))?;
        let mut connection = connect(&url)
            .await
            .map_err(TestkitError::database("logging in"))?;
        let role = server::too_mighty(&mut connection).await?;
        close(connection).await;
        role.map_or(Ok(()), |role| Err(TestkitError::TooMighty { role }))
    }
    .await;
    if let Err(fault) = verdict {
        panic!("{fault}");
    }
}

async fn maintenance(server: &server::Server) -> Result<PgConnection, TestkitError> {
    connect(&server.owner).await.map_err(TestkitError::database(
        "logging in as the owner of test databases",
    ))
}

async fn close(connection: PgConnection) {
    // Nothing is pending on it; a failing good-bye changes nothing.
    let _ = connection.close().await;
}

async fn exists(connection: &mut PgConnection, name: &str) -> Result<bool, TestkitError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(connection)
        .await
        .map_err(TestkitError::database("looking for a template database"))
}

/// Copies `template` as the connection's role, which thereby owns the copy.
async fn copy(
    server: &server::Server,
    connection: &mut PgConnection,
    template: &str,
) -> Result<TestDatabase, TestkitError> {
    let name = format!("wt_{}", settings::unique());
    let at = |login: &Url| {
        let mut url = login.clone();
        url.set_path(&name);
        url.to_string()
    };
    // Built before the statement runs, so that a cancelled or failed copy is dropped as well.
    let database = TestDatabase {
        url: at(&server.owner),
        admin_url: at(&server.admin),
        maintenance: server.owner.clone(),
        name,
    };
    execute(
        connection,
        format!("CREATE DATABASE {} TEMPLATE {template}", database.name),
    )
    .await
    .map_err(TestkitError::database("creating a test database"))?;
    Ok(database)
}

/// Gives the prepared database its lasting name, which is what marks it as complete.
async fn publish(
    connection: &mut PgConnection,
    draft: &TestDatabase,
    template: &str,
) -> Result<(), TestkitError> {
    const OBJECT_IN_USE: &str = "55006";
    let mut round = 0;
    loop {
        let outcome = execute(
            connection,
            format!("ALTER DATABASE {} RENAME TO {template}", draft.name),
        )
        .await;
        let busy = matches!(&outcome, Err(sqlx::Error::Database(fault)) if fault.code().as_deref() == Some(OBJECT_IN_USE));
        if !busy || round == SETTLE_ROUNDS {
            return outcome.map_err(TestkitError::database(
                "naming the template database (preparation must close its connections)",
            ));
        }
        round += 1;
        tokio::time::sleep(SETTLE_PAUSE).await;
    }
}
