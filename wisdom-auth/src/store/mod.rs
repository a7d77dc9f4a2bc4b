//! What identity asks of storage. Users are global: their repositories exist outside of any tenant only. API keys are a
//! tenant's.

use wisdom_core::unit_of_work::UnitOfWork;

mod api_keys;
mod attempts;
mod client_tokens;
mod federation;
mod impersonations;
mod one_time_tokens;
mod passkeys;
mod second_factors;
mod sessions;
mod users;

pub use api_keys::{ApiKeys, PresentedKeys};
pub use attempts::{AttemptCounters, KnownDevices};
pub use client_tokens::ClientTokens;
pub use federation::{ExternalIdentities, ProviderAttempts};
pub use impersonations::Impersonations;
pub use one_time_tokens::OneTimeTokens;
pub use passkeys::{PasskeyCeremonies, Passkeys};
pub use second_factors::{RememberedDevices, SecondFactors};
pub use sessions::{Sessions, SignInChallenges};
pub use users::Users;

/// Where the tenant's keys are reached.
pub trait ApiKeyRepositories: Send {
    /// API keys.
    fn api_keys(&mut self) -> &mut dyn ApiKeys;
}

/// The unit of work of a tenant, as far as its keys go.
pub trait ApiKeyTx: UnitOfWork + ApiKeyRepositories {}

impl<T: UnitOfWork + ApiKeyRepositories + ?Sized> ApiKeyTx for T {}

/// The unit of work of identity.
pub trait IdentityTx: UnitOfWork {
    /// Users.
    fn users(&mut self) -> &mut dyn Users;
    /// Sessions.
    fn sessions(&mut self) -> &mut dyn Sessions;
    /// One-time tokens.
    fn one_time_tokens(&mut self) -> &mut dyn OneTimeTokens;
    /// Half-finished sign-ins.
    fn sign_in_challenges(&mut self) -> &mut dyn SignInChallenges;
    /// Second factors.
    fn second_factors(&mut self) -> &mut dyn SecondFactors;
    /// Devices that need no second factor.
    fn remembered_devices(&mut self) -> &mut dyn RememberedDevices;
    /// Failed tries.
    fn attempts(&mut self) -> &mut dyn AttemptCounters;
    /// Known devices.
    fn devices(&mut self) -> &mut dyn KnownDevices;
    /// Accounts at providers.
    fn external_identities(&mut self) -> &mut dyn ExternalIdentities;
    /// Ways to providers that were begun and not finished.
    fn provider_attempts(&mut self) -> &mut dyn ProviderAttempts;
    /// Passkeys.
    fn passkeys(&mut self) -> &mut dyn Passkeys;
    /// Ceremonies with passkeys that were begun.
    fn passkey_ceremonies(&mut self) -> &mut dyn PasskeyCeremonies;
    /// API keys that were presented.
    fn presented_keys(&mut self) -> &mut dyn PresentedKeys;
    /// Access tokens of service clients.
    fn client_tokens(&mut self) -> &mut dyn ClientTokens;
    /// Operators acting for users.
    fn impersonations(&mut self) -> &mut dyn Impersonations;
}
