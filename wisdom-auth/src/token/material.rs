//! Key material in use: what makes and checks signatures, one shape for each algorithm.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{hmac, signature};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use wisdom_core::random::{SecureRandom, SecureRandomExt as _};
use wisdom_core::secret::SecretBytes;
use zeroize::Zeroizing;

use super::key::{KeyError, SigningAlgorithm};

/// Least bytes of a symmetric key: as many as the hash has (RFC 7518, section 3.2).
const MIN_SYMMETRIC: usize = 32;
/// Most bytes of key material; a 4096 bit RSA key has about 2,400.
const MAX_MATERIAL: usize = 4096;
/// Bytes of an RSA modulus: 2048 bits are the least of RFC 7518, section 3.3; beyond 4096 a signature takes too long.
const RSA_MODULUS: std::ops::RangeInclusive<usize> = 256..=512;
/// Bytes of the longest signature, which is RSA's.
const MAX_SIGNATURE: usize = 512;

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

enum Signer {
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    Hs256(Box<hmac::Key>),
}

/// A key that was read once and signs and verifies from then on.
pub(super) struct Material {
    signer: Signer,
    /// Parsed once; reading the key again for each signature is a good part of the work. None for a symmetric key.
    verifier: Option<ParsedPublicKey>,
    /// The members of its JSON Web Key that are its own; a symmetric key has none to show.
    jwk: Option<Value>,
}

impl Material {
    /// Reads material; `None` when it is not a key of this algorithm, too weak, or too large.
    pub(super) fn read(algorithm: SigningAlgorithm, bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_MATERIAL {
            return None;
        }
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (signer, verifier, jwk) = match algorithm {
            SigningAlgorithm::Hs256 => {
                if bytes.len() < MIN_SYMMETRIC {
                    return None;
                }
                (
                    Signer::Hs256(Box::new(hmac::Key::new(hmac::HMAC_SHA256, bytes))),
                    None,
                    None,
                )
            }
            SigningAlgorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_pkcs8(bytes).ok()?;
                let public = pair.public_key().as_ref();
                let verifier = ParsedPublicKey::new(&ED25519, public).ok()?;
                let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": text(public) });
                (Signer::EdDsa(pair), Some(verifier), Some(jwk))
            }
            SigningAlgorithm::Es256 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes).ok()?;
                let public = pair.public_key().as_ref();
                let verifier = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public).ok()?;
                // The uncompressed point of SEC 1, section 2.3.3: 4, x, y.
                let (x, y) = public.strip_prefix(&[4])?.split_at_checked(32)?;
                let jwk = json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) });
                (Signer::Es256(pair), Some(verifier), Some(jwk))
            }
            SigningAlgorithm::Rs256 => {
                let pair = RsaKeyPair::from_pkcs8(bytes).ok()?;
                if !RSA_MODULUS.contains(&pair.public_modulus_len()) {
                    return None;
                }
                let public = pair.public_key();
                let verifier = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.as_ref()).ok()?;
                let jwk = json!({
                    "kty": "RSA",
                    "n": text(public.modulus().big_endian_without_leading_zero()),
                    "e": text(public.exponent().big_endian_without_leading_zero()),
                });
                (Signer::Rs256(pair), Some(verifier), Some(jwk))
            }
        };
        Some(Self {
            signer,
            verifier,
            jwk,
        })
    }

    /// `kty` and the public members (RFC 7518, section 6; RFC 8037, section 2).
    pub(super) const fn jwk(&self) -> Option<&Value> {
        self.jwk.as_ref()
    }

    /// The signature over the message, in base64url.
    pub(super) fn sign(&self, message: &[u8]) -> Result<String, KeyError> {
        let random = SystemRandom::new();
        let made: signature::Signature = match &self.signer {
            Signer::Hs256(key) => return Ok(URL_SAFE_NO_PAD.encode(hmac::sign(key, message))),
            Signer::EdDsa(pair) => pair.try_sign(message).map_err(|_| KeyError::Library)?,
            Signer::Es256(pair) => pair.sign(&random, message).map_err(|_| KeyError::Library)?,
            Signer::Rs256(pair) => {
                let mut bytes = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut bytes)
                    .map_err(|_| KeyError::Library)?;
                return Ok(URL_SAFE_NO_PAD.encode(bytes));
            }
        };
        Ok(URL_SAFE_NO_PAD.encode(made))
    }

    /// Whether the signature, in base64url without padding or stray bits, is this key's over the message.
    pub(super) fn verify(&self, message: &[u8], signature: &str) -> bool {
        let mut bytes = [0; MAX_SIGNATURE];
        let Ok(length) = URL_SAFE_NO_PAD.decode_slice(signature, &mut bytes) else {
            return false;
        };
        let Some(signature) = bytes.get(..length) else {
            return false;
        };
        match (&self.signer, &self.verifier) {
            (Signer::Hs256(key), _) => hmac::verify(key, message, signature).is_ok(),
            (_, Some(key)) => key.verify_sig(message, signature).is_ok(),
            (_, None) => false,
        }
    }
}
