//! Passkeys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_auth::passkey::{ResidentKey, UserVerification};

/// Signing in with passkeys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PasskeysConfig {
    /// The domain that passkeys are bound to: that of `app_url`, or one above it. Default: the host of `app_url`. With
    /// another one all passkeys are lost.
    pub rp_id: Option<String>,
    /// What people see when they make a passkey. Default: `auth.second_factor.issuer`.
    pub rp_name: Option<String>,
    /// The origins of the application's pages. Default: `app_url`.
    pub origins: Option<Vec<String>>,
    /// Whether authenticators must verify the user: `required`, or `preferred` so that some are a second factor only.
    pub user_verification: UserVerification,
    /// Whether passkeys must be discoverable: `preferred` or `required`.
    pub resident_key: ResidentKey,
    /// How long a ceremony can be completed, in seconds, 30 to 300.
    pub ceremony_seconds: u32,
    /// Passkeys of a user at most, 1 to 20.
    pub max_per_user: u32,
}

impl Default for PasskeysConfig {
    fn default() -> Self {
        Self {
            rp_id: None,
            rp_name: None,
            origins: None,
            user_verification: UserVerification::Required,
            resident_key: ResidentKey::Preferred,
            ceremony_seconds: 300,
            max_per_user: 20,
        }
    }
}
