//! The access token of a service client: opaque, short-lived, stored as a hash, so that its end counts at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use wisdom_core::access::Access;
use wisdom_core::certificate::CertificateThumbprint;
use wisdom_core::context::{Credential, Principal};
use wisdom_core::id::ClientId;
use wisdom_core::outcome::Outcome;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use crate::api_key::create::granted;
use crate::api_key::{ApiKey, KeyKind};
use crate::error::AuthError;
use crate::store::IdentityTx;

/// A token as it is stored. Its text is not.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientToken {
    /// The part of its text that names it: 12 characters of base62.
    pub public_id: String,
    /// SHA-256 of the rest: enough for 190 random bits.
    pub hash: [u8; 32],
    /// The public part of the client's secrets.
    pub client: String,
    /// The permissions it is cut down to; `None` leaves all that the client holds.
    pub scopes: Option<Vec<String>>,
    /// The certificate it is bound to, if it was issued to one (RFC 8705, section 3).
    pub certificate: Option<CertificateThumbprint>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// The id of the client that a row of keys is.
pub(crate) const fn client_id(client: &ApiKey) -> ClientId {
    ClientId::from_uuid(client.id.as_uuid())
}

/// Whom a client speaks for: itself, in its tenant, with what it holds at most.
#[must_use]
pub fn principal_of(client: &ApiKey, scopes: Option<&[String]>, authenticated_at: Timestamp) -> Principal {
    let held = client.ceiling();
    Principal {
        credential: Credential::Client(client_id(client)),
        tenant: Some(client.tenant),
        ceiling: Some(granted(client.role, scopes).within(&held)),
        authenticated_at,
    }
}

/// A token and the client it was issued to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldToken {
    /// The token.
    pub token: ClientToken,
    /// The client.
    pub client: ApiKey,
}

impl HeldToken {
    /// Whether a text with this hash is the token's, and the token is good now: neither it, nor its client, nor the
    /// certificate it is bound to has ended.
    #[must_use]
    pub fn accepts(&self, hash: &[u8; 32], now: Timestamp) -> bool {
        let same: bool = self.token.hash.ct_eq(hash).into();
        let stands = self
            .token
            .certificate
            .is_none_or(|bound| self.client.knows(&bound, now));
        same && now < self.token.expires_at && self.client.is_live(now) && stands
    }

    /// Whether it may come over a connection whose other end has proven to hold this certificate, or none.
    #[must_use]
    pub fn may_come_over(&self, certificate: Option<CertificateThumbprint>) -> bool {
        self.token
            .certificate
            .is_none_or(|bound| certificate == Some(bound))
    }

    /// Whom it speaks for.
    #[must_use]
    pub fn principal(&self) -> Principal {
        principal_of(&self.client, self.token.scopes.as_deref(), self.token.issued_at)
    }
}

/// Looks a token up by the public part of its text. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindClientToken {
    /// The public part.
    pub public_id: String,
}

/// The token, if there is one. Never leaves the process.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FoundClientToken {
    /// The token and its client.
    #[serde(skip)]
    pub held: Option<HeldToken>,
}

impl Operation for FindClientToken {
    const NAME: &'static str = "auth.client.find_token";
    const SUMMARY: &'static str = "Looks a client's token up by the public part of its text.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = FoundClientToken;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for FindClientToken {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<FoundClientToken>, AuthError> {
        let mut held = None;
        if let Some(token) = tx.client_tokens().find(&self.public_id).await? {
            let client = tx.presented_keys().find(&token.client).await?;
            held = client
                .filter(|client| client.kind == KeyKind::Client)
                .map(|client| HeldToken { token, client });
        }
        Ok(Outcome::unaudited(
            FoundClientToken { held },
            "read for requests with a token",
        ))
    }
}
