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

/// A new signing key is published this long before it signs, so that every node knows it by then.
pub const ANNOUNCE: Duration = Duration::from_secs(60);

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
    pub fn signing_ring(&self, algorithm: TokenAlgorithm, kit: &Kit) -> Result<KeyRing, KeyError> {
        let algorithm = match algorithm {
            TokenAlgorithm::EdDSA => SigningAlgorithm::EdDsa,
            TokenAlgorithm::HS256 => SigningAlgorithm::Hs256,
        };
        let fresh = || Ok(KeyRing::generate(algorithm, kit)?);
        match self.signing_file()? {
            None => fresh(),
            Some(file) => {
                let stored: StoredKeyRing = file.read_or_make(|| Ok(fresh()?.to_stored()))?;
                Ok(KeyRing::from_stored(&stored)?)
            }
        }
    }

    /// The ring as the key file has it now; `None` for keys in memory.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn reread(&self) -> Result<Option<KeyRing>, KeyError> {
        let Some(file) = self.signing_file()? else {
            return Ok(None);
        };
        let stored: Option<StoredKeyRing> = file.read()?;
        Ok(stored.map(|stored| KeyRing::from_stored(&stored)).transpose()?)
    }

    /// Adds a new signing key, which signs [`ANNOUNCE`] from now; the old ones verify for `overlap` after that. Running
    /// servers take it up within seconds.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn rotate_signing(&self, overlap: Duration, kit: &Kit) -> Result<KeyRing, KeyError> {
        let file = self.signing_file()?.ok_or(KeyError::InMemory)?;
        let stored: Option<StoredKeyRing> = file.read()?;
        let stored = stored.ok_or_else(|| KeyError::Content {
            path: file.path().to_owned(),
        })?;
        let ring = KeyRing::from_stored(&stored)?.rotate(kit.clock.now(), ANNOUNCE, overlap, kit)?;
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
