//! Key material in use: what makes and checks signatures, one shape for each algorithm.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde_json::{Value, json};
use wisdom_core::random::{SecureRandom, SecureRandomExt as _};
use wisdom_core::secret::SecretBytes;
use zeroize::Zeroizing;

use super::key::{KeyError, SigningAlgorithm};
use crate::jws;

/// Least bytes of a symmetric key: as many as the hash has (RFC 7518, section 3.2).
const MIN_SYMMETRIC: usize = 32;
/// Most bytes of key material; a 4096 bit RSA key has about 2,400.
const MAX_MATERIAL: usize = 4096;
/// Bytes of an RSA modulus: 2048 bits are the least of RFC 7518, section 3.3; beyond 4096 a signature takes too long.
const RSA_MODULUS: std::ops::RangeInclusive<usize> = 256..=512;

/// The material of a new key: PKCS #8, or the bytes of a symmetric key.
///
/// The library makes RSA and ECDSA keys with its own generator; it takes no other.
pub(super) fn generate(
    algorithm: SigningAlgorithm,
    random: &dyn SecureRandom,
) -> Result<SecretBytes, KeyError> {
    let failed = |_| KeyError::Library;
    let bytes = match algorithm {
        SigningAlgorithm::Hs256 => {
            let seed: Zeroizing<[u8; 32]> = Zeroizing::new(random.bytes()?);
            seed.to_vec()
        }
        SigningAlgorithm::EdDsa => {
            let seed: Zeroizing<[u8; 32]> = Zeroizing::new(random.bytes()?);
            let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| KeyError::Library)?;
            pair.to_pkcs8().map_err(failed)?.as_ref().to_vec()
        }
        SigningAlgorithm::Es256 => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
                .map_err(failed)?
                .as_ref()
                .to_vec()
        }
        SigningAlgorithm::Rs256 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
            let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(failed)?;
            der.as_ref().to_vec()
        }
    };
    Ok(SecretBytes::from(bytes))
}

/// A key that was read once and signs and verifies from then on.
pub(super) struct Material {
    algorithm: Algorithm,
    private: EncodingKey,
    public: DecodingKey,
    /// The members of its JSON Web Key that are its own; a symmetric key has none to show.
    jwk: Option<Value>,
}

impl Material {
    /// Reads material; `None` when it is not a key of this algorithm, too weak, or too large.
    pub(super) fn read(algorithm: SigningAlgorithm, bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_MATERIAL {
            return None;
        }
        match algorithm {
            SigningAlgorithm::Hs256 => symmetric(bytes),
            SigningAlgorithm::EdDsa => ed25519(bytes),
            SigningAlgorithm::Es256 => p256(bytes),
            SigningAlgorithm::Rs256 => rsa(bytes),
        }
    }

    /// `kty` and the public members (RFC 7518, section 6; RFC 8037, section 2).
    pub(super) const fn jwk(&self) -> Option<&Value> {
        self.jwk.as_ref()
    }

    /// The signature over the message, in base64url.
    pub(super) fn sign(&self, message: &[u8]) -> Result<String, KeyError> {
        jws::sign(&self.private, self.algorithm, message).ok_or(KeyError::Library)
    }

    /// Whether the signature, in base64url without padding or stray bits, is this key's over the message.
    pub(super) fn verify(&self, message: &[u8], signature: &str) -> bool {
        jws::verify(&self.public, self.algorithm, message, signature)
    }
}

fn symmetric(bytes: &[u8]) -> Option<Material> {
    (bytes.len() >= MIN_SYMMETRIC).then(|| Material {
        algorithm: Algorithm::HS256,
        private: EncodingKey::from_secret(bytes),
        public: DecodingKey::from_secret(bytes),
        jwk: None,
    })
}

fn ed25519(pkcs8: &[u8]) -> Option<Material> {
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8).ok()?;
    let public = pair.public_key().as_ref();
    Some(Material {
        algorithm: Algorithm::EdDSA,
        private: EncodingKey::from_ed_der(pkcs8),
        public: DecodingKey::from_ed_der(public),
        jwk: Some(json!({ "kty": "OKP", "crv": "Ed25519", "x": text(public) })),
    })
}

fn p256(pkcs8: &[u8]) -> Option<Material> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).ok()?;
    let public = pair.public_key().as_ref();
    // The uncompressed point of SEC 1, section 2.3.3: 4, x, y.
    let (x, y) = public.strip_prefix(&[4])?.split_at_checked(32)?;
    Some(Material {
        algorithm: Algorithm::ES256,
        private: EncodingKey::from_ec_der(pkcs8),
        public: DecodingKey::from_ec_der(public),
        jwk: Some(json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) })),
    })
}

fn rsa(pkcs8: &[u8]) -> Option<Material> {
    let pair = RsaKeyPair::from_pkcs8(pkcs8).ok()?;
    if !RSA_MODULUS.contains(&pair.public_modulus_len()) {
        return None;
    }
    let public = pair.public_key();
    let modulus = public.modulus().big_endian_without_leading_zero();
    let exponent = public.exponent().big_endian_without_leading_zero();
    Some(Material {
        algorithm: Algorithm::RS256,
        private: rsa_private(pkcs8)?,
        public: DecodingKey::from_rsa_raw_components(modulus, exponent),
        jwk: Some(json!({ "kty": "RSA", "n": text(modulus), "e": text(exponent) })),
    })
}

/// From bytes the library takes an RSA key without the frame of PKCS #8; it removes that from PEM (RFC 7468) only.
fn rsa_private(pkcs8: &[u8]) -> Option<EncodingKey> {
    const FRAME: (&str, &str) = ("-----BEGIN PRIVATE KEY-----\n", "\n-----END PRIVATE KEY-----\n");
    let mut pem = Zeroizing::new(String::with_capacity(
        FRAME.0.len() + pkcs8.len() * 4 / 3 + 4 + FRAME.1.len(),
    ));
    pem.push_str(FRAME.0);
    STANDARD.encode_string(pkcs8, &mut pem);
    pem.push_str(FRAME.1);
    EncodingKey::from_rsa_pem(pem.as_bytes()).ok()
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
