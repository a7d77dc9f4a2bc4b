//! Identity: how tokens are signed, how long they and sessions live, and what else has an area of its own.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ApiKeysConfig, AttemptsConfig, FederationConfig, ImpersonationConfig, MailedProofConfig, PasskeysConfig,
    PasswordConfig, ProviderConfig, SecondFactorConfig, ThrottleConfig,
};

/// How access tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TokenAlgorithm {
    /// Ed25519 (RFC 8037): anybody verifies with the published key.
    EdDSA,
    /// ECDSA on P-256 (RFC 7518): anybody verifies with the published key.
    ES256,
    /// RSA, 2048 bits (RFC 7518): anybody verifies with the published key; signing is slow.
    RS256,
    /// HMAC-SHA256: only the service verifies.
    HS256,
}

/// Identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// `dir:PATH` (the key file lies in it, below `data_dir` unless absolute) or `memory:` (new keys at each start).
    pub keys: String,
    /// Which algorithm new signing keys are made for.
    pub algorithm: TokenAlgorithm,
    /// When signing keys follow each other.
    pub key_rotation: KeyRotationConfig,
    /// `aud` of access tokens.
    pub audience: String,
    /// Life of access tokens, in seconds, 60 to 900.
    pub access_token_seconds: u32,
    /// A session ends after this many seconds without refresh.
    pub session_idle_seconds: u32,
    /// A session ends after this many seconds whatever happens.
    pub session_absolute_seconds: u32,
    /// A spent refresh token is answered again for this many seconds (parallel tabs), 0 to 60; 0 is strict.
    pub refresh_window_seconds: u32,
    /// Passwords.
    pub password: PasswordConfig,
    /// Proofs that are mailed.
    pub mailed_proof: MailedProofConfig,
    /// Second factors.
    pub second_factor: SecondFactorConfig,
    /// How often credentials may be tried.
    pub attempts: AttemptsConfig,
    /// How often everything else may be tried.
    pub throttle: ThrottleConfig,
    /// Signing in with providers.
    pub federation: FederationConfig,
    /// The providers, by name.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// API keys.
    pub api_keys: ApiKeysConfig,
    /// Operators who act for users.
    pub impersonation: ImpersonationConfig,
    /// Passkeys.
    pub passkeys: PasskeysConfig,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            keys: "dir:keys".to_owned(),
            algorithm: TokenAlgorithm::EdDSA,
            key_rotation: KeyRotationConfig::default(),
            audience: "wisdom".to_owned(),
            access_token_seconds: 600,
            session_idle_seconds: 14 * 24 * 3600,
            session_absolute_seconds: 90 * 24 * 3600,
            refresh_window_seconds: 10,
            password: PasswordConfig::default(),
            mailed_proof: MailedProofConfig::default(),
            second_factor: SecondFactorConfig::default(),
            api_keys: ApiKeysConfig::default(),
            impersonation: ImpersonationConfig::default(),
            passkeys: PasskeysConfig::default(),
            attempts: AttemptsConfig::default(),
            throttle: ThrottleConfig::default(),
            federation: FederationConfig::default(),
            providers: BTreeMap::new(),
        }
    }
}

/// When signing keys follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeyRotationConfig {
    /// A key gets a successor after this many days, 0 to 366; 0: only by `keys rotate`.
    pub days: u32,
    /// A new key is published for this many seconds before it signs, 90 to 86400.
    pub announce_seconds: u32,
}

impl Default for KeyRotationConfig {
    fn default() -> Self {
        Self {
            days: 90,
            announce_seconds: 900,
        }
    }
}
