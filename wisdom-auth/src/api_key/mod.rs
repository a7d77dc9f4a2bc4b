//! API keys: credentials of programs, bound to one tenant. A personal key has what its scopes leave of its owner's
//! rights at the moment; a key of the tenant has a role and scopes of its own, never above those of who made it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq as _};
use wisdom_core::access::{Grants, Permission, Role};
use wisdom_core::audit::AuditEntry;
use wisdom_core::certificate::CertificateThumbprint;
use wisdom_core::context::{Credential, Principal};
use wisdom_core::id::{ApiKeyId, ClientId, TenantId, UserId};
use wisdom_core::policy::Policy;
use wisdom_core::time::Timestamp;
use wisdom_core::value::DisplayName;

use crate::oauth::certificate::ClientCertificate;

pub mod address;
pub mod create;
pub mod error;
pub mod permission;
pub mod read;
pub mod revoke;
pub mod rotate;
pub mod text;
pub mod verify;

pub(crate) mod event;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

pub use address::AddressRange;
pub use error::ApiKeyError;
pub use event::needs_review;
pub use text::KeyPrefix;

/// Figures of API keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyPolicy {
    /// What every key's text begins with. Default `wk_live`.
    pub prefix: KeyPrefix,
    /// Keys of a tenant that are not revoked, at most; personal ones count. Default 200.
    pub max_per_tenant: u32,
    /// The permissions that can be scopes: those of the catalogue's operations.
    pub scopes: Vec<Permission>,
}

impl Default for ApiKeyPolicy {
    fn default() -> Self {
        Self {
            prefix: KeyPrefix::default(),
            max_per_tenant: 200,
            scopes: Vec::new(),
        }
    }
}

impl Policy for ApiKeyPolicy {}

/// What a key's secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// An API key: the secret itself is the bearer token.
    Key,
    /// A service client: the secret gets short access tokens (RFC 6749, section 4.4) and opens nothing itself.
    Client,
}

impl KeyKind {
    /// The name in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Client => "client",
        }
    }

    /// The kind of this name in storage.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Key, Self::Client]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }

    /// What audit calls it.
    const fn target(self) -> &'static str {
        match self {
            Self::Key => "api_key",
            Self::Client => "service_client",
        }
    }

    /// What the texts of such secrets begin with.
    fn prefix(self, policy: &ApiKeyPolicy) -> KeyPrefix {
        match self {
            Self::Key => policy.prefix.clone(),
            Self::Client => policy.prefix.of_client_secrets(),
        }
    }
}

/// One secret of a key, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredSecret {
    /// SHA-256: enough for a secret of 190 random bits.
    pub hash: [u8; 32],
    /// When it was made, or, for the one before, when it ends.
    pub at: Timestamp,
}

/// An API key or service client as it is stored. Its text is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Id.
    pub id: ApiKeyId,
    /// The tenant it is bound to.
    pub tenant: TenantId,
    /// What it is for.
    pub kind: KeyKind,
    /// The part of its text that names it: 12 characters of base62.
    pub public_id: String,
    /// Name for people.
    pub name: DisplayName,
    /// The owner of a personal key.
    pub owner: Option<UserId>,
    /// Who made it.
    pub creator: UserId,
    /// The role of a tenant's key. Personal keys have their owner's, so here it is the highest.
    pub role: Role,
    /// The permissions it is cut down to; `None` leaves all.
    pub scopes: Option<Vec<String>>,
    /// Where it may be used from; empty is anywhere.
    pub addresses: Vec<AddressRange>,
    /// The current secret, and since when.
    pub secret: StoredSecret,
    /// The one before, and until when it is good.
    pub previous: Option<StoredSecret>,
    /// Certificates by which a client can prove who it is instead, oldest first.
    pub certificates: Vec<ClientCertificate>,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
    /// Whether who made it has left the tenant.
    pub needs_review: bool,
    /// When it was revoked. Revoked keys stay, for the audit log's sake.
    pub revoked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts changes, from 1. Uses are none.
    pub version: i64,
}

impl ApiKey {
    /// What it grants at most: for a tenant's key, what it grants.
    #[must_use]
    pub fn ceiling(&self) -> Grants {
        create::granted(self.role, self.scopes.as_deref())
    }

    /// An entry of the audit log about it.
    pub(crate) fn entry(&self) -> AuditEntry {
        match self.kind {
            KeyKind::Key => AuditEntry::on(self.kind.target(), self.id),
            KeyKind::Client => AuditEntry::on(self.kind.target(), ClientId::from_uuid(self.id.as_uuid())),
        }
    }

    /// Whom it speaks for when it is presented as a bearer token.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal {
            credential: Credential::ApiKey {
                key: self.id,
                owner: self.owner,
            },
            tenant: Some(self.tenant),
            ceiling: Some(self.ceiling()),
            authenticated_at: self.created_at,
        }
    }

    /// Whether it is neither revoked nor at its end.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether a secret with this hash, used from this address, is good now. Takes the same time for each wrong secret.
    #[must_use]
    pub fn accepts(&self, hash: &[u8; 32], source: Option<std::net::IpAddr>, now: Timestamp) -> bool {
        let current = self.secret.hash.ct_eq(hash);
        let before = self.previous.map_or(Choice::from(0), |previous| {
            previous.hash.ct_eq(hash) & Choice::from(u8::from(now < previous.at))
        });
        bool::from(current | before) && self.is_open_to(source) && self.is_live(now)
    }

    /// Whether a certificate is the client's, and good now.
    #[must_use]
    pub fn knows(&self, thumbprint: &CertificateThumbprint, now: Timestamp) -> bool {
        let known = self
            .certificates
            .iter()
            .find(|known| known.thumbprint == *thumbprint);
        known.is_some_and(|known| known.is_good(now))
    }

    /// Whether it may be used from this address.
    #[must_use]
    pub fn is_open_to(&self, source: Option<std::net::IpAddr>) -> bool {
        self.addresses.is_empty()
            || source.is_some_and(|source| self.addresses.iter().any(|range| range.contains(source)))
    }
}

/// A key as people and programs see it, never with its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyView {
    /// The key.
    pub key: ApiKeyId,
    /// What its text begins with: prefix and public part, by which it is found in a log or a file.
    pub begins: String,
    /// Name for people.
    pub name: DisplayName,
    /// The owner of a personal key; a tenant's key has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// Who made it.
    pub creator: UserId,
    /// The role of a tenant's key; a personal key has its owner's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The permissions it is cut down to; absent when it has all that the role holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Where it may be used from; empty is anywhere.
    pub addresses: Vec<AddressRange>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
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

impl ApiKeyView {
    /// How a key is shown, with the prefix that texts have.
    #[must_use]
    pub fn of(key: &ApiKey, prefix: &KeyPrefix) -> Self {
        Self {
            key: key.id,
            begins: prefix.begin(&key.public_id),
            name: key.name.clone(),
            owner: key.owner,
            creator: key.creator,
            role: key.owner.is_none().then_some(key.role),
            scopes: key.scopes.clone(),
            addresses: key.addresses.clone(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            previous_until: key.previous.map(|previous| previous.at),
            needs_review: key.needs_review,
            revoked_at: key.revoked_at,
        }
    }
}
