//! Key files: made at the first start, readable by their owner only, replaced in one step.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use wisdom_auth::token::KeyError as RingError;

/// A key file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It cannot be read or written.
    #[error("the key file {} cannot be used: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others than its owner may read it.
    #[error("the key file {} is readable by others: chmod 600 it", path.display())]
    Readable {
        /// The file.
        path: PathBuf,
    },
    /// It does not hold keys.
    #[error("the key file {} does not hold keys; restore it from a backup (new keys end all sessions)", path.display())]
    Content {
        /// The file.
        path: PathBuf,
    },
    /// The configured place is neither `dir:` nor `memory:`.
    #[error("`auth.keys` must be dir:PATH or memory:")]
    Place,
    /// Keys in memory cannot be rotated from outside.
    #[error("keys are kept in memory: they are new at each start")]
    InMemory,
    /// The signing keys are not usable.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// Randomness or cryptography failed.
    #[error("new keys cannot be made")]
    Failed,
}

/// A file of keys as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile(PathBuf);

impl KeyFile {
    /// The file of this name in a folder, which is made with mode 0700.
    ///
    /// # Errors
    /// [`KeyError::File`].
    pub fn in_folder(folder: &Path, name: &str) -> Result<Self, KeyError> {
        let failed = |source| KeyError::File {
            path: folder.to_owned(),
            source,
        };
        fs::create_dir_all(folder).map_err(failed)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        }
        Ok(Self(folder.join(name)))
    }

    /// The path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Reads the file, or makes it with what `fresh` gives. Of two processes that start at once, one makes it and both
    /// read the same.
    ///
    /// # Errors
    /// [`KeyError`] when it cannot be read or made, is readable by others, or holds something else.
    pub fn read_or_make<T: Serialize + DeserializeOwned>(
        &self,
        fresh: impl FnOnce() -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        if let Some(found) = self.read()? {
            return Ok(found);
        }
        let made = fresh()?;
        let draft = self.draft(&made)?;
        // A link fails when the name is taken: the first one wins.
        let linked = fs::hard_link(&draft, &self.0);
        let _ = fs::remove_file(&draft);
        match linked {
            Ok(()) => Ok(made),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => self
                .read()?
                .ok_or_else(|| KeyError::Content { path: self.0.clone() }),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Waits until no other process holds the file's lock, and holds it as long as the answer lives. For a change that
    /// begins with reading.
    ///
    /// # Errors
    /// [`KeyError::File`].
    pub fn lock(&self) -> Result<File, KeyError> {
        // The file itself is replaced, and a lock would stay with the old one.
        let lock = private(&self.0.with_extension("lock")).map_err(|e| self.failed(e))?;
        lock.lock().map_err(|e| self.failed(e))?;
        Ok(lock)
    }

    /// Replaces the content in one step.
    ///
    /// # Errors
    /// [`KeyError::File`].
    pub fn replace<T: Serialize>(&self, content: &T) -> Result<(), KeyError> {
        let draft = self.draft(content)?;
        fs::rename(&draft, &self.0).map_err(|e| self.failed(e))
    }

    /// Reads the file, if it exists.
    ///
    /// # Errors
    /// [`KeyError`] when it cannot be read, is readable by others, or holds something else.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Option<T>, KeyError> {
        let text = match fs::read(&self.0) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.failed(source)),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&self.0)
                .map_err(|e| self.failed(e))?
                .permissions()
                .mode();
            if mode & 0o077 != 0 {
                return Err(KeyError::Readable { path: self.0.clone() });
            }
        }
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|_| KeyError::Content { path: self.0.clone() })
    }

    fn draft<T: Serialize>(&self, content: &T) -> Result<PathBuf, KeyError> {
        let draft = self.0.with_extension(format!("draft-{}", std::process::id()));
        let written = (|| {
            let text = serde_json::to_vec_pretty(content)?;
            let mut file = private(&draft)?;
            file.write_all(&text)?;
            file.sync_all()
        })();
        written.map_err(|e| self.failed(e))?;
        Ok(draft)
    }

    fn failed(&self, source: std::io::Error) -> KeyError {
        KeyError::File {
            path: self.0.clone(),
            source,
        }
    }
}

fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let file = KeyFile::in_folder(&dir.path().join("keys"), "a.json").unwrap();
        assert_eq!(file.read_or_make(|| Ok(1_u32)).unwrap(), 1);
        assert_eq!(file.read_or_make(|| Ok(2_u32)).unwrap(), 1);
        file.replace(&3_u32).unwrap();
        assert_eq!(file.read::<u32>().unwrap(), Some(3));
        assert_eq!(
            fs::read_dir(file.path().parent().unwrap()).unwrap().count(),
            1,
            "no drafts are left"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(
                fs::metadata(file.path()).unwrap().permissions().mode() & 0o777,
                0o600
            );
            fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(file.read::<u32>(), Err(KeyError::Readable { .. })));
        }
    }

    #[test]
    fn a_damaged_file_is_never_replaced_by_new_keys() {
        let dir = tempfile::tempdir().unwrap();
        let file = KeyFile::in_folder(dir.path(), "a.json").unwrap();
        file.replace(&"text").unwrap();
        assert!(matches!(
            file.read_or_make(|| Ok(1_u32)),
            Err(KeyError::Content { .. })
        ));
    }
}
