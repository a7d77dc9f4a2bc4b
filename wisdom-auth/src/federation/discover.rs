//! Which provider an organization signs its people in with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::context::Caller;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation};
use wisdom_core::value::EmailAddress;

use super::FederationError;
use crate::kit::AuthHost;

/// Tells with which provider people of an address's domain sign in. Answers by the domain alone, whoever has the address, and
/// touches no storage.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscoverProvider {
    /// The address somebody wants to sign in with.
    pub email: EmailAddress,
}

/// Where to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Discovered {
    /// The provider's name in paths, if the domain has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

impl Operation for DiscoverProvider {
    const NAME: &'static str = "auth.provider.discover";
    const SUMMARY: &'static str = "Tells with which provider people of a domain sign in.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Read;
    type Output = Discovered;
    type Error = FederationError;
}

impl<H: AuthHost> Flow<H> for DiscoverProvider {
    async fn run(&self, host: &H, _caller: &Caller) -> Result<Discovered, FederationError> {
        let mut providers = host.auth().federation.providers();
        let found = providers.find(|provider| provider.is_for(self.email.domain()));
        Ok(Discovered {
            provider: found.map(|provider| provider.name().to_owned()),
        })
    }
}
