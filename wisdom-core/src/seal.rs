//! Sealing: authenticated encryption of what leaves the kernel's hands and must come back unchanged.

use std::fmt::Debug;

use thiserror::Error;

/// What a sealed value is for. Values sealed for one purpose never open for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Purpose(pub &'static str);

/// Sealing did not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SealError {
    /// Sealed for another purpose or context, changed, cut, or sealed with a key that is gone.
    #[error("the sealed value does not open")]
    Refused,
    /// The key or the source of randomness failed.
    #[error("sealing failed")]
    Failed,
}

/// Authenticated encryption with keys that rotate (AES-256-GCM in the embedded adapter).
///
/// `context` is bound to the value but not contained in it: opening needs the same bytes. Build it with
/// [`Context`], which is injective. Implementations write the key's id into the sealed value, so that old values open
/// while their key is kept.
pub trait Sealer: Send + Sync + Debug {
    /// Seals `plain` for a purpose and a context.
    ///
    /// # Errors
    /// [`SealError::Failed`] when key or randomness fails.
    fn seal(&self, purpose: Purpose, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError>;

    /// Opens what [`Sealer::seal`] made.
    ///
    /// # Errors
    /// [`SealError::Refused`] for anything but an untouched value of the same purpose and context.
    fn open(&self, purpose: Purpose, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError>;
}

/// Joins parts so that no two different lists of parts give the same bytes: each part is preceded by its length.
#[derive(Debug, Default, Clone)]
pub struct Context(Vec<u8>);

impl Context {
    /// No parts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part.
    #[must_use]
    pub fn part(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    /// The joined bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifted_parts_differ() {
        let a = Context::new().part("a").part("bc");
        let b = Context::new().part("ab").part("c");
        assert_ne!(a.as_bytes(), b.as_bytes());
    }
}
