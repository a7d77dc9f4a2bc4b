//! JSON Web Signature (RFC 7515) as this crate needs it: a signature over a message, in base64url.
//!
//! `jsonwebtoken` signs and verifies; what a token says is read by its reader and not by the library, whose reading takes
//! a claim of the wrong type for an absent one and passes over critical headers. Its backend is named here, because the
//! one of the process depends on the features of whoever embeds us, and panics when they contradict each other.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::{CryptoProvider, aws_lc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

static BACKEND: &CryptoProvider = &aws_lc::DEFAULT_PROVIDER;

/// The signature over the message; `None` when the key is not one of the algorithm.
pub(crate) fn sign(key: &EncodingKey, algorithm: Algorithm, message: &[u8]) -> Option<String> {
    let signer = (BACKEND.signer_factory)(&algorithm, key).ok()?;
    let signature = signer.try_sign(message).ok()?;
    Some(URL_SAFE_NO_PAD.encode(signature))
}

/// Whether the signature, in base64url without padding or stray bits, is this key's over the message.
pub(crate) fn verify(key: &DecodingKey, algorithm: Algorithm, message: &[u8], signature: &str) -> bool {
    let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else {
        return false;
    };
    (BACKEND.verifier_factory)(&algorithm, key)
        .is_ok_and(|verifier| verifier.verify(message, &signature).is_ok())
}
