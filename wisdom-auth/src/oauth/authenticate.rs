//! Who a client is: by its secret, as `client_secret_basic` or `client_secret_post` (RFC 6749, section 2.3.1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::context::Caller;
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::OauthError;
use super::client_token::client_id;
use crate::api_key::{ApiKey, ApiKeyPolicy, KeyKind, text};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::store::IdentityTx;

/// Looks a client up by the public part of its secret. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindClient {
    /// The public part.
    pub public_id: String,
}

/// The client, if there is one. Never leaves the process.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FoundClient {
    /// The client.
    #[serde(skip)]
    pub client: Option<ApiKey>,
}

impl Operation for FindClient {
    const NAME: &'static str = "auth.client.find";
    const SUMMARY: &'static str = "Looks a client up by the public part of its secret.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = FoundClient;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for FindClient {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<FoundClient>, AuthError> {
        let client = tx.presented_keys().find(&self.public_id).await?;
        let client = client.filter(|client| client.kind == KeyKind::Client);
        Ok(Outcome::unaudited(
            FoundClient { client },
            "what the client then does is audited",
        ))
    }
}

/// The client that an id and a secret prove, read from storage, so that an end counts at once on every node.
///
/// # Errors
/// [`OauthError::InvalidClient`], whatever the reason; what storage refuses.
pub(super) async fn client<H: AuthHost>(
    host: &H,
    caller: &Caller,
    id: Option<&str>,
    secret: Option<&SecretText>,
) -> Result<ApiKey, OauthError> {
    let (Some(id), Some(secret)) = (id, secret) else {
        return Err(OauthError::InvalidClient);
    };
    let kit = host.runner().kit();
    let prefix = kit.policies.get::<ApiKeyPolicy>().prefix.of_client_secrets();
    let presented = text::parse(&prefix, secret.expose()).ok_or(OauthError::InvalidClient)?;
    let find = FindClient {
        public_id: presented.public_id.to_owned(),
    };
    let found = host.runner().on_behalf(caller, &find).await?.client;
    let source = caller.request().source;
    found
        .filter(|client| client.accepts(&presented.hash, source, kit.clock.now()))
        .filter(|client| client_id(client).to_string() == id)
        .ok_or(OauthError::InvalidClient)
}
