//! The way to a provider.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::UserId;
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};

use super::attempt::{Attempt, AttemptSecrets};
use super::{FederationError, FederationPolicy};
use crate::kit::AuthHost;
use crate::session::freshness::require_fresh;
use crate::store::IdentityTx;
use crate::throttle::{self, Throttle};

/// Begins a sign-in with a provider.
///
/// The application sends the browser to `authorization_url` and keeps `binding` where no other browser and no other page
/// can read it (`sessionStorage`). The provider sends the browser back to the application, with `state` and `code`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginSignIn {
    /// The provider's name.
    pub provider: String,
    /// Where the application wants to go on afterwards: one of the configured addresses.
    #[serde(default)]
    pub return_to: Option<String>,
}

/// Where to send the browser, and what proves that the same browser came back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Begun {
    /// Where to send the browser.
    pub authorization_url: String,
    /// To be kept by this browser, and to be sent along when it comes back.
    pub binding: SecretText,
    /// Seconds until the attempt is worth nothing.
    pub expires_in: u64,
}

impl Operation for BeginSignIn {
    const NAME: &'static str = "auth.provider.begin";
    const SUMMARY: &'static str = "Begins a sign-in with a provider.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = Begun;
    type Error = FederationError;
}

impl<H: AuthHost> Flow<H> for BeginSignIn {
    async fn run(&self, host: &H, caller: &Caller) -> Result<Begun, FederationError> {
        begin(host, caller, &self.provider, self.return_to.as_deref(), None).await
    }
}

/// Begins to link an identity at a provider to the caller's account. The caller must have proven who they are just now.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginLink {
    /// The provider's name.
    pub provider: String,
    /// Where the application wants to go on afterwards: one of the configured addresses.
    #[serde(default)]
    pub return_to: Option<String>,
}

impl Operation for BeginLink {
    const NAME: &'static str = "auth.identity.begin_link";
    const SUMMARY: &'static str = "Begins to link an identity at a provider to the caller's account.";
    const ACCESS: Access = Access::Authenticated;
    const EFFECT: Effect = Effect::Write;
    type Output = Begun;
    type Error = FederationError;
}

impl<H: AuthHost> Flow<H> for BeginLink {
    async fn run(&self, host: &H, caller: &Caller) -> Result<Begun, FederationError> {
        let user = caller.require_session()?.user;
        begin(
            host,
            caller,
            &self.provider,
            self.return_to.as_deref(),
            Some(user),
        )
        .await
    }
}

async fn begin<H: AuthHost>(
    host: &H,
    caller: &Caller,
    provider: &str,
    return_to: Option<&str>,
    user: Option<UserId>,
) -> Result<Begun, FederationError> {
    let federation = &host.auth().federation;
    let provider = federation.provider(provider)?;
    if return_to.is_some_and(|address| !federation.returns().allow(address)) {
        return Err(FederationError::ReturnTo);
    }
    throttle::source(host, caller, Throttle::ProviderSource).await?;
    let kit = host.runner().kit();
    let secrets = AttemptSecrets::generate(&*kit.random)?;
    // First the provider, then the row: while it is out of order nothing is stored.
    let url = provider.authorization_url(kit, &secrets).await?;
    let keep = KeepAttempt {
        state_hash: secrets.state_hash(),
        binding_hash: secrets.binding_hash(),
        provider: provider.name().to_owned(),
        user,
        return_to: return_to.map(str::to_owned),
    };
    host.runner().on_behalf(caller, &keep).await?;
    Ok(Begun {
        authorization_url: url.into(),
        binding: secrets.binding().clone(),
        expires_in: kit.policies.get::<FederationPolicy>().attempt.as_secs(),
    })
}

/// Stores an attempt. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeepAttempt {
    state_hash: [u8; 32],
    binding_hash: [u8; 32],
    provider: String,
    user: Option<UserId>,
    return_to: Option<String>,
}

impl Operation for KeepAttempt {
    const NAME: &'static str = "auth.provider.keep_attempt";
    const SUMMARY: &'static str = "Stores an attempt to sign in with a provider.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = FederationError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for KeepAttempt {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, FederationError> {
        if self.user.is_some() {
            require_fresh(tx).await?;
        }
        let frame = std::sync::Arc::clone(tx.frame());
        let life = frame.kit().policies.get::<FederationPolicy>().attempt;
        let attempt = Attempt {
            state_hash: self.state_hash,
            binding_hash: self.binding_hash,
            provider: self.provider.clone(),
            user: self.user,
            return_to: self.return_to.clone(),
            created_at: frame.now(),
            expires_at: frame.now().saturating_add(life),
        };
        tx.provider_attempts().insert(&attempt).await?;
        Ok(match self.user {
            None => Outcome::unaudited((), "nobody has proven anything yet"),
            Some(user) => {
                let details = serde_json::json!({ "provider": self.provider });
                Outcome::audited((), AuditEntry::on("user", user).with(details))
            }
        })
    }
}
