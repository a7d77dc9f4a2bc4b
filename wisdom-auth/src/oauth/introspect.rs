//! Introspection: what a token is worth now (RFC 7662).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::certificate::CertificateThumbprint;
use wisdom_core::context::Caller;
use wisdom_core::id::{SessionId, TenantId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};

use super::client_token::{FindClientToken, client_id};
use super::{OauthError, authenticate};
use crate::api_key::{ApiKey, ApiKeyPolicy, text};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::store::IdentityTx;

/// Says what an access token is worth to a service client's tenant now. Storage is asked each time, so that an end on
/// any node counts at once.
///
/// Parameters it does not know are ignored, as RFC 6749, section 3.2, asks.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct IntrospectToken {
    /// The token. Refresh tokens and API keys are not active here: no resource server ever gets the former.
    pub token: SecretText,
    /// What kind it may be. Not needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type_hint: Option<String>,
    /// The client that asks. May come by HTTP Basic instead, as may the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Its secret. Without it the certificate of the connection must be one of the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretText>,
}

/// What a token is worth (RFC 7662, section 2.2). Of one that is worth nothing nothing else is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Introspection {
    /// Whether it is good now, in the tenant of the client that asks.
    pub active: bool,
    /// `Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<String>,
    /// The permissions it is cut down to; absent when it has all that its holder has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The client it was issued to; absent for a user's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The user or client it speaks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tid: Option<TenantId>,
    /// When it was issued, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// When it ends, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// Who issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// What whoever sends it must prove to hold besides; absent for a token that is good in anybody's hands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// What a token is bound to (RFC 8705, section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Confirmation {
    /// The certificate of the connection it must come over.
    #[serde(rename = "x5t#S256")]
    pub certificate: CertificateThumbprint,
}

impl Operation for IntrospectToken {
    const NAME: &'static str = "auth.oauth.introspect";
    const SUMMARY: &'static str = "Says what a token is worth now (RFC 7662).";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Read;
    type Output = Introspection;
    type Error = OauthError;
}

impl<H: AuthHost> Flow<H> for IntrospectToken {
    async fn run(&self, host: &H, caller: &Caller) -> Result<Introspection, OauthError> {
        let id = self.client_id.as_deref();
        let asks = authenticate::client(host, caller, id, self.client_secret.as_ref()).await?;
        let asks = asks.client;
        let kit = host.runner().kit();
        let prefix = kit.policies.get::<ApiKeyPolicy>().prefix.of_client_tokens();
        let token = self.token.expose();
        let mut answer = if prefix.begins(token.as_bytes()) {
            match text::parse(&prefix, token) {
                Some(presented) => of_client(host, caller, &asks, &presented).await?,
                None => None,
            }
        } else {
            of_session(host, caller, &asks, token).await?
        };
        if let Some(active) = &mut answer {
            active.active = true;
            active.token_type = Some("Bearer".to_owned());
            active.tid = Some(asks.tenant);
            active.iss = Some(host.auth().tokens.policy().issuer().to_owned());
        }
        Ok(answer.unwrap_or_default())
    }
}

async fn of_client<H: AuthHost>(
    host: &H,
    caller: &Caller,
    asks: &ApiKey,
    presented: &text::Presented<'_>,
) -> Result<Option<Introspection>, OauthError> {
    let find = FindClientToken {
        public_id: presented.public_id.to_owned(),
    };
    let held = host.runner().on_behalf(caller, &find).await?.held;
    let now = host.runner().kit().clock.now();
    let held = held.filter(|held| held.client.tenant == asks.tenant && held.accepts(&presented.hash, now));
    Ok(held.map(|held| {
        let client = client_id(&held.client).to_string();
        Introspection {
            scope: held.token.scopes.map(|names| names.join(" ")),
            client_id: Some(client.clone()),
            sub: Some(client),
            iat: Some(held.token.issued_at.unix_seconds()),
            exp: Some(held.token.expires_at.unix_seconds()),
            cnf: held
                .token
                .certificate
                .map(|certificate| Confirmation { certificate }),
            ..Introspection::default()
        }
    }))
}

async fn of_session<H: AuthHost>(
    host: &H,
    caller: &Caller,
    asks: &ApiKey,
    token: &str,
) -> Result<Option<Introspection>, OauthError> {
    let now = host.runner().kit().clock.now();
    let Ok(verified) = host.auth().tokens.verify(token, now) else {
        return Ok(None);
    };
    let Some(own) = verified.principal().session() else {
        return Ok(None);
    };
    if verified
        .principal()
        .tenant
        .is_some_and(|bound| bound != asks.tenant)
    {
        return Ok(None);
    }
    let stands = IsMemberInSession {
        session: own.session,
        user: own.user,
        tenant: asks.tenant,
    };
    if !host.runner().on_behalf(caller, &stands).await? {
        return Ok(None);
    }
    Ok(Some(Introspection {
        sub: Some(own.user.to_string()),
        iat: Some(verified.issued_at().unix_seconds()),
        exp: Some(verified.expires_at().unix_seconds()),
        ..Introspection::default()
    }))
}

/// Whether a session is live, and its user a member of a tenant. Internal.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IsMemberInSession {
    /// The session.
    pub session: SessionId,
    /// Whose it must be.
    pub user: UserId,
    /// The tenant.
    pub tenant: TenantId,
}

impl Operation for IsMemberInSession {
    const NAME: &'static str = "auth.session.is_of_member";
    const SUMMARY: &'static str = "Whether a session is live and its user a member.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = bool;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for IsMemberInSession {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<bool>, AuthError> {
        let now = tx.frame().now();
        let session = tx.sessions().find(self.session).await?;
        let live = session.is_some_and(|session| session.user == self.user && session.end(now).is_none());
        let role = tx.presented_keys().role_in(self.tenant, self.user).await?;
        Ok(Outcome::unaudited(live && role.is_some(), "reads only"))
    }
}
