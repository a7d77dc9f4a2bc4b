//! Signing in with an account at somebody else's: `OpenID` Connect providers and GitHub.
//!
//! The browser is sent to the provider with an [`Attempt`](attempt::Attempt) and comes back with a code. Whoever brings
//! the code must hold the attempt's binding secret, which only the browser that began has. What the provider says is
//! believed after its signature, issuer, audience, nonce and times hold; whom it means is told by (issuer, subject) and
//! never by an e-mail address.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wisdom_core::policy::Policy;

pub mod assertion;
pub mod attempt;
pub mod begin;
pub mod complete;
mod directory;
pub mod discover;
pub mod error;
mod exchange;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod github;
mod id_token;
pub mod identity;
mod key_set;
pub mod link;
pub mod list_providers;
mod metadata;
pub mod provider;
mod resolve;
pub mod return_to;
pub mod unlink;

pub use error::FederationError;
pub use provider::{Organization, Provider, ProviderKind, ProviderSettings, ProviderSettingsError};
pub use return_to::{ReturnRuleError, ReturnTargets};

/// Figures of signing in with a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FederationPolicy {
    /// How long the browser may stay at the provider. Default 10 minutes, which is also the most.
    pub attempt: Duration,
}

impl Default for FederationPolicy {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(600),
        }
    }
}

impl Policy for FederationPolicy {}

/// The providers one can sign in with, and where the application may be returned to afterwards.
#[derive(Debug, Default)]
pub struct Federation {
    providers: BTreeMap<String, Arc<Provider>>,
    returns: ReturnTargets,
}

impl Federation {
    /// No provider yet; the application may be returned to these addresses.
    #[must_use]
    pub fn new(returns: ReturnTargets) -> Self {
        Self {
            providers: BTreeMap::new(),
            returns,
        }
    }

    /// The same with one more provider. One of the same name is replaced.
    #[must_use]
    pub fn with(mut self, provider: Provider) -> Self {
        self.providers
            .insert(provider.name().to_owned(), Arc::new(provider));
        self
    }

    /// The provider of this name.
    ///
    /// # Errors
    /// [`FederationError::ProviderUnknown`].
    pub fn provider(&self, name: &str) -> Result<&Provider, FederationError> {
        self.providers
            .get(name)
            .map(AsRef::as_ref)
            .ok_or(FederationError::ProviderUnknown)
    }

    /// All providers, by name.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.providers.values().map(AsRef::as_ref)
    }

    /// Where the application may be returned to.
    #[must_use]
    pub const fn returns(&self) -> &ReturnTargets {
        &self.returns
    }
}
