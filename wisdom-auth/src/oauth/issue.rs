//! The client-credentials grant (RFC 6749, section 4.4).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, Grants};
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::{ApiKeyId, ClientId, TenantId};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};

use super::OauthError;
use super::authenticate::{self, Proven};
use super::client_token::{ClientToken, client_id, principal_of};
use crate::api_key::{ApiKey, ApiKeyPolicy, text};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::store::IdentityTx;
use crate::throttle::{self, Throttle};

/// Scopes that one request may name.
const MAX_SCOPES: usize = 100;

/// Issues an access token to a client that proves who it is. There is no refresh token (RFC 6749, section 4.4.3). To a
/// certificate it issues a token that is good on connections with that certificate only (RFC 8705, section 3).
///
/// Parameters it does not know are ignored, as RFC 6749, section 3.2, asks.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct IssueToken {
    /// `client_credentials`.
    pub grant_type: String,
    /// The client. May come by HTTP Basic instead, as may the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Its secret. Without it the certificate of the connection must be one of the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretText>,
    /// Permissions, apart by spaces, that the token is cut down to; all that the client holds when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// An access token (RFC 6749, section 5.1).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct IssuedToken {
    /// The token. Send it as bearer token.
    pub access_token: SecretText,
    /// `Bearer`.
    pub token_type: String,
    /// Its life in seconds.
    pub expires_in: u64,
    /// The permissions it is cut down to; absent when it has all that the client's role holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

impl Operation for IssueToken {
    const NAME: &'static str = "auth.oauth.issue_token";
    const SUMMARY: &'static str = "Issues an access token to a service client (RFC 6749, section 4.4).";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = IssuedToken;
    type Error = OauthError;
}

impl<H: AuthHost> Flow<H> for IssueToken {
    async fn run(&self, host: &H, caller: &Caller) -> Result<IssuedToken, OauthError> {
        if self.grant_type != "client_credentials" {
            return Err(OauthError::UnsupportedGrantType);
        }
        let id = self.client_id.as_deref();
        let proven = authenticate::client(host, caller, id, self.client_secret.as_ref()).await?;
        let Proven { client, certificate } = proven;
        throttle::client(host, client_id(&client), Throttle::ClientToken).await?;
        let kit = host.runner().kit();
        let policy = kit.policies.get::<ApiKeyPolicy>();
        let scopes = scopes(self.scope.as_deref(), &client, &policy)?;
        let lifetime = host.auth().tokens.policy().lifetime();
        let now = kit.clock.now();
        let new = text::mint(&policy.prefix.of_client_tokens(), None, &*kit.random)?;
        let principal = principal_of(&client, scopes.as_deref(), now);
        let keep = KeepClientToken {
            token: ClientToken {
                public_id: new.public_id,
                hash: new.hash,
                client: client.public_id.clone(),
                scopes: scopes.clone(),
                certificate,
                issued_at: now,
                expires_at: now.saturating_add(lifetime),
            },
            client: client.id,
            tenant: client.tenant,
        };
        let acting = Caller::Authenticated(principal, *caller.request());
        host.runner().on_behalf(&acting, &keep).await?;
        Ok(IssuedToken {
            access_token: new.text,
            token_type: "Bearer".to_owned(),
            expires_in: lifetime.as_secs(),
            scope: scopes.map(|names| names.join(" ")),
        })
    }
}

/// The scopes of the token: those wished for, each of which the client holds, or the client's own.
fn scopes(
    wished: Option<&str>,
    client: &ApiKey,
    policy: &ApiKeyPolicy,
) -> Result<Option<Vec<String>>, OauthError> {
    let Some(wished) = wished else {
        return Ok(client.scopes.clone());
    };
    let held: Grants = client.ceiling();
    let mut names: Vec<String> = Vec::new();
    for name in wished.split(' ') {
        let known = policy.scopes.iter().find(|known| known.name() == name);
        let holds = known.is_some_and(|permission| held.allows(*permission));
        if !holds || names.len() >= MAX_SCOPES {
            return Err(OauthError::InvalidScope);
        }
        if !names.iter().any(|there| there == name) {
            names.push(name.to_owned());
        }
    }
    Ok(Some(names))
}

/// Keeps a token that is about to be handed out. Internal: run by the flow after the client has proven who it is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepClientToken {
    /// The token.
    pub token: ClientToken,
    /// Its client.
    pub client: ApiKeyId,
    /// The client's tenant.
    pub tenant: TenantId,
}

impl Operation for KeepClientToken {
    const NAME: &'static str = "auth.client.keep_token";
    const SUMMARY: &'static str = "Keeps the access token of a client.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for KeepClientToken {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, AuthError> {
        let token = &self.token;
        tx.client_tokens().insert(token).await?;
        tx.presented_keys()
            .note_use(self.tenant, self.client, token.issued_at)
            .await?;
        let details = json!({
            "scopes": token.scopes, "expires_at": token.expires_at, "certificate": token.certificate,
        });
        let client = ClientId::from_uuid(self.client.as_uuid());
        let entry = AuditEntry::on("service_client", client)
            .in_tenant(self.tenant)
            .with(details);
        Ok(Outcome::audited((), entry))
    }
}
