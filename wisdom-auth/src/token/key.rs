//! A signing key: its material, and the times between which it signs and verifies.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use wisdom_core::id::{IdSourceExt as _, SigningKeyId};
use wisdom_core::random::RandomError;
use wisdom_core::secret::{SecretBytes, SecretText};
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Kit;

use super::material::{self, Material};
use super::wire::Header;

/// Signing keys are not usable.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The material is not a key of its algorithm, or is too short.
    #[error("the material of signing key {0} is not a key of its algorithm")]
    Material(SigningKeyId),
    /// The times contradict each other.
    #[error("signing key {0} would stop verifying before it signs")]
    Times(SigningKeyId),
    /// Two keys have one id.
    #[error("signing key {0} is in the ring twice")]
    Twice(SigningKeyId),
    /// The ring holds more keys than it may.
    #[error("a key ring holds at most 16 keys")]
    TooMany,
    /// The key file has a format of another version.
    #[error("the stored key ring has the unknown version {0}")]
    Version(u32),
    /// No key signs at this time.
    #[error("no key of the ring signs at this time")]
    NoneSigns,
    /// A token would speak for something else than a user in session.
    #[error("no access token speaks for this kind of principal")]
    Subject,
    /// Making or using a key failed inside the cryptographic library.
    #[error("the cryptographic library failed")]
    Library,
    /// The source of randomness failed.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// What a key signs with. A key is of one algorithm for ever; a token never chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// Ed25519 (RFC 8032, RFC 8037): others can verify with the public key.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518, section 3.4): others can verify with the public key.
    #[serde(rename = "ES256")]
    Es256,
    /// RSA PKCS #1 v1.5 with SHA-256 (RFC 7518, section 3.3), 2048 to 4096 bits; new keys have 2048. For verifiers that
    /// know nothing else: signing costs many times what the others do.
    #[serde(rename = "RS256")]
    Rs256,
    /// HMAC with SHA-256: only who holds the secret can verify.
    #[serde(rename = "HS256")]
    Hs256,
}

impl SigningAlgorithm {
    /// The name in the `alg` header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }
}

/// A key as a key file keeps it. Serialising shows the secret: the file is readable by its owner only.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredSigningKey {
    /// Id, the `kid` of its tokens.
    pub kid: SigningKeyId,
    /// Algorithm.
    pub algorithm: SigningAlgorithm,
    /// PKCS #8 (RFC 5958) of a private key, or the bytes of a symmetric one; base64url without padding.
    pub material: SecretText,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it signs. It verifies from the beginning.
    pub signs_from: Timestamp,
    /// From when on it is worth nothing; `None` for a key that has no successor yet.
    #[serde(default)]
    pub verifies_until: Option<Timestamp>,
}

/// A signing key, ready for use.
#[derive(Clone)]
pub struct SigningKey {
    id: SigningKeyId,
    algorithm: SigningAlgorithm,
    material: SecretBytes,
    created_at: Timestamp,
    signs_from: Timestamp,
    verifies_until: Option<Timestamp>,
    ready: Arc<Material>,
    /// The first part of its tokens, which is the same in all of them.
    header: Arc<str>,
}

impl SigningKey {
    /// Makes a new key that signs from `signs_from` on. `kit` gives id, time and randomness.
    ///
    /// # Errors
    /// [`KeyError::Random`] or [`KeyError::Library`].
    pub fn generate(algorithm: SigningAlgorithm, signs_from: Timestamp, kit: &Kit) -> Result<Self, KeyError> {
        let material = material::generate(algorithm, &*kit.random)?;
        Self::new(
            kit.ids.id(),
            algorithm,
            material,
            kit.clock.now(),
            signs_from,
            None,
        )
    }

    fn new(
        id: SigningKeyId,
        algorithm: SigningAlgorithm,
        material: SecretBytes,
        created_at: Timestamp,
        signs_from: Timestamp,
        verifies_until: Option<Timestamp>,
    ) -> Result<Self, KeyError> {
        if verifies_until.is_some_and(|until| until < signs_from) {
            return Err(KeyError::Times(id));
        }
        let ready = Material::read(algorithm, material.expose()).ok_or(KeyError::Material(id))?;
        Ok(Self {
            id,
            algorithm,
            material,
            created_at,
            signs_from,
            verifies_until,
            ready: Arc::new(ready),
            header: Header::new(algorithm, id).encode()?.into(),
        })
    }

    /// Reads a stored key.
    ///
    /// # Errors
    /// [`KeyError::Material`] or [`KeyError::Times`].
    pub fn from_stored(stored: &StoredSigningKey) -> Result<Self, KeyError> {
        let material = URL_SAFE_NO_PAD
            .decode(stored.material.expose())
            .map_err(|_| KeyError::Material(stored.kid))?;
        Self::new(
            stored.kid,
            stored.algorithm,
            SecretBytes::from(material),
            stored.created_at,
            stored.signs_from,
            stored.verifies_until,
        )
    }

    /// The key for a key file. Shows the secret.
    #[must_use]
    pub fn to_stored(&self) -> StoredSigningKey {
        StoredSigningKey {
            kid: self.id,
            algorithm: self.algorithm,
            material: SecretText::from(URL_SAFE_NO_PAD.encode(self.material.expose())),
            created_at: self.created_at,
            signs_from: self.signs_from,
            verifies_until: self.verifies_until,
        }
    }

    /// Id, the `kid` of its tokens.
    #[must_use]
    pub const fn id(&self) -> SigningKeyId {
        self.id
    }

    /// The first part of its tokens.
    pub(super) fn header(&self) -> &str {
        &self.header
    }

    /// Algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// When it was made.
    #[must_use]
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// From when on it signs.
    #[must_use]
    pub const fn signs_from(&self) -> Timestamp {
        self.signs_from
    }

    /// From when on it is worth nothing, if that is fixed.
    #[must_use]
    pub const fn verifies_until(&self) -> Option<Timestamp> {
        self.verifies_until
    }

    /// Whether its signatures count at this time.
    #[must_use]
    pub fn verifies_at(&self, now: Timestamp) -> bool {
        self.verifies_until.is_none_or(|until| now < until)
    }

    /// The same key, worth nothing from `until` on, unless it ends before.
    pub(super) fn ending(mut self, until: Timestamp) -> Self {
        self.verifies_until = Some(self.verifies_until.map_or(until, |earlier| earlier.min(until)));
        self
    }

    /// The public half as a JSON Web Key (RFC 7517, section 4). A symmetric key has none.
    pub(super) fn jwk(&self) -> Option<serde_json::Value> {
        let mut jwk = self.ready.jwk()?.clone();
        jwk["alg"] = self.algorithm.as_str().into();
        jwk["use"] = "sig".into();
        jwk["kid"] = self.id.to_string().into();
        Some(jwk)
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<String, KeyError> {
        self.ready.sign(message)
    }

    /// Whether the signature, in base64url, is this key's over the message.
    pub(super) fn verify(&self, message: &[u8], signature: &str) -> bool {
        self.ready.verify(message, signature)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .field("signs_from", &self.signs_from)
            .field("verifies_until", &self.verifies_until)
            .finish_non_exhaustive()
    }
}
