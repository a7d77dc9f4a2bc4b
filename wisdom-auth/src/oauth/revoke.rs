//! Revocation: a token is worth nothing from now on (RFC 7009).

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::{SessionId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation, UseCase};

use super::client_token::{FindClientToken, client_id};
use super::{OauthError, authenticate};
use crate::api_key::{ApiKey, ApiKeyPolicy, text};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::session::RevokeReason;
use crate::session::refresh_token::{PREFIX, RefreshToken};
use crate::session::revoke::RevokeSession;
use crate::session::rotate::open_key;
use crate::store::IdentityTx;

/// Ends a token: a user's refresh or access token with its session, a client's access token by itself.
///
/// To hold a token is enough to end it, so that whoever finds one can. A client that says who it is must prove it, and
/// then ends its own tokens only. A token that is unknown or has ended is no error (RFC 7009, section 2.2). Parameters it
/// does not know are ignored, as RFC 6749, section 3.2, asks.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RevokeToken {
    /// The token.
    pub token: SecretText,
    /// What kind it may be. Not needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type_hint: Option<String>,
    /// The client that asks, if it is one. May come by HTTP Basic instead, as may the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Its secret. Without it the certificate of the connection must be one of the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<SecretText>,
}

impl Operation for RevokeToken {
    const NAME: &'static str = "auth.oauth.revoke_token";
    const SUMMARY: &'static str = "Ends a token (RFC 7009).";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = OauthError;
}

impl<H: AuthHost> Flow<H> for RevokeToken {
    async fn run(&self, host: &H, caller: &Caller) -> Result<(), OauthError> {
        let (id, secret) = (self.client_id.as_deref(), self.client_secret.as_ref());
        let asks = if id.is_some() || secret.is_some() {
            Some(authenticate::client(host, caller, id, secret).await?.client)
        } else {
            None
        };
        let kit = host.runner().kit();
        let prefix = kit.policies.get::<ApiKeyPolicy>().prefix.of_client_tokens();
        let token = self.token.expose();
        if prefix.begins(token.as_bytes()) {
            return match text::parse(&prefix, token) {
                Some(presented) => end_client_token(host, caller, asks.as_ref(), &presented).await,
                None => Ok(()),
            };
        }
        if asks.is_some() {
            return Ok(());
        }
        let named = if token.starts_with(PREFIX) {
            let find = FindByRefreshToken {
                refresh_token: self.token.clone(),
            };
            host.runner().on_behalf(caller, &find).await?
        } else {
            let verified = host.auth().tokens.verify(token, kit.clock.now()).ok();
            let own = verified.and_then(|verified| verified.principal().session().copied());
            own.map(|own| (own.session, own.user))
        };
        let Some((session, user)) = named else {
            return Ok(());
        };
        let end = RevokeSession {
            session,
            user,
            reason: RevokeReason::Revoked,
        };
        match host.runner().on_behalf(caller, &end).await {
            Ok(_) | Err(AuthError::SessionNotFound) => {}
            Err(error) => return Err(error.into()),
        }
        host.auth().revocations.revoke([session], kit.clock.now());
        Ok(())
    }
}

async fn end_client_token<H: AuthHost>(
    host: &H,
    caller: &Caller,
    asks: Option<&ApiKey>,
    presented: &text::Presented<'_>,
) -> Result<(), OauthError> {
    let find = FindClientToken {
        public_id: presented.public_id.to_owned(),
    };
    let held = host.runner().on_behalf(caller, &find).await?.held;
    let now = host.runner().kit().clock.now();
    let held = held.filter(|held| held.accepts(&presented.hash, now));
    let Some(held) = held.filter(|held| asks.is_none_or(|asks| asks.id == held.client.id)) else {
        return Ok(());
    };
    let acting = Caller::Authenticated(held.principal(), *caller.request());
    let drop = DropClientToken {
        public_id: held.token.public_id.clone(),
    };
    host.runner().on_behalf(&acting, &drop).await?;
    Ok(())
}

/// The session and user of a refresh token that was made with the session's key, spent or not. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindByRefreshToken {
    /// The token as it was presented.
    pub refresh_token: SecretText,
}

impl Operation for FindByRefreshToken {
    const NAME: &'static str = "auth.session.find_by_refresh_token";
    const SUMMARY: &'static str = "The session of a refresh token.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = Option<(SessionId, UserId)>;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for FindByRefreshToken {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Self::Output>, AuthError> {
        let frame = Arc::clone(tx.frame());
        let mut named = None;
        if let Some(token) = RefreshToken::parse(self.refresh_token.expose())
            && let Some(session) = tx.sessions().find(token.session()).await?
        {
            named = match open_key(&session, &frame) {
                Ok(key) if token.is_made_with(&key) => Some((session.id, session.user)),
                Ok(_) | Err(AuthError::TokenInvalid) => None,
                Err(error) => return Err(error),
            };
        }
        Ok(Outcome::unaudited(named, "reads only"))
    }
}

/// Removes a client's token. Internal: run by the flow after the token was proven.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DropClientToken {
    /// The public part of the token.
    pub public_id: String,
}

impl Operation for DropClientToken {
    const NAME: &'static str = "auth.client.drop_token";
    const SUMMARY: &'static str = "Removes the access token of a client.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for DropClientToken {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, AuthError> {
        let Some(token) = tx.client_tokens().find(&self.public_id).await? else {
            return Ok(Outcome::unaudited((), "it was gone before"));
        };
        tx.client_tokens().delete(&self.public_id).await?;
        let client = tx.presented_keys().find(&token.client).await?;
        Ok(match client {
            Some(client) => {
                let entry = AuditEntry::on("service_client", client_id(&client)).in_tenant(client.tenant);
                Outcome::audited((), entry)
            }
            None => Outcome::unaudited((), "no client is left to tell of"),
        })
    }
}
