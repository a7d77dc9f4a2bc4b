//! Access tokens: signed by a ring of keys that rotate, verified strictly and without storage.

mod access;
#[cfg(test)]
mod attacks;
mod claims;
#[cfg(test)]
mod flood;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod key;
mod material;
mod ring;
mod wire;

pub use access::{AccessTokenPolicy, AccessTokenPolicyError, AccessTokens, MAX_LIFETIME, VerifiedToken};
pub use key::{KeyError, SigningAlgorithm, SigningKey, StoredSigningKey};
pub use ring::{KeyRing, StoredKeyRing};
pub use wire::{TokenError, TokenFault};
