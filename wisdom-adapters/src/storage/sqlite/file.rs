//! The database file: its address and how it is made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteSynchronous;

use crate::storage::OpenError;

/// What a URL says: `sqlite:PATH`, with `?synchronous=normal` if wanted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Address {
    pub(super) path: PathBuf,
    pub(super) synchronous: Synchronous,
}

/// When a commit is on the disk.
///
/// `Full` by default: a commit that was answered survives a power cut, so nobody meets a refresh token, a sent mail or a
/// webhook of something the database no longer knows. It costs one flush to disk for each commit. `Normal` may lose the
/// last commits at a power cut, never at a crash or kill of the process, and never leaves the file damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Synchronous {
    Full,
    Normal,
}

impl From<Synchronous> for SqliteSynchronous {
    fn from(synchronous: Synchronous) -> Self {
        match synchronous {
            Synchronous::Full => Self::Full,
            Synchronous::Normal => Self::Normal,
        }
    }
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        let rest = url
            .strip_prefix("sqlite:")
            .ok_or(OpenError::Address("it does not begin with sqlite:"))?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.starts_with(':') {
            return Err(OpenError::Address(
                "sqlite: needs the path of a file (memory: keeps nothing)",
            ));
        }
        let synchronous = match query {
            "" | "synchronous=full" => Synchronous::Full,
            "synchronous=normal" => Synchronous::Normal,
            _ => {
                return Err(OpenError::Address(
                    "sqlite: takes only ?synchronous=full or ?synchronous=normal",
                ));
            }
        };
        Ok(Self {
            path: PathBuf::from(path),
            synchronous,
        })
    }
}

/// Makes folder and file, readable by their owner only. What exists is left as it is; SQLite gives its companion files
/// the rights of the first.
pub(super) fn make(path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::File {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_folder(folder).map_err(failed)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
        _ => Ok(()),
    }
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (url, path) in [
            ("sqlite:wisdom.db", "wisdom.db"),
            ("sqlite:./data/wisdom.db", "./data/wisdom.db"),
            ("sqlite:///var/lib/w.db", "/var/lib/w.db"),
            ("sqlite:/var/lib/w.db?synchronous=full", "/var/lib/w.db"),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(
                (address.path, address.synchronous),
                (PathBuf::from(path), Synchronous::Full)
            );
        }
        assert_eq!(
            Address::parse("sqlite:a?synchronous=normal").unwrap().synchronous,
            Synchronous::Normal
        );
        for bad in ["sqlite:", "sqlite::memory:", "sqlite:a?mode=ro", "postgres://a"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
