//! A private PostgreSQL shared by all test processes of one user.
//!
//! Two locked files in a folder of the user steer it. `start` is held exclusively while a process looks for the
//! running server or starts one. `lease` is held shared by every test process for as long as it lives; a
//! supervisor process waits to hold it exclusively, which the kernel grants when the last test process is gone,
//! however it ended. It then stops the server and deletes its data.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{TestkitError, Unavailable, settings};

const REMEDY: &str =
    "apt-get install -y postgresql util-linux, or set WISDOM_TEST_DATABASE_URL to a server for tests";
const ADMIN: &str = "wisdom_test_admin";
/// Another program may take a free port between the choice and the start.
const ATTEMPTS: u32 = 3;

/// Arguments: data folder, its parent, the file that names the server. SIGQUIT is PostgreSQL's immediate stop; the
/// pid file goes when it is done, also where nobody collects orphaned processes.
const SUPERVISOR: &str = r#"
rm -f "$3"
if pid=$(head -n 1 "$1/postmaster.pid" 2>/dev/null) && [ "$pid" -gt 1 ] && kill -QUIT "$pid" 2>/dev/null; then
    rounds=0
    while [ $rounds -lt 100 ] && [ -e "$1/postmaster.pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; rounds=$((rounds + 1)); done
fi
rm -rf "$2"
"#;

/// Keeps the private server running until the process ends.
#[derive(Debug)]
pub(super) struct Lease {
    /// The kernel drops the shared lock when the process ends.
    _lock: File,
    /// Outlives this process on purpose, so nobody waits for it here.
    _supervisor: Option<Child>,
}

/// Joins the running server or starts one; gives its administrator's address. Blocks for up to some seconds.
pub(super) fn lease() -> Result<(String, Lease), TestkitError> {
    let programs = Programs::find()?;
    let home = home()?;
    let start = lock_file(&home.join("start"))?;
    start.lock().map_err(TestkitError::io(
        "waiting for another process to start the server",
    ))?;
    let lock = lock_file(&home.join("lease"))?;
    // Waits for a supervisor that is just stopping the previous server.
    lock.lock_shared()
        .map_err(TestkitError::io("taking a lease of the server"))?;

    let notice = home.join("server");
    if let Some(address) = running(&notice) {
        return Ok((
            address,
            Lease {
                _lock: lock,
                _supervisor: None,
            },
        ));
    }
    let (address, supervisor) = programs.start(&home, &notice)?;
    Ok((
        address,
        Lease {
            _lock: lock,
            _supervisor: Some(supervisor),
        },
    ))
}

/// The address in the notice when its server answers. The second line is the data folder.
fn running(notice: &Path) -> Option<String> {
    let text = fs::read_to_string(notice).ok()?;
    let mut lines = text.lines();
    let (address, data) = (lines.next()?, lines.next()?);
    let port = url::Url::parse(address).ok()?.port()?;
    let socket = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let alive = Path::new(data).join("postmaster.pid").exists()
        && TcpStream::connect_timeout(&socket, Duration::from_secs(2)).is_ok();
    alive.then(|| address.to_owned())
}

/// The user's folder for the lock files, refused when another user could have made or may read it.
fn home() -> Result<PathBuf, TestkitError> {
    let doing = "making the folder of lock files";
    let temporary = std::env::temp_dir();
    // There is no safe call for the process's own user id, but a file it makes has it.
    let probe = tempfile::tempfile()
        .and_then(|file| file.metadata())
        .map_err(TestkitError::io(doing))?;
    let home = temporary.join(format!("wisdom-testkit-{}", probe.uid()));
    match DirBuilder::new().mode(0o700).create(&home) {
        Err(fault) if fault.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(TestkitError::io(doing)(fault));
        }
        _ => {}
    }
    let found = fs::symlink_metadata(&home).map_err(TestkitError::io(doing))?;
    let closed_to_others = found.mode().trailing_zeros() >= 6;
    if found.is_dir() && found.uid() == probe.uid() && closed_to_others {
        Ok(home)
    } else {
        Err(TestkitError::Start(format!(
            "{} must be a folder of this user with mode 0700",
            home.display()
        )))
    }
}

fn lock_file(path: &Path) -> Result<File, TestkitError> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(TestkitError::io("opening a lock file"))
}

/// The programs of one PostgreSQL installation, and the user they run as.
#[derive(Debug)]
struct Programs {
    initdb: PathBuf,
    pg_ctl: PathBuf,
    flock: PathBuf,
    /// User and group when this process is root, as which PostgreSQL refuses to run.
    account: Option<(u32, u32)>,
}

impl Programs {
    fn find() -> Result<Self, TestkitError> {
        let absent = |reason: &str| Unavailable {
            service: "PostgreSQL",
            reason: reason.to_owned(),
            remedy: REMEDY,
        };
        let folders = settings::program_folders();
        let bin = folders
            .iter()
            .cloned()
            .chain(debian_folders())
            .find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
            .ok_or_else(|| absent("no initdb in WISDOM_PG_BIN, PATH or /usr/lib/postgresql"))?;
        let flock = folders
            .iter()
            .map(|folder| folder.join("flock"))
            .find(|program| program.is_file())
            .ok_or_else(|| absent("no program flock in PATH"))?;
        let probe = tempfile::tempfile()
            .and_then(|file| file.metadata())
            .map_err(TestkitError::io("asking for the own user id"))?;
        let account =
            if probe.uid() == 0 {
                let users = fs::read_to_string("/etc/passwd")
                    .map_err(TestkitError::io("reading the list of users"))?;
                let account = unprivileged(&users);
                Some(account.ok_or_else(|| {
                    absent("running as root, and there is neither a user postgres nor nobody")
                })?)
            } else {
                None
            };
        Ok(Self {
            initdb: bin.join("initdb"),
            pg_ctl: bin.join("pg_ctl"),
            flock,
            account,
        })
    }

    /// A command without access to the terminal, in a folder every user may enter.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        for name in ["PGDATA", "PGPORT", "PGHOST", "PGUSER", "PGDATABASE", "PGOPTIONS"] {
            command.env_remove(name);
        }
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command
    }

    fn own(&self, path: &Path) -> Result<(), TestkitError> {
        match self.account {
            Some((user, group)) => std::os::unix::fs::chown(path, Some(user), Some(group)).map_err(
                TestkitError::io("giving the data folder to the unprivileged user"),
            ),
            None => Ok(()),
        }
    }

    fn start(&self, home: &Path, notice: &Path) -> Result<(String, Child), TestkitError> {
        let folder = tempfile::Builder::new()
            .prefix("wisdom-pg-")
            .tempdir()
            .map_err(TestkitError::io("making the data folder"))?
            .keep();
        let data = folder.join("data");
        // First of all, so that nothing is left behind when this process dies on the way.
        let supervisor = Command::new(&self.flock)
            .arg(home.join("lease"))
            .args(["sh", "-c", SUPERVISOR, "sh"])
            .args([&data, &folder, &notice.to_path_buf()])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Not in the group a terminal or test runner kills.
            .process_group(0)
            .spawn()
            .map_err(TestkitError::io("starting the supervisor"))?;
        self.own(&folder)?;

        let secret = settings::unique();
        self.initialise(&folder, &data, &secret)?;
        let port = self.serve(&folder, &data)?;
        let address = format!("postgres://{ADMIN}:{secret}@127.0.0.1:{port}/postgres");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(notice)
            .map_err(TestkitError::io("writing the server's address"))?;
        writeln!(file, "{address}\n{}", data.display())
            .map_err(TestkitError::io("writing the server's address"))?;
        Ok((address, supervisor))
    }

    fn initialise(&self, folder: &Path, data: &Path, secret: &str) -> Result<(), TestkitError> {
        let password_file = folder.join("password");
        let doing = "writing the administrator's password";
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&password_file)
            .map_err(TestkitError::io(doing))?;
        file.write_all(secret.as_bytes())
            .map_err(TestkitError::io(doing))?;
        self.own(&password_file)?;
        let locale = if cfg!(target_os = "linux") { "C.UTF-8" } else { "C" };
        // Passwords, because any user of the machine reaches a loopback port, and a superuser of the database
        // can run programs. In clear text on loopback, because SCRAM costs the client in a debug build
        // some ten milliseconds a connection.
        let output = self
            .command(&self.initdb)
            .arg("--pgdata")
            .arg(data)
            .arg("--pwfile")
            .arg(&password_file)
            .args([
                "--auth=password",
                "--no-sync",
                "--encoding=UTF8",
                "--username",
                ADMIN,
            ])
            .arg(format!("--locale={locale}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .map_err(TestkitError::io("running initdb"))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(TestkitError::Start(tail(&String::from_utf8_lossy(
                &output.stderr,
            ))))
        }
    }

    fn serve(&self, folder: &Path, data: &Path) -> Result<u16, TestkitError> {
        let log = folder.join("log");
        for _ in 0..ATTEMPTS {
            let port = free_port()?;
            let options = format!(
                "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c max_connections=300 \
                 -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
            );
            let status = self
                .command(&self.pg_ctl)
                .args(["start", "--wait", "--timeout=30", "--silent", "--pgdata"])
                .arg(data)
                .arg("--log")
                .arg(&log)
                .arg("--options")
                .arg(options)
                .status()
                .map_err(TestkitError::io("running pg_ctl"))?;
            if status.success() {
                return Ok(port);
            }
        }
        Err(TestkitError::Start(tail(
            &fs::read_to_string(&log).unwrap_or_default(),
        )))
    }
}

/// Debian keeps the programs off `PATH`, one folder a version; the newest comes first.
fn debian_folders() -> Vec<PathBuf> {
    let mut versions: Vec<u32> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions
        .into_iter()
        .map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")))
        .collect()
}

/// User and group id of `postgres`, else of `nobody`, in the text of a passwd file.
fn unprivileged(users: &str) -> Option<(u32, u32)> {
    let find = |wanted: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == wanted).then_some(())?;
            Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
        })
    };
    find("postgres")
        .or_else(|| find("nobody"))
        .filter(|(user, _)| *user != 0)
}

fn free_port() -> Result<u16, TestkitError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(TestkitError::io("looking for a free port"))
}

/// The last lines of a log, enough to see why.
fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unprivileged_user_is_postgres_or_else_nobody_and_never_root() {
        let both =
            "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533::/:/bin/false\npostgres:x:101:104::/:/bin/sh\n";
        assert_eq!(unprivileged(both), Some((101, 104)));
        assert_eq!(
            unprivileged("nobody:x:65534:65533::/:/bin/false"),
            Some((65534, 65533))
        );
        assert_eq!(unprivileged("postgres:x:0:0::/:/bin/sh"), None);
        assert_eq!(unprivileged("postgres-backup:x:7:7::/:/bin/sh"), None);
    }

    #[test]
    fn a_notice_of_a_dead_server_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let notice = folder.path().join("server");
        assert_eq!(running(&notice), None, "no notice");
        let port = free_port().unwrap();
        fs::write(folder.path().join("postmaster.pid"), "1").unwrap();
        let text = format!(
            "postgres://a:b@127.0.0.1:{port}/postgres\n{}\n",
            folder.path().display()
        );
        fs::write(&notice, &text).unwrap();
        assert_eq!(running(&notice), None, "nobody listens");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(running(&notice).is_some(), "alive");
        fs::remove_file(folder.path().join("postmaster.pid")).unwrap();
        assert_eq!(running(&notice), None, "another program took the port");
        drop(listener);
    }

    #[test]
    fn the_tail_keeps_the_end() {
        let log = (0..20).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
        assert!(tail(&log).starts_with("8\n") && tail(&log).ends_with("19"));
        assert_eq!(tail(""), "");
    }
}
