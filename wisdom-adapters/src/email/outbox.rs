//! Mails as files, for development and for tests.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use url::Url;
use wisdom_core::clock::Clock;
use wisdom_core::port::email::{EmailMessage, EmailReceipt, EmailSender, MessageKey};
use wisdom_core::port::{PortError, PortErrorKind};
use wisdom_core::time::Timestamp;

use super::compose::compose;

const PORT: &str = "email";

/// Writes each message as `<micros>-<key>.eml` into a folder that only its owner can read.
///
/// A message with a key that is there already replaces the file and keeps its name. The folder keeps the newest
/// [`OutboxSender::KEPT`] messages.
#[derive(Debug)]
pub struct OutboxSender {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    /// Held while a message is written, so that one key has one file.
    writing: Arc<Mutex<()>>,
}

/// A message in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMail {
    /// Name of the file; give it to [`OutboxSender::read`].
    pub name: String,
    /// When the key was sent first.
    pub sent_at: Timestamp,
    /// The key of the message.
    pub key: MessageKey,
}

impl OutboxSender {
    /// Messages that are kept.
    pub const KEPT: usize = 10_000;

    /// An outbox in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// `Refused` when the folder is there and others than its owner may enter it; `Internal` when it can't be made.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, PortError> {
        make_private(folder)?;
        let folder = fs::canonicalize(folder).map_err(|e| failed("open", e))?;
        Ok(Self {
            folder,
            clock,
            writing: Arc::default(),
        })
    }

    /// Opens `file:///absolute/folder` or `outbox:./relative/folder` (written as it is, without escapes).
    ///
    /// # Errors
    /// `Invalid` for another scheme or options, else as [`OutboxSender::open`].
    pub fn from_url(url: &Url, clock: Arc<dyn Clock>) -> Result<Self, PortError> {
        let invalid =
            |why: &'static str| PortError::new(PORT, "open", PortErrorKind::Invalid).with_source(why);
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("an outbox has no options"));
        }
        let folder = match url.scheme() {
            "file" => url
                .to_file_path()
                .map_err(|()| invalid("the URL names no folder of this machine"))?,
            "outbox" if !url.path().is_empty() => PathBuf::from(url.path()),
            _ => return Err(invalid("the URL must be file:///folder or outbox:folder")),
        };
        Self::open(&folder, clock)
    }

    /// The newest messages, newest first, at most `limit`.
    ///
    /// # Errors
    /// `Internal` when the folder can't be read.
    pub async fn list(&self, limit: usize) -> Result<Vec<OutboxMail>, PortError> {
        let folder = self.folder.clone();
        let mut all = blocking("list", move || scan(&folder)).await?;
        all.reverse();
        all.truncate(limit);
        Ok(all)
    }

    /// A message in the Internet Message Format; nothing when no message has this name.
    ///
    /// # Errors
    /// `Internal` when it can't be read.
    pub async fn read(&self, name: &str) -> Result<Option<String>, PortError> {
        // Only names that a listing could have given, so that no name leads out of the folder.
        if parse_name(name).is_none() {
            return Ok(None);
        }
        let path = self.folder.join(name);
        blocking("read", move || match fs::read(path) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        })
        .await
    }
}

#[async_trait]
impl EmailSender for OutboxSender {
    async fn send(&self, message: &EmailMessage) -> Result<EmailReceipt, PortError> {
        let now = self.clock.now();
        let raw = compose(message, now)?.formatted();
        let (folder, key) = (self.folder.clone(), message.key.clone());
        // The guard goes along: were this future dropped, the blocking work would still hold it.
        let guard = Arc::clone(&self.writing).lock_owned().await;
        let name = blocking("send", move || {
            let _guard = guard;
            let all = scan(&folder)?;
            let known = all
                .iter()
                .find(|mail| mail.key == key)
                .map(|mail| mail.name.clone());
            let name = known.clone().unwrap_or_else(|| file_name(now, &key));
            write_whole(&folder, &name, &raw)?;
            if known.is_none() {
                for old in all
                    .iter()
                    .take((all.len() + 1).saturating_sub(OutboxSender::KEPT))
                {
                    fs::remove_file(folder.join(&old.name))?;
                }
            }
            Ok(name)
        })
        .await?;
        tracing::info!(key = %message.key, file = %name, "mail written to the outbox");
        Ok(EmailReceipt { reference: name })
    }
}

fn file_name(now: Timestamp, key: &MessageKey) -> String {
    // Twenty digits, so that names sort by time.
    format!("{:020}-{key}.eml", now.as_micros().max(0))
}

fn parse_name(name: &str) -> Option<(Timestamp, MessageKey)> {
    let (micros, key) = name.strip_suffix(".eml")?.split_once('-')?;
    if micros.len() != 20 || !micros.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((
        Timestamp::from_micros(micros.parse().ok()?)?,
        MessageKey::parse(key).ok()?,
    ))
}

/// Oldest first. Files with other names are not ours and are passed over.
fn scan(folder: &Path) -> io::Result<Vec<OutboxMail>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if let Some((sent_at, key)) = parse_name(&name) {
            all.push(OutboxMail { name, sent_at, key });
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// Under another name first, so that nobody sees half a message.
fn write_whole(folder: &Path, name: &str, raw: &[u8]) -> io::Result<()> {
    let staged = folder.join(format!(".{name}.{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let open = || options.open(&staged);
    // One that a crash left behind, by a process that had our number.
    let file = match open() {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(&staged).and_then(|()| open()),
        other => other,
    };
    let written = file.and_then(|mut file| file.write_all(raw).and_then(|()| file.sync_all()));
    written
        .and_then(|()| fs::rename(&staged, folder.join(name)))
        .inspect_err(|_| {
            let _ = fs::remove_file(&staged);
        })
}

/// Mails hold links that sign people in. A folder of the user's that is open to others is refused, not changed: it
/// may be one that has to be open, such as the folder for temporary files.
fn make_private(folder: &Path) -> Result<(), PortError> {
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).map_err(|e| failed("open", e))?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(failed("open", e)),
        _ => {}
    }
    #[cfg(unix)]
    {
        let mode = fs::metadata(folder).map_err(|e| failed("open", e))?.permissions();
        if std::os::unix::fs::PermissionsExt::mode(&mode) & 0o077 != 0 {
            return Err(
                PortError::new(PORT, "open", PortErrorKind::Refused).with_source(format!(
                    "{} is open to others; make it private (chmod 700)",
                    folder.display()
                )),
            );
        }
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, PortError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|e| failed(operation, e)),
        Err(e) => Err(PortError::new(PORT, operation, PortErrorKind::Internal).with_source(e)),
    }
}

fn failed(operation: &'static str, error: io::Error) -> PortError {
    // A full disk is mended by somebody while the job waits.
    let kind = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => PortErrorKind::Unavailable,
        io::ErrorKind::PermissionDenied => PortErrorKind::Unauthorized,
        _ => PortErrorKind::Internal,
    };
    PortError::new(PORT, operation, kind).with_source(error)
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};
    use std::time::Duration;

    use tempfile::TempDir;
    use wisdom_core::clock::ManualClock;
    use wisdom_core::port::email::conformance::{EmailHarness, message};

    use super::*;

    struct Harness {
        outbox: OutboxSender,
        clock: Arc<ManualClock>,
        folder: TempDir,
    }

    #[async_trait]
    impl EmailHarness for Harness {
        fn sender(&self) -> &dyn EmailSender {
            &self.outbox
        }

        async fn arrived(&self) -> Vec<String> {
            let mut all = Vec::new();
            for mail in self.outbox.list(usize::MAX).await.unwrap().into_iter().rev() {
                all.push(self.outbox.read(&mail.name).await.unwrap().unwrap());
            }
            all
        }
    }

    fn make() -> Ready<Harness> {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(
            Timestamp::from_unix_seconds(1_700_000_000).unwrap(),
        ));
        let outbox = OutboxSender::open(
            &folder.path().join("a/mail"),
            Arc::clone(&clock) as Arc<dyn Clock>,
        )
        .unwrap();
        ready(Harness {
            outbox,
            clock,
            folder,
        })
    }

    wisdom_core::email_conformance!(make);

    #[tokio::test]
    async fn a_key_keeps_its_file() {
        let harness = make().await;
        let first = harness.outbox.send(&message("k", "first")).await.unwrap();
        harness.clock.advance(Duration::from_secs(60));
        harness.outbox.send(&message("other-k", "x")).await.unwrap();
        let again = harness.outbox.send(&message("k", "second")).await.unwrap();
        assert_eq!(first, again);
        assert_eq!(first.reference, "00001700000000000000-k.eml");
        let all = harness.arrived().await;
        assert_eq!(all.len(), 2);
        assert!(all[0].contains("second") && !all[0].contains("first"));
        let listed = harness.outbox.list(1).await.unwrap();
        assert_eq!((listed.len(), listed[0].key.as_str()), (1, "other-k"));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_the_owner_can_read() {
        use std::os::unix::fs::PermissionsExt as _;

        let harness = make().await;
        let sent = harness.outbox.send(&message("k", "x")).await.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&harness.outbox.folder), 0o700);
        assert_eq!(mode(&harness.outbox.folder.join(sent.reference)), 0o600);
        assert_eq!(
            fs::read_dir(&harness.outbox.folder).unwrap().count(),
            1,
            "nothing staged is left"
        );
        let open = harness.folder.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        let clock = Arc::clone(&harness.clock) as Arc<dyn Clock>;
        assert_eq!(
            OutboxSender::open(&open, clock).unwrap_err().kind,
            PortErrorKind::Refused
        );
        assert_eq!(mode(&open), 0o755, "refused, not changed");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_in_the_way_is_replaced_not_followed() {
        let harness = make().await;
        let victim = harness.folder.path().join("victim");
        fs::write(&victim, "untouched").unwrap();
        let name = file_name(harness.clock.now(), &MessageKey::parse("k").unwrap());
        std::os::unix::fs::symlink(&victim, harness.outbox.folder.join(&name)).unwrap();
        let staged = format!(".{name}.{}", std::process::id());
        std::os::unix::fs::symlink(&victim, harness.outbox.folder.join(staged)).unwrap();
        harness.outbox.send(&message("k", "x")).await.unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
        assert!(
            fs::symlink_metadata(harness.outbox.folder.join(&name))
                .unwrap()
                .is_file()
        );
    }

    #[tokio::test]
    async fn reading_stays_in_the_folder() {
        let harness = make().await;
        fs::write(
            harness.folder.path().join("a/00000000000000000001-k.eml"),
            "outside",
        )
        .unwrap();
        for name in [
            "../00000000000000000001-k.eml",
            "/etc/passwd",
            "",
            "x.eml",
            "00000000000000000001-../k.eml",
        ] {
            assert_eq!(harness.outbox.read(name).await.unwrap(), None, "{name}");
        }
        assert_eq!(
            harness.outbox.read("00000000000000000001-k.eml").await.unwrap(),
            None
        );
    }

    #[tokio::test]
    async fn opens_from_a_url() {
        let folder = tempfile::tempdir().unwrap();
        let clock = || Arc::new(ManualClock::at(Timestamp::EPOCH)) as Arc<dyn Clock>;
        let open = |url: &str| OutboxSender::from_url(&Url::parse(url).unwrap(), clock());
        assert!(open(&format!("file://{}/mail", folder.path().display())).is_ok());
        assert!(open(&format!("outbox:{}/mail", folder.path().display())).is_ok());
        for bad in ["smtp://localhost", "outbox:", "outbox:/x?a=b", "file://host/x"] {
            assert_eq!(open(bad).unwrap_err().kind, PortErrorKind::Invalid, "{bad}");
        }
    }
}
