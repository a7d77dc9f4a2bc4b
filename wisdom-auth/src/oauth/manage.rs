//! Service clients of a tenant: made, seen, rotated and ended as its API keys are, by the same rules.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::{Access, Callers, Role};
use wisdom_core::id::{ApiKeyId, ClientId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::page::{Page, PageQuery};
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::DisplayName;

use super::certificate::ClientCertificate;
use super::client_token::client_id;
use crate::api_key::create::{Made, Wanted, make_of_tenant};
use crate::api_key::permission::KEY_MANAGE;
use crate::api_key::revoke::revoke;
use crate::api_key::rotate::{one_day, rotate};
use crate::api_key::{AddressRange, ApiKey, ApiKeyError, KeyKind};
use crate::store::ApiKeyTx;

/// A service client as people see it, never with its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientView {
    /// The client: its `client_id`.
    pub client: ClientId,
    /// Name for people.
    pub name: DisplayName,
    /// Who made it.
    pub creator: UserId,
    /// Its role.
    pub role: Role,
    /// The permissions it is cut down to; absent when it has all that the role holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Where it and its tokens may be used from; empty is anywhere.
    pub addresses: Vec<AddressRange>,
    /// Certificates by which it can prove who it is, oldest first.
    pub certificates: Vec<ClientCertificate>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it last got a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Until when the secret before the last rotation is good, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous_until: Option<Timestamp>,
    /// Whether who made it has left the tenant, so that somebody should look at it.
    pub needs_review: bool,
    /// When it was revoked, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl ClientView {
    pub(super) fn of(client: &ApiKey) -> Self {
        Self {
            client: client_id(client),
            name: client.name.clone(),
            creator: client.creator,
            role: client.role,
            scopes: client.scopes.clone(),
            addresses: client.addresses.clone(),
            certificates: client.certificates.clone(),
            created_at: client.created_at,
            expires_at: client.expires_at,
            last_used_at: client.last_used_at,
            previous_until: client.previous.map(|previous| previous.at),
            needs_review: client.needs_review,
            revoked_at: client.revoked_at,
        }
    }
}

/// A client with its secret, which is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ClientWithSecret {
    /// The client.
    #[serde(flatten)]
    pub view: ClientView,
    /// The secret for the token endpoint. Keep it: it cannot be read again.
    pub client_secret: SecretText,
}

fn with_secret(made: Made) -> ClientWithSecret {
    ClientWithSecret {
        view: ClientView::of(&made.key),
        client_secret: made.text,
    }
}

/// Makes a service client of the tenant. It never has more rights than the caller, and counts as an API key where these
/// are limited.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateClient {
    /// Name for people.
    pub name: DisplayName,
    /// Its role, at most the caller's.
    pub role: Role,
    /// The permissions it is cut down to; all that the role holds when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Where it and its tokens may be used from, at most 50 ranges; anywhere when empty.
    #[serde(default)]
    pub addresses: Vec<AddressRange>,
    /// When it ends, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// Lists the tenant's service clients, oldest first, revoked ones too.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListClients {
    /// Which page.
    #[serde(default)]
    pub page: PageQuery,
}

/// Gives a client a new secret. The one it had stays good for a while, the one before that ends at once. Tokens it holds
/// live on to their ends.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateClientSecret {
    /// Which.
    pub client: ClientId,
    /// For how long the present secret stays good, in seconds: 0 to 2,592,000 (30 days). Default 86,400.
    #[serde(default = "one_day")]
    pub overlap_seconds: u32,
}

/// Ends a client and its tokens for ever. What it did stays in the audit log, and the client in the list. Revoking twice
/// is no error.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeClient {
    /// Which.
    pub client: ClientId,
}

impl Operation for CreateClient {
    const NAME: &'static str = "auth.client.create";
    const SUMMARY: &'static str = "Makes a service client and shows its secret once.";
    const ACCESS: Access = Access::Tenant(KEY_MANAGE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::InPerson;
    type Output = ClientWithSecret;
    type Error = ApiKeyError;
}

impl Operation for ListClients {
    const NAME: &'static str = "auth.client.list";
    const SUMMARY: &'static str = "Lists the tenant's service clients.";
    const ACCESS: Access = Access::Tenant(KEY_MANAGE);
    const EFFECT: Effect = Effect::Read;
    type Output = Page<ClientView>;
    type Error = ApiKeyError;
}

impl Operation for RotateClientSecret {
    const NAME: &'static str = "auth.client.rotate_secret";
    const SUMMARY: &'static str = "Gives a service client a new secret and shows it once.";
    const ACCESS: Access = Access::Tenant(KEY_MANAGE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::InPerson;
    type Output = ClientWithSecret;
    type Error = ApiKeyError;
}

impl Operation for RevokeClient {
    const NAME: &'static str = "auth.client.revoke";
    const SUMMARY: &'static str = "Ends a service client and its tokens for ever.";
    const ACCESS: Access = Access::Tenant(KEY_MANAGE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::NotOperators;
    type Output = ();
    type Error = ApiKeyError;
}

pub(super) const fn row(client: ClientId) -> ApiKeyId {
    ApiKeyId::from_uuid(client.as_uuid())
}

impl<Tx: ApiKeyTx + ?Sized> UseCase<Tx> for CreateClient {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<ClientWithSecret>, ApiKeyError> {
        let wanted = Wanted {
            kind: KeyKind::Client,
            name: &self.name,
            owner: None,
            role: self.role,
            scopes: self.scopes.as_deref(),
            addresses: &self.addresses,
            expires_at: self.expires_at,
        };
        Ok(make_of_tenant(tx, wanted).await?.map(with_secret))
    }
}

impl<Tx: ApiKeyTx + ?Sized> UseCase<Tx> for ListClients {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<Page<ClientView>>, ApiKeyError> {
        let frame = Arc::clone(tx.frame());
        let request = self.page.open(&frame, Self::NAME, &[])?;
        let slice = tx.api_keys().list(KeyKind::Client, None, &request).await?;
        let slice = slice.map(|client| ClientView::of(&client));
        Ok(Outcome::unaudited(
            Page::seal(slice, &frame, Self::NAME, &[])?,
            "reads only",
        ))
    }
}

impl<Tx: ApiKeyTx + ?Sized> UseCase<Tx> for RotateClientSecret {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<ClientWithSecret>, ApiKeyError> {
        let made = rotate(tx, KeyKind::Client, row(self.client), self.overlap_seconds).await?;
        Ok(made.map(with_secret))
    }
}

impl<Tx: ApiKeyTx + ?Sized> UseCase<Tx> for RevokeClient {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, ApiKeyError> {
        revoke(tx, KeyKind::Client, row(self.client)).await
    }
}
