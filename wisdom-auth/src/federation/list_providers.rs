//! Which providers one can sign in with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::context::Caller;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation};

use super::{FederationError, Provider};
use crate::kit::AuthHost;

/// Lists the providers everybody can sign in with. Those of organizations are not told: their names are customers' names.
/// Touches no storage.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListProviders {}

/// A provider one can sign in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProviderSummary {
    /// Its name in paths.
    pub name: String,
    /// Its name for people.
    pub title: String,
}

/// The providers, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProviderList {
    /// The providers.
    pub items: Vec<ProviderSummary>,
}

impl Operation for ListProviders {
    const NAME: &'static str = "auth.provider.list";
    const SUMMARY: &'static str = "Lists the providers one can sign in with.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Read;
    type Output = ProviderList;
    type Error = FederationError;
}

impl<H: AuthHost> Flow<H> for ListProviders {
    async fn run(&self, host: &H, _caller: &Caller) -> Result<ProviderList, FederationError> {
        let summary = |settings: &super::ProviderSettings| ProviderSummary {
            name: settings.name.clone(),
            title: settings.title.clone(),
        };
        let settings = host.auth().federation.providers().map(Provider::settings);
        let everybodys = settings.filter(|settings| settings.organization.is_none());
        let items = everybodys.map(summary);
        Ok(ProviderList {
            items: items.collect(),
        })
    }
}
