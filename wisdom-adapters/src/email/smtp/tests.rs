use std::sync::Mutex;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use wisdom_core::clock::ManualClock;
use wisdom_core::port::Retry;
use wisdom_core::port::email::conformance::{EmailHarness, message};
use wisdom_core::time::Timestamp;

use super::*;

/// What the server answers. Everything else it accepts.
#[derive(Debug, Clone, Copy)]
struct Script {
    greeting: &'static str,
    extensions: &'static [&'static str],
    auth: &'static str,
    rcpt: &'static str,
    end_of_data: &'static str,
}

const FRIENDLY: Script = Script {
    greeting: "220 mx.example.test ready",
    extensions: &["8BITMIME"],
    auth: "235 2.7.0 welcome",
    rcpt: "250 2.1.5 ok",
    end_of_data: "250 2.0.0 queued as 4F7A for <ada@receiver.example.test>",
};

#[derive(Debug, Default)]
struct Seen {
    commands: Vec<String>,
    /// As they came over the wire, dots stuffed, without the end mark.
    wires: Vec<String>,
    open: usize,
    most_open: usize,
}

struct Server {
    port: u16,
    seen: Arc<Mutex<Seen>>,
    accepting: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    async fn start(script: Script) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let accepting = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let seen = Arc::clone(&seen);
                    tokio::spawn(async move {
                        {
                            let mut seen = seen.lock().unwrap();
                            seen.open += 1;
                            seen.most_open = seen.most_open.max(seen.open);
                        }
                        let _ = talk(stream, script, &seen).await;
                        seen.lock().unwrap().open -= 1;
                    });
                }
            }
        });
        Self {
            port,
            seen,
            accepting,
        }
    }

    fn sender(&self, options: &str) -> Result<SmtpSender, PortError> {
        let url = Url::parse(&format!("smtp://127.0.0.1:{}{options}", self.port)).unwrap();
        open(&url)
    }

    fn commands(&self) -> Vec<String> {
        self.seen.lock().unwrap().commands.clone()
    }
}

async fn talk(stream: TcpStream, script: Script, seen: &Mutex<Seen>) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader);
    let mut line = Vec::new();
    if script.greeting.is_empty() {
        // Connected and silent until the client goes.
        lines.read_until(b'\n', &mut line).await?;
        return Ok(());
    }
    writer
        .write_all(format!("{}\r\n", script.greeting).as_bytes())
        .await?;
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let command = String::from_utf8_lossy(&line).trim_end().to_owned();
        seen.lock().unwrap().commands.push(command.clone());
        let verb = command
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => {
                let mut answer = "250-mx.example.test\r\n".to_owned();
                for extension in script.extensions {
                    answer = answer + "250-" + extension + "\r\n";
                }
                answer + "250 SIZE 10000000"
            }
            "AUTH" => script.auth.to_owned(),
            "RCPT" => script.rcpt.to_owned(),
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await?;
                let mut wire = Vec::new();
                while !(wire.ends_with(b"\r\n.\r\n") || wire == b".\r\n") {
                    if lines.read_until(b'\n', &mut wire).await? == 0 {
                        return Ok(());
                    }
                }
                wire.truncate(wire.len() - 3);
                if script.end_of_data.starts_with('2') {
                    seen.lock().unwrap().wires.push(String::from_utf8(wire).unwrap());
                }
                script.end_of_data.to_owned()
            }
            "QUIT" => {
                writer.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            "MAIL" | "NOOP" | "RSET" => "250 ok".to_owned(),
            _ => "500 what?".to_owned(),
        };
        writer.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
}

fn open(url: &Url) -> Result<SmtpSender, PortError> {
    let secrets = |reference: &str| {
        if reference == "env:SMTP_PASSWORD" {
            Ok(SecretText::from("hunter2".to_owned()))
        } else {
            Err(PortError::new("secrets", "resolve", PortErrorKind::NotFound))
        }
    };
    SmtpSender::from_url(
        url,
        &secrets,
        Arc::new(ManualClock::at(
            Timestamp::from_unix_seconds(1_700_000_000).unwrap(),
        )),
    )
}

struct Harness {
    server: Server,
    sender: SmtpSender,
}

#[async_trait]
impl EmailHarness for Harness {
    fn sender(&self) -> &dyn EmailSender {
        &self.sender
    }

    async fn arrived(&self) -> Vec<String> {
        let wires = self.server.seen.lock().unwrap().wires.clone();
        // RFC 5321, section 4.5.2: a dot at the start of a line is taken away.
        let unstuffed = |line: &str| line.strip_prefix('.').unwrap_or(line).to_owned();
        wires
            .iter()
            .map(|wire| wire.split("\r\n").map(unstuffed).collect::<Vec<_>>().join("\r\n"))
            .collect()
    }
}

async fn make() -> Harness {
    let server = Server::start(FRIENDLY).await;
    let sender = server.sender("").unwrap();
    Harness { server, sender }
}

wisdom_core::email_conformance!(make);

async fn error_of(script: Script) -> PortError {
    let server = Server::start(script).await;
    server
        .sender("")
        .unwrap()
        .send(&message("k", "x"))
        .await
        .unwrap_err()
}

#[tokio::test]
async fn dots_are_stuffed_on_the_wire() {
    let harness = make().await;
    harness
        .sender
        .send(&message("k", "a\n.\nb\n..\n.c\n"))
        .await
        .unwrap();
    let wire = harness.server.seen.lock().unwrap().wires[0].clone();
    assert!(wire.contains("a\r\n..\r\nb\r\n...\r\n..c\r\n"), "{wire}");
    let commands = harness.server.commands();
    let verbs: Vec<&str> = commands
        .iter()
        .filter_map(|c| c.split_whitespace().next())
        .collect();
    assert!(
        verbs.starts_with(&["EHLO", "MAIL", "RCPT", "DATA"]),
        "{commands:?}"
    );
}

#[tokio::test]
async fn the_envelope_has_one_receiver() {
    let harness = make().await;
    harness.sender.send(&message("k", "x")).await.unwrap();
    let commands = harness.server.commands();
    assert!(
        commands
            .iter()
            .any(|c| c.starts_with("MAIL FROM:<no-reply@sender.example.test>")),
        "{commands:?}"
    );
    let receivers: Vec<&String> = commands.iter().filter(|c| c.starts_with("RCPT")).collect();
    assert_eq!(receivers, ["RCPT TO:<ada@receiver.example.test>"]);
}

#[tokio::test]
async fn the_receipt_has_the_queue_id_and_no_address() {
    let harness = make().await;
    let receipt = harness.sender.send(&message("k", "x")).await.unwrap();
    assert!(
        receipt.reference.contains("queued as 4F7A") && !receipt.reference.contains('@'),
        "{receipt:?}"
    );
}

#[tokio::test]
async fn a_4xx_answer_may_be_tried_again() {
    for script in [
        Script {
            rcpt: "450 4.2.1 grey-listed",
            ..FRIENDLY
        },
        Script {
            end_of_data: "451 4.3.0 later",
            ..FRIENDLY
        },
        Script {
            end_of_data: "452 4.3.1 full",
            ..FRIENDLY
        },
        Script {
            greeting: "421 too many connections",
            ..FRIENDLY
        },
    ] {
        let error = error_of(script).await;
        assert_eq!(
            (error.kind, error.retry),
            (PortErrorKind::Unavailable, Retry::Backoff),
            "{script:?}"
        );
    }
}

#[tokio::test]
async fn a_5xx_answer_is_final() {
    for script in [
        Script {
            rcpt: "550 5.1.1 no such user",
            ..FRIENDLY
        },
        Script {
            end_of_data: "554 5.7.1 spam",
            ..FRIENDLY
        },
    ] {
        let error = error_of(script).await;
        assert_eq!(
            (error.kind, error.retry),
            (PortErrorKind::Invalid, Retry::Never),
            "{script:?}"
        );
    }
}

#[tokio::test]
async fn an_error_shows_no_address() {
    let error = error_of(Script {
        rcpt: "550 <ada@receiver.example.test> unknown",
        ..FRIENDLY
    })
    .await;
    assert_eq!(error.to_string(), "email.send failed: Invalid");
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable() {
    let server = Server::start(FRIENDLY).await;
    let sender = server.sender("").unwrap();
    // Lets the aborted task go, and the listener with it.
    drop(server);
    tokio::task::yield_now().await;
    assert_eq!(
        sender.send(&message("k", "x")).await.unwrap_err().kind,
        PortErrorKind::Unavailable
    );
}

#[tokio::test]
async fn nonsense_is_a_protocol_error() {
    let error = error_of(Script {
        greeting: "HTTP/1.1 400 Bad Request",
        ..FRIENDLY
    })
    .await;
    assert_eq!(error.kind, PortErrorKind::Protocol);
}

#[tokio::test]
async fn credentials_come_from_the_reference() {
    let server = Server::start(Script {
        extensions: &["AUTH PLAIN"],
        ..FRIENDLY
    })
    .await;
    let sender = server.sender("/?user=mailer&password=env:SMTP_PASSWORD").unwrap();
    sender.send(&message("k", "x")).await.unwrap();
    // RFC 4616: NUL user NUL password.
    assert!(
        server
            .commands()
            .contains(&"AUTH PLAIN AG1haWxlcgBodW50ZXIy".to_owned()),
        "{:?}",
        server.commands()
    );
    assert!(!format!("{sender:?}").contains("hunter2"));
}

#[tokio::test]
async fn refused_credentials_are_not_tried_again() {
    let script = Script {
        extensions: &["AUTH PLAIN"],
        auth: "535 5.7.8 no",
        ..FRIENDLY
    };
    let server = Server::start(script).await;
    let sender = server.sender("?user=mailer&password=env:SMTP_PASSWORD").unwrap();
    let error = sender.send(&message("k", "x")).await.unwrap_err();
    assert_eq!(
        (error.kind, error.retry),
        (PortErrorKind::Unauthorized, Retry::Never)
    );
}

#[tokio::test]
async fn at_most_four_connections() {
    let server = Server::start(FRIENDLY).await;
    let sender = Arc::new(server.sender("").unwrap());
    let mut sends = Vec::new();
    for n in 0..40 {
        let sender = Arc::clone(&sender);
        sends.push(tokio::spawn(async move {
            sender.send(&message(&format!("k{n}"), "x")).await.unwrap()
        }));
    }
    for send in sends {
        send.await.unwrap();
    }
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen.wires.len(), 40);
    assert!(seen.most_open <= 4, "{}", seen.most_open);
}

#[test]
fn encryption_is_required_beyond_this_machine() {
    let of = |url: &str| target(&Url::parse(url).unwrap()).map(|(_, encryption)| encryption);
    for local in [
        "smtp://localhost",
        "smtp://127.0.0.1:25",
        "smtp://[::1]:2525",
        "smtp://LOCALHOST",
    ] {
        assert_eq!(of(local).unwrap(), Encryption::None, "{local}");
    }
    for remote in [
        "smtp://mail.example.test",
        "smtp://192.0.2.1",
        "smtp://localhost.example.test",
        "smtp://10.0.0.1",
        "smtp://[2001:db8::1]",
    ] {
        assert_eq!(of(remote).unwrap(), Encryption::StartTls, "{remote}");
    }
    assert_eq!(of("smtps://localhost").unwrap(), Encryption::FromTheStart);
}

#[tokio::test]
async fn required_starttls_that_is_not_offered_sends_nothing() {
    let server = Server::start(FRIENDLY).await;
    // What `from_url` builds for a server that is not on this machine.
    let mut sender = server.sender("").unwrap();
    sender.transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(server.port)
        .tls(Tls::Required(
            TlsParameters::new("mail.example.test".to_owned()).unwrap(),
        ))
        .build();
    let error = sender.send(&message("k", "x")).await.unwrap_err();
    assert_eq!(error.retry, Retry::Never, "{error:?}");
    assert!(
        !server.commands().iter().any(|c| c.starts_with("MAIL")),
        "{:?}",
        server.commands()
    );
}

#[tokio::test]
async fn urls_are_checked() {
    for good in [
        "smtp://mail.example.test",
        "smtps://mail.example.test:2465/?user=a&password=env:SMTP_PASSWORD",
        "smtp://[::1]:2525",
    ] {
        assert!(open(&Url::parse(good).unwrap()).is_ok(), "{good}");
    }
    for bad in [
        "http://mail.example.test",
        "smtp:",
        "smtp://user:secret@mail.example.test",
        "smtp://user@mail.example.test",
        "smtp://mail.example.test/path",
        "smtp://mail.example.test?user=a",
        "smtp://mail.example.test?password=env:SMTP_PASSWORD",
        "smtp://mail.example.test?tls=none",
    ] {
        assert_eq!(
            open(&Url::parse(bad).unwrap()).unwrap_err().kind,
            PortErrorKind::Invalid,
            "{bad}"
        );
    }
    let missing = Url::parse("smtp://mail.example.test?user=a&password=env:OTHER").unwrap();
    assert_eq!(open(&missing).unwrap_err().kind, PortErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_a_timeout() {
    let error = error_of(Script {
        greeting: "",
        ..FRIENDLY
    })
    .await;
    assert_eq!(
        (error.kind, error.retry),
        (PortErrorKind::Timeout, Retry::Backoff)
    );
}
