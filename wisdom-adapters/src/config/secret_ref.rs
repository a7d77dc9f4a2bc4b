//! Secrets by reference: `env:NAME` and `file:PATH`.

use thiserror::Error;
use wisdom_core::secret::SecretText;

/// A reference that leads to no secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SecretRefError {
    /// Neither `env:` nor `file:`.
    #[error("a secret must be given as env:NAME or file:PATH, so that the configuration can be shown")]
    NotAReference,
    /// The variable is not set, or not text.
    #[error("the environment variable {0} is not set")]
    Variable(String),
    /// The file cannot be read.
    #[error("the secret file {0} cannot be read")]
    File(String),
    /// Nothing but white space.
    #[error("the secret behind {0} is empty")]
    Empty(String),
}

/// The secret behind a reference, without a trailing line end.
///
/// # Errors
/// [`SecretRefError`] when it is not a reference, or leads nowhere.
pub fn resolve(reference: &str) -> Result<SecretText, SecretRefError> {
    let text = if let Some(name) = reference.strip_prefix("env:") {
        read_variable(name).ok_or_else(|| SecretRefError::Variable(name.to_owned()))?
    } else if let Some(path) = reference.strip_prefix("file:") {
        std::fs::read_to_string(path).map_err(|_| SecretRefError::File(path.to_owned()))?
    } else {
        return Err(SecretRefError::NotAReference);
    };
    let trimmed = text.trim_end_matches(['\n', '\r']);
    if trimmed.trim().is_empty() {
        return Err(SecretRefError::Empty(reference.to_owned()));
    }
    Ok(SecretText::from(trimmed.to_owned()))
}

/// A configured text: the secret behind it when it is a reference, else the text itself.
///
/// # Errors
/// As [`resolve`], for references.
pub fn resolve_text(text: &str) -> Result<SecretText, SecretRefError> {
    match resolve(text) {
        Err(SecretRefError::NotAReference) => Ok(SecretText::from(text.to_owned())),
        result => result,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "configuration is where the environment may be read"
)]
fn read_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lose_their_line_end_and_empty_ones_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "s3cret\n").unwrap();
        let reference = format!("file:{}", path.display());
        assert_eq!(resolve(&reference).unwrap().expose(), "s3cret");
        std::fs::write(&path, " \n").unwrap();
        assert!(matches!(resolve(&reference), Err(SecretRefError::Empty(_))));
        assert!(matches!(resolve("hunter2"), Err(SecretRefError::NotAReference)));
        assert!(matches!(
            resolve("env:WISDOM_NO_SUCH_VARIABLE"),
            Err(SecretRefError::Variable(_))
        ));
    }
}
