//! Why an assembly does not open.

use std::path::PathBuf;

use thiserror::Error;
use wisdom_core::port::PortError;

use crate::config::{ConfigError, SecretRefError};
use crate::keys::KeyError;

/// An assembly does not open. Each message says what to mend; none shows a secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The configuration is not one.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A secret cannot be had.
    #[error("`{key}`: {source}")]
    Secret {
        /// The configuration key.
        key: &'static str,
        /// Why.
        source: SecretRefError,
    },
    /// An adapter does not open.
    #[error("`{key}`: {source}{}", std::error::Error::source(source).map(|s| format!(": {s}")).unwrap_or_default())]
    Port {
        /// The configuration key.
        key: &'static str,
        /// Why.
        source: PortError,
    },
    /// A value breaks a rule that only opening can check.
    #[error("`{key}` {rule}")]
    Value {
        /// The configuration key.
        key: &'static str,
        /// The rule.
        rule: String,
    },
    /// A folder cannot be made or used.
    #[error("the folder {} cannot be used: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key file cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Storage does not open.
    #[error("`storage.url`: {0}")]
    Storage(#[from] crate::storage::OpenError),
    /// Operations or consumers that cannot be put together.
    #[error("{0}")]
    Assembly(String),
}
