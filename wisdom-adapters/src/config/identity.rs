//! Figures of mailed proofs and second factors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Proofs that are mailed: how long they can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MailedProofConfig {
    /// Life of the proof of an address, in seconds, 300 to 604800. Sign-up's first mail has its own.
    pub verify_email_seconds: u32,
    /// Life of a password reset, in seconds, 300 to 3600.
    pub reset_password_seconds: u32,
    /// Life of a change of address, in seconds, 300 to 3600.
    pub change_email_seconds: u32,
    /// Life of a sign-in link, in seconds, 60 to 600.
    pub link_seconds: u32,
    /// Life of a sign-in code, in seconds, 60 to 600.
    pub code_seconds: u32,
    /// Wrong tries that burn a sign-in code, 1 to 5.
    pub code_tries: u32,
}

impl Default for MailedProofConfig {
    fn default() -> Self {
        Self {
            verify_email_seconds: 86_400,
            reset_password_seconds: 1800,
            change_email_seconds: 3600,
            link_seconds: 600,
            code_seconds: 600,
            code_tries: 5,
        }
    }
}

/// Second factors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecondFactorConfig {
    /// Whether every tenant asks its members for a second factor, whatever its own setting says. Passwords may be shorter
    /// than 15 characters only then.
    pub required: bool,
    /// A half-finished sign-in ends after this many seconds, 30 to 300.
    pub challenge_seconds: u32,
    /// Tries that a half-finished sign-in allows, 1 to 5.
    pub tries: u32,
    /// A device is remembered for this many seconds, 0 to 7776000; 0: none is.
    pub remember_seconds: u32,
    /// What changes the protection of an account needs a proof of the last so many seconds, 60 to 600.
    pub fresh_seconds: u32,
    /// The name shown in authenticators: 1 to 50 characters, no colon.
    pub issuer: String,
}

impl Default for SecondFactorConfig {
    fn default() -> Self {
        Self {
            required: false,
            challenge_seconds: 300,
            tries: 5,
            remember_seconds: 30 * 86_400,
            fresh_seconds: 600,
            issuer: "Wisdom".to_owned(),
        }
    }
}
