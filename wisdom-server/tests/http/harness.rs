//! Starts the program, speaks to it, reads its mails.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};
use wisdom_adapters::testkit::TestDatabase;

pub(crate) const PASSWORD: &str = "mountain-lantern-29-violet";

/// The program under test, built by cargo.
pub(crate) fn program() -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wisdom-server"));
    command.env_clear();
    command
}

/// Where a server keeps its things, and how it is configured. Servers may be started on it again and again.
#[derive(Debug)]
pub(crate) struct Setup {
    dir: Arc<TempDir>,
    flags: Vec<String>,
    starts: AtomicU32,
    /// Dropped with the setup.
    database: Option<TestDatabase>,
}

impl Setup {
    /// On SQLite. Hashing is cheap and limits are wide, because tests hash and call more than people do.
    pub(crate) fn sqlite() -> Self {
        let setup = Self {
            dir: Arc::new(tempfile::tempdir().unwrap()),
            flags: Vec::new(),
            starts: AtomicU32::new(0),
            database: None,
        };
        setup
            .set("auth.password.memory_kib", "7168")
            .set("auth.password.passes", "5")
            .set("rate_limit.per_address", "1000000")
            .set("rate_limit.per_user", "1000000")
            .set("server.trusted_proxies", "127.0.0.1")
            .set("server.drain_seconds", "10")
    }

    /// On a fresh PostgreSQL database.
    pub(crate) fn postgres(database: TestDatabase) -> Self {
        let mut setup = Self::sqlite();
        setup
            .flags
            .extend(["--database".to_owned(), database.url().to_owned()]);
        setup.database = Some(database);
        setup
    }

    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        self.flags.extend(["--set".to_owned(), format!("{key}={value}")]);
        self
    }

    /// Ends all sessions at the database; answers how many.
    pub(crate) async fn cut_database(&self) -> usize {
        let database = self.database.as_ref().expect("a setup on PostgreSQL");
        database.cut().await.unwrap()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn command(&self) -> std::process::Command {
        let mut command = program();
        command
            .args(&self.flags)
            .arg("--data-dir")
            .arg(self.data())
            .args(["--listen", "127.0.0.1:0"]);
        command
    }

    /// Starts the program and waits until it listens.
    pub(crate) async fn start(&self) -> Server {
        let number = self.starts.fetch_add(1, Ordering::Relaxed);
        let log = self.dir.path().join(format!("log-{number}.jsonl"));
        let mut command = Command::from(self.command());
        command
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).unwrap())
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = timeout(Duration::from_secs(60), async {
            while let Some(line) = out.next_line().await.unwrap() {
                if let Some((_, url)) = line.split_once("listening on ") {
                    return Some(url.to_owned());
                }
            }
            None
        });
        let Ok(Some(url)) = url.await else {
            panic!(
                "the server did not start: {}",
                std::fs::read_to_string(&log).unwrap_or_default()
            );
        };
        Server {
            child,
            url,
            client: client(),
            mail: self.data().join("mail"),
            log,
            _out: out,
            _dir: Arc::clone(&self.dir),
        }
    }
}

/// One running program; killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    client: reqwest::Client,
    mail: PathBuf,
    pub(crate) log: PathBuf,
    _out: Lines<BufReader<ChildStdout>>,
    _dir: Arc<TempDir>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.body[name]
            .as_str()
            .unwrap_or_else(|| panic!("no {name} in {self:?}"))
            .to_owned()
    }

    /// This reply, if it has the status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

/// One call in the making.
#[derive(Debug)]
pub(crate) struct Call {
    request: reqwest::RequestBuilder,
}

impl Call {
    pub(crate) fn token(mut self, token: &str) -> Self {
        self.request = self.request.bearer_auth(token);
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub(crate) fn body(mut self, body: &Value) -> Self {
        self.request = self
            .request
            .header("content-type", "application/json")
            .body(body.to_string());
        self
    }

    pub(crate) fn raw(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.request = self.request.header("content-type", content_type).body(body);
        self
    }

    pub(crate) async fn send(self) -> Reply {
        self.attempt().await.unwrap()
    }

    /// Fails when the connection does.
    pub(crate) async fn attempt(self) -> Result<Reply, reqwest::Error> {
        let response = self.request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Reply {
            status,
            headers,
            body,
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the client under test is the server's, not ours"
)]
fn client() -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60))
        .build()
        .unwrap()
}

impl Server {
    /// The same server, spoken to by another client.
    pub(crate) fn through(mut self, client: reqwest::Client) -> Self {
        self.client = client;
        self
    }

    /// A call that another client makes.
    pub(crate) fn call_through(&self, client: &reqwest::Client, method: Method, path: &str) -> Call {
        Call {
            request: client.request(method, format!("{}{path}", self.url)),
        }
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        Call {
            request: self.client.request(method, format!("{}{path}", self.url)),
        }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Reply {
        self.call(Method::GET, path).token(token).send().await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Reply {
        self.call(Method::POST, path).token(token).body(body).send().await
    }

    pub(crate) async fn post_public(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::POST, path).body(body).send().await
    }

    pub(crate) fn address(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill")
            .args([&format!("-{name}"), &self.pid().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end and answers the exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        timeout(Duration::from_secs(40), self.child.wait())
            .await
            .expect("the server does not end")
            .unwrap()
            .code()
    }

    pub(crate) async fn kill(mut self) {
        self.child.start_kill().unwrap();
        let _ = self.child.wait().await;
    }

    /// Waits for a mail to the address with this subject.
    pub(crate) async fn mailed(&self, address: &str, subject: &str) {
        eventually("the mail", async || {
            has_mail(&self.mail, address, subject).then_some(())
        })
        .await;
    }

    /// The token in the newest mail to the address.
    pub(crate) async fn mailed_token(&self, address: &str) -> String {
        eventually("a mail with a token", async || newest_token(&self.mail, address)).await
    }

    /// All mails to the address so far, oldest first, heads and readable bodies.
    pub(crate) fn mails(&self, address: &str) -> Vec<String> {
        mails(&self.mail, address)
    }

    /// Signs a person up with a tenant of their own, by mail and all, and in.
    pub(crate) async fn founder(&self, name: &str) -> Person {
        let email = format!("{name}@example.com");
        let body = json!({
            "email": email, "password": PASSWORD, "display_name": name, "tenant_name": format!("{name} Works"),
        });
        self.post_public("/v1/auth/sign-up", &body).await.expect(202);
        let token = self.mailed_token(&email).await;
        self.post_public("/v1/auth/verify-email", &json!({ "token": token }))
            .await
            .expect(204);
        let mut person = self.log_in(&email).await;
        let tenants = self.get("/v1/tenants", &person.access).await.expect(200);
        person.tenant = string(&tenants.body["items"][0]["tenant"]["id"]);
        person.member = string(&tenants.body["items"][0]["membership"]);
        person
    }

    /// Invites a new person into the tenant, who joins and signs in.
    pub(crate) async fn join(&self, inviter: &Person, name: &str, role: &str) -> Person {
        let email = format!("{name}@example.com");
        let path = format!("/v1/tenants/{}/invitations", inviter.tenant);
        self.post(&path, &inviter.access, &json!({ "email": email, "role": role }))
            .await
            .expect(201);
        let token = self.mailed_token(&email).await;
        let body = json!({ "token": token, "password": PASSWORD, "display_name": name });
        let joined = self
            .post_public("/v1/invitations/accept-and-register", &body)
            .await
            .expect(201);
        let mut person = self.log_in(&email).await;
        person.tenant.clone_from(&inviter.tenant);
        person.member = string(&joined.body["membership"]["id"]);
        person
    }

    pub(crate) async fn log_in(&self, email: &str) -> Person {
        let body = json!({ "email": email, "password": PASSWORD });
        let pair = self.post_public("/v1/auth/log-in", &body).await.expect(200);
        Person {
            email: email.to_owned(),
            access: pair.text("access_token"),
            refresh: pair.text("refresh_token"),
            tenant: String::new(),
            member: String::new(),
        }
    }
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) tenant: String,
    pub(crate) member: String,
}

fn string(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn has_mail(folder: &Path, address: &str, subject: &str) -> bool {
    let files = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path());
    files
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .any(|text| {
            let head = text.split_once("\r\n\r\n").map_or("", |(head, _)| head);
            head.contains(address) && head.contains(&format!("Subject: {subject}"))
        })
}

fn mails(folder: &Path, address: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    files.sort();
    let texts = files.iter().filter_map(|path| {
        let text = std::fs::read_to_string(path).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        head.contains(address).then_some(())?;
        // Long lines are cut softly in quoted-printable.
        let body = body.replace("=\r\n", "").replace("=3D", "=");
        Some(format!("{head}\r\n\r\n{body}"))
    });
    texts.collect()
}

fn newest_token(folder: &Path, address: &str) -> Option<String> {
    mails(folder, address).iter().rev().find_map(|text| {
        text.lines()
            .find_map(|line| line.strip_prefix("Token: ").map(|token| token.trim().to_owned()))
    })
}

/// Asks again and again until there is an answer, at most two minutes.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..2400 {
        if let Some(answer) = ask().await {
            return answer;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("waited in vain for {what}");
}

/// Two tests of one body: on SQLite, and on PostgreSQL where there is one.
macro_rules! on_both {
    ($($(#[$attribute:meta])* $name:ident;)*) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread")]
            $(#[$attribute])*
            async fn sqlite() {
                super::$name($crate::harness::Setup::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            $(#[$attribute])*
            async fn postgres() {
                let database = wisdom_adapters::testkit::require_or_skip!(wisdom_adapters::testkit::postgres().await);
                super::$name($crate::harness::Setup::postgres(database)).await;
            }
        }
    )*};
}
pub(crate) use on_both;
