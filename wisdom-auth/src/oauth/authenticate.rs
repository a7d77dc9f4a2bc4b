//! Who a client is: by its secret, as `client_secret_basic` or `client_secret_post` (RFC 6749, section 2.3.1), or by the
//! certificate of its connection, as `self_signed_tls_client_auth` (RFC 8705, section 2.2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::certificate::CertificateThumbprint;
use wisdom_core::context::Caller;
use wisdom_core::id::{ApiKeyId, ClientId};
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

/// Looks a client up by its id. Internal.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindClientById {
    /// The client.
    pub client: ClientId,
}

impl Operation for FindClientById {
    const NAME: &'static str = "auth.client.find_by_id";
    const SUMMARY: &'static str = "Looks a client up by its id.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = FoundClient;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for FindClientById {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<FoundClient>, AuthError> {
        let id = ApiKeyId::from_uuid(self.client.as_uuid());
        let client = tx.presented_keys().find_by_id(id).await?;
        let client = client.filter(|client| client.kind == KeyKind::Client);
        Ok(Outcome::unaudited(
            FoundClient { client },
            "what the client then does is audited",
        ))
    }
}

/// A client that has proven who it is.
pub(super) struct Proven {
    pub(super) client: ApiKey,
    /// What proved it, unless a secret did. Tokens are bound to it.
    pub(super) certificate: Option<CertificateThumbprint>,
}

/// The client that an id proves with a secret, or without one with the certificate of the connection
/// (`self_signed_tls_client_auth`); read from storage, so that an end counts at once on every node.
///
/// # Errors
/// [`OauthError::InvalidClient`], whatever the reason; what storage refuses.
pub(super) async fn client<H: AuthHost>(
    host: &H,
    caller: &Caller,
    id: Option<&str>,
    secret: Option<&SecretText>,
) -> Result<Proven, OauthError> {
    let id = id.ok_or(OauthError::InvalidClient)?;
    match (secret, caller.request().certificate) {
        (Some(secret), _) => Ok(Proven {
            client: by_secret(host, caller, id, secret).await?,
            certificate: None,
        }),
        (None, Some(certificate)) => Ok(Proven {
            client: by_certificate(host, caller, id, &certificate).await?,
            certificate: Some(certificate),
        }),
        (None, None) => Err(OauthError::InvalidClient),
    }
}

async fn by_secret<H: AuthHost>(
    host: &H,
    caller: &Caller,
    id: &str,
    secret: &SecretText,
) -> Result<ApiKey, OauthError> {
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

async fn by_certificate<H: AuthHost>(
    host: &H,
    caller: &Caller,
    id: &str,
    certificate: &CertificateThumbprint,
) -> Result<ApiKey, OauthError> {
    let client = id.parse().map_err(|_| OauthError::InvalidClient)?;
    let found = host
        .runner()
        .on_behalf(caller, &FindClientById { client })
        .await?
        .client;
    let now = host.runner().kit().clock.now();
    found
        .filter(|client| client.is_live(now) && client.is_open_to(caller.request().source))
        .filter(|client| client.knows(certificate, now))
        .ok_or(OauthError::InvalidClient)
}
