//! Passwords: the rules they follow, and hashing them off the async threads within bounds.

mod blocklist;
pub mod change;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod imported;
mod memory;
mod params;
mod pepper;
mod pieces;
mod policy;
mod stored;
pub mod strength;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization as _;
use wisdom_core::random::{RandomError, SecureRandom, SecureRandomExt as _};
use wisdom_core::secret::SecretText;
use zeroize::Zeroizing;

pub use blocklist::{Blocklist, LoadedBlocklist};
pub use imported::FirebaseProject;
pub use params::{PasswordParams, PasswordParamsError};
pub use pepper::{PepperError, Peppers};
pub use policy::{PasswordPolicy, PasswordPolicyError, PersonalWords, WeakPassword};

use imported::ImportedHash;
use memory::HashMemory;
use stored::{SALT, StoredHash};

/// Most bytes of a password that is looked at. Far above 128 characters of any script in any Unicode form.
const MAX_BYTES: usize = 4096;
/// When a full queue is worth another try.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Hashing did not work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HashingError {
    /// As many hashes as allowed are running and waiting.
    #[error("too many password hashes at the same moment")]
    Busy {
        /// When trying again can help.
        retry_after: Duration,
    },
    /// The password is longer than any that the policy lets through.
    #[error("the password is too long to hash")]
    TooLong,
    /// The hash function failed, for lack of memory.
    #[error("the password hash failed")]
    Failed,
    /// No salt could be had.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// What verifying a password found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// Whether the hash is of this password.
    pub ok: bool,
    /// Whether it should be hashed again, because it was not made at today's cost. Only ever set with `ok`.
    pub needs_rehash: bool,
}

/// Hashes and verifies passwords with Argon2id.
///
/// Passwords are brought into NFKC (NIST SP 800-63B-4, section 3.1.1.2) and nothing else: not trimmed, not cut. With
/// [`Peppers`] they go through HMAC-SHA256 before they are hashed.
///
/// Hashes that were imported (bcrypt, scrypt, PBKDF2, other kinds of Argon2) verify and ask for a rehash.
///
/// **Bounds.** As many hashes run at the same moment as there are permits, a bounded number waits, and whoever comes on
/// top is told to come back. The permit belongs to the hash and not to the caller: a caller that goes away does not
/// make room for another hash while its own still runs.
#[derive(Debug)]
pub struct Passwords {
    params: PasswordParams,
    peppers: Peppers,
    random: Arc<dyn SecureRandom>,
    decoy: Arc<str>,
    memory: Arc<HashMemory>,
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

/// The right to hash, held by the hash itself.
#[derive(Debug)]
struct Permit {
    _running: OwnedSemaphorePermit,
    _admitted: OwnedSemaphorePermit,
}

impl Passwords {
    /// A service at this cost.
    ///
    /// # Errors
    /// [`RandomError`] when the decoy that stands in for unknown users cannot be made.
    pub fn new(params: PasswordParams, random: Arc<dyn SecureRandom>) -> Result<Self, RandomError> {
        let decoy = stored::decoy(&random.bytes()?, &random.bytes()?, &params);
        Ok(Self {
            params,
            peppers: Peppers::default(),
            random,
            decoy: decoy.into(),
            memory: Arc::new(HashMemory::new(
                usize::try_from(params.memory_kib()).unwrap_or(usize::MAX),
                params.permits(),
            )),
            running: Arc::new(Semaphore::new(params.permits())),
            admitted: Arc::new(Semaphore::new(params.permits() + params.queue())),
        })
    }

    /// The same with a pepper.
    #[must_use]
    pub fn peppered(mut self, peppers: Peppers) -> Self {
        self.peppers = peppers;
        self
    }

    /// The cost and the bounds.
    #[must_use]
    pub const fn params(&self) -> &PasswordParams {
        &self.params
    }

    /// Hashes a password at today's cost; answers the PHC string. Whether the password follows the policy is for the
    /// caller to check before.
    ///
    /// # Errors
    /// [`HashingError`].
    pub async fn hash(&self, password: SecretText) -> Result<String, HashingError> {
        let password = normalise(&password).ok_or(HashingError::TooLong)?;
        let salt: [u8; SALT] = self.random.bytes()?;
        let params = self.params;
        let pepper = self.peppers.current().map(str::to_owned);
        let peppers = self.peppers.clone();
        let memory = Arc::clone(&self.memory);
        self.off_thread(move || {
            let Some(id) = pepper else {
                return stored::make(password.as_bytes(), &salt, &params, &memory).ok();
            };
            let tag = peppers.season(&id, password.as_bytes())?;
            let phc = stored::make(tag.as_ref(), &salt, &params, &memory).ok()?;
            Some(pepper::mark(&id, &phc))
        })
        .await?
        .ok_or(HashingError::Failed)
    }

    /// Verifies a password against a stored hash; without one, against a decoy of today's cost, so that an unknown
    /// user takes the same time as a wrong password.
    ///
    /// A stored hash that cannot be read, or asks for more than is reasonable, counts as no hash.
    ///
    /// # Errors
    /// [`HashingError`], never because of the password.
    pub async fn verify(&self, password: SecretText, phc: Option<String>) -> Result<Verified, HashingError> {
        // A password that can't be anyone's is still answered in the time of a hash.
        let (password, possible) = match normalise(&password) {
            Some(normal) => (
                Typed {
                    normal,
                    text: password,
                },
                true,
            ),
            None => (Typed::default(), false),
        };
        let known = phc.as_deref().and_then(|stored| {
            let known = self.read(stored);
            if known.is_none() {
                tracing::error!(
                    "a stored password hash cannot be read; its user cannot sign in with a password"
                );
                metrics::counter!("wisdom_password_hash_unreadable_total").increment(1);
            }
            known
        });
        let real = known.is_some() && possible;
        let Some(hash) = known.or_else(|| self.read(&self.decoy)) else {
            return Err(HashingError::Failed);
        };
        let current = self.is_current(&hash);
        let peppers = self.peppers.clone();
        let memory = Arc::clone(&self.memory);
        let matches = self
            .off_thread(move || hash.matches(&password, &peppers, &memory))
            .await?;
        let ok = matches && real;
        Ok(Verified {
            ok,
            needs_rehash: ok && !current,
        })
    }

    /// Whether a stored hash is one that can be verified: of a known kind, well formed, within the bounds, and under a
    /// pepper that is there. For imports.
    #[must_use]
    pub fn can_verify(&self, stored: &str) -> bool {
        self.read(stored).is_some()
    }

    fn read(&self, stored: &str) -> Option<KnownHash> {
        if stored.len() > stored::MAX_LENGTH || !stored.is_ascii() {
            return None;
        }
        let (pepper, phc) = pepper::split(stored);
        if let Some(id) = pepper {
            self.peppers.season(id, b"")?;
        }
        if let Some(hash) = StoredHash::read(phc, &self.params) {
            let pepper = pepper.map(str::to_owned);
            let hash = Box::new(hash);
            return Some(KnownHash::Own { pepper, hash });
        }
        // Only our own hashes have a pepper.
        if pepper.is_some() {
            return None;
        }
        ImportedHash::read(phc).map(KnownHash::Imported)
    }

    fn is_current(&self, hash: &KnownHash) -> bool {
        match hash {
            KnownHash::Own { pepper, hash } => {
                hash.is_current() && pepper.as_deref() == self.peppers.current()
            }
            KnownHash::Imported(_) => false,
        }
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashingError> {
        let permit = self.permit().await?;
        let task = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        task.await.map_err(|_| HashingError::Failed)
    }

    async fn permit(&self) -> Result<Permit, HashingError> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| {
            metrics::counter!("wisdom_password_hash_refused_total").increment(1);
            HashingError::Busy {
                retry_after: RETRY_AFTER,
            }
        })?;
        // The semaphore is never closed; an answer that says so is the one for a service going down.
        let running = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| HashingError::Busy {
                retry_after: RETRY_AFTER,
            })?;
        Ok(Permit {
            _running: running,
            _admitted: admitted,
        })
    }
}

/// A password as it came, and in NFKC.
struct Typed {
    text: SecretText,
    normal: Zeroizing<String>,
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            text: SecretText::from(String::new()),
            normal: Zeroizing::default(),
        }
    }
}

/// A stored hash that was read.
enum KnownHash {
    Own {
        pepper: Option<String>,
        hash: Box<StoredHash>,
    },
    Imported(ImportedHash),
}

impl KnownHash {
    fn matches(&self, password: &Typed, peppers: &Peppers, memory: &HashMemory) -> bool {
        match self {
            Self::Own { pepper: None, hash } => hash.matches(password.normal.as_bytes(), memory),
            Self::Own {
                pepper: Some(id),
                hash,
            } => peppers
                .season(id, password.normal.as_bytes())
                .is_some_and(|tag| hash.matches(tag.as_ref(), memory)),
            Self::Imported(hash) => hash.matches(password.text.expose().as_bytes()),
        }
    }
}

/// The password in NFKC; `None` when it is too long to look at.
fn normalise(password: &SecretText) -> Option<Zeroizing<String>> {
    let text = password.expose();
    if text.len() > MAX_BYTES {
        return None;
    }
    // Reserved at once, so that no copy is left behind by growing; NFKC makes at most 11 bytes of one.
    let mut normal = Zeroizing::new(String::with_capacity(text.len().saturating_mul(11)));
    normal.extend(text.nfkc());
    Some(normal)
}

#[cfg(test)]
mod tests;
