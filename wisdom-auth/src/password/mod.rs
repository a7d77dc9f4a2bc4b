//! Passwords: the rules they follow, and hashing them off the async threads within bounds.

mod params;
mod policy;
mod stored;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization as _;
use wisdom_core::random::{RandomError, SecureRandom, SecureRandomExt as _};
use wisdom_core::secret::SecretText;
use zeroize::Zeroizing;

pub use params::{PasswordParams, PasswordParamsError};
pub use policy::{Blocklist, PasswordPolicy, PasswordPolicyError, PersonalWords, WeakPassword};

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
/// Passwords are brought into NFKC (NIST SP 800-63B-4, section 3.1.1.2) and nothing else: not trimmed, not cut.
///
/// **Bounds.** As many hashes run at the same moment as there are permits, a bounded number waits, and whoever comes on
/// top is told to come back. The permit belongs to the hash and not to the caller: a caller that goes away does not
/// make room for another hash while its own still runs.
#[derive(Debug)]
pub struct Passwords {
    params: PasswordParams,
    random: Arc<dyn SecureRandom>,
    decoy: Arc<str>,
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
            random,
            decoy: decoy.into(),
            running: Arc::new(Semaphore::new(params.permits())),
            admitted: Arc::new(Semaphore::new(params.permits() + params.queue())),
        })
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
        self.off_thread(move || stored::make(password.as_bytes(), &salt, &params))
            .await?
            .map_err(|_| HashingError::Failed)
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
            Some(password) => (password, true),
            None => (Zeroizing::new(String::new()), false),
        };
        let stored = phc.as_deref().and_then(|phc| {
            let stored = StoredHash::read(phc, &self.params);
            if stored.is_none() {
                tracing::error!(
                    "a stored password hash cannot be read; its user cannot sign in with a password"
                );
                metrics::counter!("wisdom_password_hash_unreadable_total").increment(1);
            }
            stored
        });
        let real = stored.is_some() && possible;
        let Some(hash) = stored.or_else(|| StoredHash::read(&self.decoy, &self.params)) else {
            return Err(HashingError::Failed);
        };
        let current = hash.is_current();
        let matches = self.off_thread(move || hash.matches(password.as_bytes())).await?;
        let ok = matches && real;
        Ok(Verified {
            ok,
            needs_rehash: ok && !current,
        })
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
mod tests {
    use std::sync::mpsc;

    use wisdom_core::random::ManualRandom;

    use super::*;

    fn service(permits: usize, queue: usize) -> Passwords {
        let params = PasswordParams::insecure_for_tests()
            .concurrency(permits, queue)
            .unwrap();
        Passwords::new(params, Arc::new(ManualRandom::new(1))).unwrap()
    }

    fn text(password: &str) -> SecretText {
        SecretText::from(password.to_owned())
    }

    #[tokio::test]
    async fn the_right_password_verifies_and_no_other() {
        let passwords = service(2, 8);
        let phc = passwords.hash(text("correct horse")).await.unwrap();
        let good = passwords
            .verify(text("correct horse"), Some(phc.clone()))
            .await
            .unwrap();
        assert_eq!(
            good,
            Verified {
                ok: true,
                needs_rehash: false
            }
        );
        for wrong in [
            "",
            "correct hors",
            "correct horse ",
            " correct horse",
            "Correct horse",
            "correct horse\0",
        ] {
            assert!(
                !passwords.verify(text(wrong), Some(phc.clone())).await.unwrap().ok,
                "{wrong:?}"
            );
        }
        assert_ne!(
            phc,
            passwords.hash(text("correct horse")).await.unwrap(),
            "each hash has a salt of its own"
        );
    }

    #[tokio::test]
    async fn the_last_character_of_a_long_password_counts() {
        let passwords = service(2, 8);
        for length in [15, 72, 73, 128, 512] {
            let (one, other) = (
                format!("{}a", "x".repeat(length - 1)),
                format!("{}b", "x".repeat(length - 1)),
            );
            let phc = passwords.hash(text(&one)).await.unwrap();
            assert!(passwords.verify(text(&one), Some(phc.clone())).await.unwrap().ok);
            assert!(
                !passwords.verify(text(&other), Some(phc)).await.unwrap().ok,
                "{length}"
            );
        }
    }

    #[tokio::test]
    async fn unicode_forms_of_one_password_are_one() {
        let passwords = service(2, 8);
        let phc = passwords.hash(text("ﬁne café password")).await.unwrap();
        assert!(
            passwords
                .verify(text("fine cafe\u{301} password"), Some(phc))
                .await
                .unwrap()
                .ok
        );
    }

    #[tokio::test]
    async fn nobody_is_the_decoy_and_broken_hashes_let_nobody_in() {
        let passwords = service(2, 8);
        let nobody = Verified {
            ok: false,
            needs_rehash: false,
        };
        for phc in [
            None,
            Some(String::new()),
            Some("$argon2id$v=19$m=4294967295,t=2,p=1$AAAAAAAAAAA$AAAA".to_owned()),
        ] {
            assert_eq!(passwords.verify(text(""), phc).await.unwrap(), nobody);
        }
        let empty = passwords.hash(text("")).await.unwrap();
        let huge = text(&"x".repeat(MAX_BYTES + 1));
        assert_eq!(
            passwords.verify(huge, Some(empty)).await.unwrap(),
            nobody,
            "too long is not the empty password"
        );
    }

    #[tokio::test]
    async fn an_older_cost_verifies_and_asks_for_a_rehash() {
        let old = service(1, 1).hash(text("correct horse")).await.unwrap();
        let raised = Passwords::new(PasswordParams::default(), Arc::new(ManualRandom::new(2))).unwrap();
        let right = raised
            .verify(text("correct horse"), Some(old.clone()))
            .await
            .unwrap();
        assert_eq!(
            right,
            Verified {
                ok: true,
                needs_rehash: true
            }
        );
        let wrong = raised.verify(text("wrong horse"), Some(old)).await.unwrap();
        assert_eq!(
            wrong,
            Verified {
                ok: false,
                needs_rehash: false
            }
        );
    }

    #[tokio::test]
    async fn whoever_comes_beyond_the_queue_is_told_to_come_back() {
        let passwords = Arc::new(service(1, 1));
        let (release, blocked) = mpsc::channel::<()>();
        let first = Arc::clone(&passwords);
        let running = tokio::spawn(async move { first.off_thread(move || blocked.recv()).await });
        while passwords.running.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let second = Arc::clone(&passwords);
        let waiting = tokio::spawn(async move { second.hash(text("waits")).await });
        while passwords.admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = passwords.hash(text("too many")).await.unwrap_err();
        assert!(matches!(refused, HashingError::Busy { retry_after } if retry_after == RETRY_AFTER));
        release.send(()).unwrap();
        running.await.unwrap().unwrap().unwrap();
        waiting.await.unwrap().unwrap();
        assert_eq!(
            (
                passwords.running.available_permits(),
                passwords.admitted.available_permits()
            ),
            (1, 2)
        );
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_frees_nothing_while_its_hash_runs() {
        let passwords = Arc::new(service(1, 0));
        let (release, blocked) = mpsc::channel::<()>();
        let (done, finished) = tokio::sync::oneshot::channel();
        let caller = Arc::clone(&passwords);
        let task = tokio::spawn(async move {
            let work = move || {
                let _ = blocked.recv();
                let _ = done.send(());
            };
            caller.off_thread(work).await
        });
        while passwords.running.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(matches!(
            passwords.hash(text("next")).await,
            Err(HashingError::Busy { .. })
        ));
        release.send(()).unwrap();
        finished.await.unwrap();
        while passwords.admitted.available_permits() == 0 {
            tokio::task::yield_now().await;
        }
        passwords.hash(text("next")).await.unwrap();
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_while_waiting_gives_its_place_back() {
        let passwords = Arc::new(service(1, 1));
        let held = Arc::clone(&passwords.running).acquire_owned().await.unwrap();
        let waiting = Arc::clone(&passwords);
        let task = tokio::spawn(async move { waiting.hash(text("waits")).await });
        while passwords.admitted.available_permits() == 2 {
            tokio::task::yield_now().await;
        }
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(passwords.admitted.available_permits(), 2);
        drop(held);
        assert_eq!(passwords.running.available_permits(), 1);
    }
}
