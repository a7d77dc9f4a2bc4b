//! Keys of the service: what it seals and signs with, in files of their own, made at the first start.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use wisdom_auth::token::{KeyRing, SigningAlgorithm, StoredKeyRing};
use wisdom_core::random::{SecureRandom, SecureRandomExt as _};
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Kit;

use crate::config::{Config, TokenAlgorithm};

mod file;
mod sealer;

pub use file::{KeyError, KeyFile};
pub use sealer::{AesSealer, KEY_LEN};

/// How signing keys follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySchedule {
    /// What new keys sign with.
    pub algorithm: SigningAlgorithm,
    /// The age at which a key gets a successor; `None`: only when somebody asks for it.
    pub every: Option<Duration>,
    /// A new key is published this long before it signs, so that every node and every reader of the JWK set knows it by
    /// then.
    pub announce: Duration,
    /// The old keys verify this long after that: the life of access tokens and what clocks may differ by.
    pub overlap: Duration,
}

impl KeySchedule {
    /// The schedule of a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        /// The largest leeway there is, so that a changed one ends no token early.
        const LEEWAY: u64 = 60;
        const DAY: u64 = 24 * 60 * 60;
        let auth = &config.auth;
        let days = u64::from(auth.key_rotation.days);
        Self {
            algorithm: auth.algorithm.into(),
            every: (days > 0).then(|| Duration::from_secs(days * DAY)),
            announce: Duration::from_secs(auth.key_rotation.announce_seconds.into()),
            overlap: Duration::from_secs(u64::from(auth.access_token_seconds) + LEEWAY),
        }
    }

    /// For a key that got out: a new one signs now, and the others are worth nothing from now on.
    #[must_use]
    pub fn at_once(self) -> Self {
        Self {
            announce: Duration::ZERO,
            overlap: Duration::ZERO,
            ..self
        }
    }

    fn follow(self, ring: &KeyRing, kit: &Kit) -> Result<KeyRing, KeyError> {
        Ok(ring.rotate(self.algorithm, kit.clock.now(), self.announce, self.overlap, kit)?)
    }

    fn is_due(self, ring: &KeyRing, kit: &Kit) -> bool {
        self.every
            .is_some_and(|every| ring.is_due(every, kit.clock.now()))
    }
}

impl From<TokenAlgorithm> for SigningAlgorithm {
    fn from(algorithm: TokenAlgorithm) -> Self {
        match algorithm {
            TokenAlgorithm::EdDSA => Self::EdDsa,
            TokenAlgorithm::ES256 => Self::Es256,
            TokenAlgorithm::RS256 => Self::Rs256,
            TokenAlgorithm::HS256 => Self::Hs256,
        }
    }
}

/// Where keys are kept, and what they seal with.
#[derive(Debug, Clone)]
pub struct Keys {
    folder: Option<PathBuf>,
    sealer: Arc<AesSealer>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSealing {
    version: u32,
    keys: BTreeMap<u32, SecretText>,
}

impl StoredSealing {
    fn fresh(random: &dyn SecureRandom) -> Result<Self, KeyError> {
        let key = random.bytes::<KEY_LEN>().map_err(|_| KeyError::Failed)?;
        Ok(Self {
            version: 1,
            keys: BTreeMap::from([(1, SecretText::from(STANDARD.encode(key)))]),
        })
    }

    fn keys(&self) -> Option<BTreeMap<u32, [u8; KEY_LEN]>> {
        let decode = |key: &SecretText| STANDARD.decode(key.expose()).ok()?.try_into().ok();
        (self.version == 1).then_some(())?;
        self.keys
            .iter()
            .map(|(id, key)| decode(key).map(|key| (*id, key)))
            .collect()
    }
}

impl Keys {
    /// Opens the sealing keys where the configuration says, making them at the first start.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn open(config: &Config, random: &Arc<dyn SecureRandom>) -> Result<Self, KeyError> {
        let folder = match config.auth.keys.strip_prefix("dir:") {
            Some(path) if !path.is_empty() => Some(config.data_path(path)),
            _ if config.auth.keys == "memory:" => None,
            _ => return Err(KeyError::Place),
        };
        let fresh = || StoredSealing::fresh(random.as_ref());
        let (stored, path) = match &folder {
            Some(folder) => {
                let file = KeyFile::in_folder(folder, "sealing.json")?;
                (file.read_or_make(fresh)?, file.path().to_owned())
            }
            None => (fresh()?, PathBuf::new()),
        };
        let keys = stored.keys().ok_or(KeyError::Content { path })?;
        let sealer = AesSealer::new(&keys, Arc::clone(random)).map_err(|_| KeyError::Failed)?;
        Ok(Self {
            folder,
            sealer: Arc::new(sealer),
        })
    }

    /// What the service seals with.
    #[must_use]
    pub fn sealer(&self) -> Arc<AesSealer> {
        Arc::clone(&self.sealer)
    }

    /// The ring of signing keys, made at the first start.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn signing_ring(&self, algorithm: SigningAlgorithm, kit: &Kit) -> Result<KeyRing, KeyError> {
        let fresh = || Ok(KeyRing::generate(algorithm, kit)?);
        match self.signing_file()? {
            None => fresh(),
            Some(file) => {
                let stored: StoredKeyRing = file.read_or_make(|| Ok(fresh()?.to_stored()))?;
                Ok(KeyRing::from_stored(&stored)?)
            }
        }
    }

    /// Adds a new signing key to the key file. Running servers take it up within seconds.
    ///
    /// Blocks: the file is locked against other processes, and an RSA key takes a moment to make.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn rotate_signing(&self, schedule: KeySchedule, kit: &Kit) -> Result<KeyRing, KeyError> {
        let file = self.signing_file()?.ok_or(KeyError::InMemory)?;
        let _locked = file.lock()?;
        let ring = schedule.follow(&stored_ring(&file)?, kit)?;
        file.replace(&ring.to_stored())?;
        Ok(ring)
    }

    /// The ring that should be in use now: as the key file has it, which another process may have changed, and with a
    /// new key if one is due. Of several processes that find the same, one makes the key. Blocks, as
    /// [`Keys::rotate_signing`] does.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn tend_signing(
        &self,
        current: &KeyRing,
        schedule: KeySchedule,
        kit: &Kit,
    ) -> Result<KeyRing, KeyError> {
        let Some(file) = self.signing_file()? else {
            return if schedule.is_due(current, kit) {
                schedule.follow(current, kit)
            } else {
                Ok(current.clone())
            };
        };
        let ring = stored_ring(&file)?;
        if !schedule.is_due(&ring, kit) {
            return Ok(ring);
        }
        let _locked = file.lock()?;
        let ring = stored_ring(&file)?;
        if !schedule.is_due(&ring, kit) {
            return Ok(ring);
        }
        let ring = schedule.follow(&ring, kit)?;
        file.replace(&ring.to_stored())?;
        Ok(ring)
    }

    fn signing_file(&self) -> Result<Option<KeyFile>, KeyError> {
        self.folder
            .as_deref()
            .map(|folder| KeyFile::in_folder(folder, "signing.json"))
            .transpose()
    }
}

fn stored_ring(file: &KeyFile) -> Result<KeyRing, KeyError> {
    let stored: Option<StoredKeyRing> = file.read()?;
    let stored = stored.ok_or_else(|| KeyError::Content {
        path: file.path().to_owned(),
    })?;
    Ok(KeyRing::from_stored(&stored)?)
}
