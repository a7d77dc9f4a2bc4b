//! Signing in with providers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Role;
use wisdom_core::id::TenantId;

/// Signing in with providers: what is the same for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FederationConfig {
    /// The path of the application to which providers send the browser back, below `app_url`; the provider's name follows
    /// behind a slash. Register the whole address at the provider.
    pub callback_path: String,
    /// Addresses the application may be returned to afterwards, exact or ending in `/*`. Default: everything below `app_url`.
    pub return_to: Option<Vec<String>>,
    /// How long the browser may stay at the provider, in seconds, 60 to 600.
    pub attempt_seconds: u32,
}

impl Default for FederationConfig {
    fn default() -> Self {
        Self {
            callback_path: "/auth/callback".to_owned(),
            return_to: None,
            attempt_seconds: 600,
        }
    }
}

/// What a provider speaks, and which figures are known of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProviderPreset {
    /// Any `OpenID` provider with discovery: needs `issuer`.
    #[default]
    Oidc,
    /// Google.
    Google,
    /// Microsoft Entra: takes `tenant`.
    Microsoft,
    /// GitHub: takes `server`.
    Github,
}

/// A provider one can sign in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProviderConfig {
    /// What it speaks.
    pub kind: ProviderPreset,
    /// Its name for people; its name in the configuration by default.
    pub title: Option<String>,
    /// `oidc`: the issuer, exactly as the provider writes it.
    pub issuer: Option<String>,
    /// `microsoft`: the directory's id, or `organizations`, `consumers` or `common`. Default: `organizations`.
    pub tenant: Option<String>,
    /// `github`: another installation than github.com.
    pub server: Option<String>,
    /// Our id at the provider.
    pub client_id: String,
    /// Our secret at the provider, as `env:NAME` or `file:PATH`; none for a public client.
    pub client_secret: Option<String>,
    /// What is asked for; empty: what signing in needs.
    pub scopes: Vec<String>,
    /// Whether people without an account get one.
    pub sign_up: bool,
    /// Whether an account whose address both the provider and we have verified is joined without asking. Switch it off for
    /// a provider whose operators may vouch for any address.
    pub link_by_email: bool,
    /// The domains whose addresses the provider may vouch for; empty: any.
    pub domains: Vec<String>,
    /// The id of the tenant whose people it signs in: they become members, and are found by their addresses' domains. By
    /// setting it the operator states that the domains are the tenant's.
    pub organization: Option<TenantId>,
    /// What they become in the tenant: `viewer` or `member`.
    pub organization_role: Role,
    /// Whether the provider may be on this machine and speak `http`: for tests and development.
    pub allow_loopback: bool,
}

impl Default for ProviderConfig {
    fn default() -> Self {
        Self {
            kind: ProviderPreset::Oidc,
            title: None,
            issuer: None,
            tenant: None,
            server: None,
            client_id: String::new(),
            client_secret: None,
            scopes: Vec::new(),
            sign_up: true,
            link_by_email: true,
            domains: Vec::new(),
            organization: None,
            organization_role: Role::Member,
            allow_loopback: false,
        }
    }
}
