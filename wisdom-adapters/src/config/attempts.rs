//! How often things may be tried.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_auth::throttle::ThrottlePolicy;

/// How often credentials may be tried: only failures count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AttemptsConfig {
    /// Failures in a row of one account that the first pause follows, 1 to 10.
    pub pause_from: u32,
    /// The first pause in seconds, 1 to 60; each next one is twice as long.
    pub first_pause_seconds: u32,
    /// The longest pause in seconds, 60 to 86400.
    pub longest_pause_seconds: u32,
    /// Failures in a row of one account at most, over all doors, 20 to 100.
    pub most: u32,
    /// Failures from one source that come back within the window, 1 to 100000.
    pub per_source: u32,
    /// That window in seconds, 1 to 86400.
    pub source_window_seconds: u32,
}

impl Default for AttemptsConfig {
    fn default() -> Self {
        Self {
            pause_from: 5,
            first_pause_seconds: 1,
            longest_pause_seconds: 900,
            most: 100,
            per_source: 60,
            source_window_seconds: 900,
        }
    }
}

/// How often things may be tried whose failures are not counted by account. Right and wrong tries count alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ThrottleConfig {
    /// Codes that confirm a new authenticator, and completed ceremonies with passkeys, of one user in 15 minutes, 1 to 100.
    pub second_factors_per_user: u32,
    /// Second factors from one source (an IPv4 address, an IPv6 /64) in 15 minutes, 10 to 1000000.
    pub second_factors_per_source: u32,
    /// Ceremonies with passkeys of one user in 15 minutes: begun, or to make a new one, 10 to 1000.
    pub passkey_ceremonies_per_user: u32,
    /// Sign-ins with passkeys begun or completed from one source in 15 minutes, 10 to 1000000.
    pub passkeys_per_source: u32,
    /// Sign-ins with providers begun or completed from one source in 15 minutes, 10 to 1000000.
    pub providers_per_source: u32,
    /// Mails with one kind of proof to one address in an hour, 1 to 60.
    pub proof_mails_per_address: u32,
    /// Wishes for mails with a proof from one source in an hour, 10 to 1000000.
    pub proof_mails_per_source: u32,
    /// Mailed proofs presented from one source in 15 minutes, 10 to 1000000.
    pub proofs_per_source: u32,
    /// Mailed codes typed in for one address in an hour, 5 to 100.
    pub codes_per_address: u32,
    /// Access tokens issued to one service client in a minute, 1 to 100000.
    pub tokens_per_client: u32,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        let ThrottlePolicy {
            second_factors_per_user,
            second_factors_per_source,
            passkey_ceremonies_per_user,
            passkeys_per_source,
            providers_per_source,
            proof_mails_per_address,
            proof_mails_per_source,
            proofs_per_source,
            codes_per_address,
            tokens_per_client,
        } = ThrottlePolicy::default();
        Self {
            second_factors_per_user,
            second_factors_per_source,
            passkey_ceremonies_per_user,
            passkeys_per_source,
            providers_per_source,
            proof_mails_per_address,
            proof_mails_per_source,
            proofs_per_source,
            codes_per_address,
            tokens_per_client,
        }
    }
}

impl ThrottleConfig {
    /// The figures as use cases read them.
    #[must_use]
    pub const fn policy(&self) -> ThrottlePolicy {
        ThrottlePolicy {
            second_factors_per_user: self.second_factors_per_user,
            second_factors_per_source: self.second_factors_per_source,
            passkey_ceremonies_per_user: self.passkey_ceremonies_per_user,
            passkeys_per_source: self.passkeys_per_source,
            providers_per_source: self.providers_per_source,
            proof_mails_per_address: self.proof_mails_per_address,
            proof_mails_per_source: self.proof_mails_per_source,
            proofs_per_source: self.proofs_per_source,
            codes_per_address: self.codes_per_address,
            tokens_per_client: self.tokens_per_client,
        }
    }
}
