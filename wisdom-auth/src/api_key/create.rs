//! Making keys.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, AccessError, Callers, Grants, Role};
use wisdom_core::id::{IdSourceExt as _, UserId, kind};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::DisplayName;

use super::permission::{KEY_MANAGE, KEY_OWN};
use super::{
    AddressRange, ApiKey, ApiKeyError, ApiKeyPolicy, ApiKeyView, KeyKind, KeyPrefix, StoredSecret, event,
    text,
};
use crate::store::ApiKeyTx;

const MAX_SCOPES: usize = 100;
const MAX_ADDRESSES: usize = 50;

/// Makes a key that has what its scopes leave of the caller's rights, whatever these are when it is used.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePersonalKey {
    /// Name for people.
    pub name: DisplayName,
    /// The permissions it is cut down to; all that the caller holds when absent. Each must be held now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Where it may be used from, at most 50 ranges; anywhere when empty.
    #[serde(default)]
    pub addresses: Vec<AddressRange>,
    /// When it ends, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// Makes a key of the tenant, which stays when whoever made it leaves. It never has more rights than the caller.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTenantKey {
    /// Name for people.
    pub name: DisplayName,
    /// Its role, at most the caller's.
    pub role: Role,
    /// The permissions it is cut down to; all that the role holds when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Where it may be used from, at most 50 ranges; anywhere when empty.
    #[serde(default)]
    pub addresses: Vec<AddressRange>,
    /// When it ends, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// A key with its text, which is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct KeyWithText {
    /// The key.
    #[serde(flatten)]
    pub view: ApiKeyView,
    /// The text to send as bearer token. Keep it: it cannot be read again.
    pub text: SecretText,
}

impl Operation for CreatePersonalKey {
    const NAME: &'static str = "auth.api_key.create_personal";
    const SUMMARY: &'static str = "Makes a personal API key and shows its text once.";
    const ACCESS: Access = Access::Tenant(KEY_OWN);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::InPerson;
    type Output = KeyWithText;
    type Error = ApiKeyError;
}

impl Operation for CreateTenantKey {
    const NAME: &'static str = "auth.api_key.create";
    const SUMMARY: &'static str = "Makes an API key of the tenant and shows its text once.";
    const ACCESS: Access = Access::Tenant(KEY_MANAGE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::InPerson;
    type Output = KeyWithText;
    type Error = ApiKeyError;
}

impl<Tx: ApiKeyTx + ?Sized> UseCase<Tx> for CreatePersonalKey {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<KeyWithText>, ApiKeyError> {
        let (user, own) = rights(tx).await?;
        let wanted = Wanted {
            kind: KeyKind::Key,
            name: &self.name,
            owner: Some(user),
            role: Role::Owner,
            scopes: self.scopes.as_deref(),
            addresses: &self.addresses,
            expires_at: self.expires_at,
        };
        check_scopes(tx, wanted.scopes, &own)?;
        if !own.covers(&of_owner(&own, self.scopes.as_deref())) {
            return Err(above("scopes"));
        }
        Ok(make(tx, user, wanted).await?.map(with_text))
    }
}

impl<Tx: ApiKeyTx + ?Sized> UseCase<Tx> for CreateTenantKey {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<KeyWithText>, ApiKeyError> {
        let wanted = Wanted {
            kind: KeyKind::Key,
            name: &self.name,
            owner: None,
            role: self.role,
            scopes: self.scopes.as_deref(),
            addresses: &self.addresses,
            expires_at: self.expires_at,
        };
        Ok(make_of_tenant(tx, wanted).await?.map(with_text))
    }
}

pub(super) fn with_text(made: Made) -> KeyWithText {
    KeyWithText {
        view: ApiKeyView::of(&made.key, &made.prefix),
        text: made.text,
    }
}

/// Makes what is the tenant's own, within the caller's rights.
pub(crate) async fn make_of_tenant<Tx: ApiKeyTx + ?Sized>(
    tx: &mut Tx,
    wanted: Wanted<'_>,
) -> Result<Outcome<Made>, ApiKeyError> {
    let (user, own) = rights(tx).await?;
    if !own.allows(KEY_MANAGE) {
        return Err(AccessError::Forbidden {
            permission: KEY_MANAGE.name(),
        }
        .into());
    }
    if !own.covers(&granted(wanted.role, wanted.scopes)) {
        return Err(above("role"));
    }
    check_scopes(tx, wanted.scopes, &Grants::of_role(wanted.role))?;
    make(tx, user, wanted).await
}

/// The user in session, and their rights by context and by storage, whichever are lower: the context may be older.
pub(crate) async fn rights<Tx: ApiKeyTx + ?Sized>(tx: &mut Tx) -> Result<(UserId, Grants), ApiKeyError> {
    let frame = Arc::clone(tx.frame());
    let user = frame.session().ok_or(AccessError::InPerson)?.user;
    let role = tx.api_keys().role_of(user).await?.ok_or(AccessError::NotTenant)?;
    let context = frame.grants().ok_or(AccessError::NotTenant)?.clone();
    Ok((user, context.within(&Grants::of_role(role))))
}

/// What a role and scopes grant.
pub(crate) fn granted(role: Role, scopes: Option<&[String]>) -> Grants {
    let grants = Grants::of_role(role);
    match scopes {
        None => grants,
        Some(scopes) => grants.restricted_to(scopes.iter().cloned()),
    }
}

/// What a personal key grants as long as its owner has these rights.
pub(super) fn of_owner(own: &Grants, scopes: Option<&[String]>) -> Grants {
    granted(own.role(), scopes)
}

/// A refusal to give away what the caller does not hold.
pub(crate) const fn above(field: &'static str) -> ApiKeyError {
    ApiKeyError::Invalid {
        field,
        rule: "above_rights",
        message: "must not be above your own rights",
    }
}

/// Each scope is a permission there is, and one that is held.
fn check_scopes<Tx: ApiKeyTx + ?Sized>(
    tx: &Tx,
    scopes: Option<&[String]>,
    held: &Grants,
) -> Result<(), ApiKeyError> {
    let invalid = |rule, message| ApiKeyError::Invalid {
        field: "scopes",
        rule,
        message,
    };
    let Some(scopes) = scopes else { return Ok(()) };
    if scopes.is_empty() || scopes.len() > MAX_SCOPES {
        return Err(invalid("length", "must be 1 to 100 permissions"));
    }
    let policy = tx.frame().kit().policies.get::<ApiKeyPolicy>();
    for scope in scopes {
        let permission = policy.scopes.iter().find(|known| known.name() == scope);
        let permission =
            permission.ok_or_else(|| invalid("unknown", "must be permissions that there are"))?;
        if !held.allows(*permission) {
            return Err(above("scopes"));
        }
    }
    Ok(())
}

/// What is wished for.
pub(crate) struct Wanted<'a> {
    pub(crate) kind: KeyKind,
    pub(crate) name: &'a DisplayName,
    pub(crate) owner: Option<UserId>,
    pub(crate) role: Role,
    pub(crate) scopes: Option<&'a [String]>,
    pub(crate) addresses: &'a [AddressRange],
    pub(crate) expires_at: Option<Timestamp>,
}

/// What was made or rotated, with its text.
pub(crate) struct Made {
    pub(crate) key: ApiKey,
    pub(crate) prefix: KeyPrefix,
    pub(crate) text: SecretText,
}

async fn make<Tx: ApiKeyTx + ?Sized>(
    tx: &mut Tx,
    creator: UserId,
    wanted: Wanted<'_>,
) -> Result<Outcome<Made>, ApiKeyError> {
    let frame = Arc::clone(tx.frame());
    let (kit, now) = (frame.kit(), frame.now());
    let policy = kit.policies.get::<ApiKeyPolicy>();
    if wanted.addresses.len() > MAX_ADDRESSES {
        return Err(ApiKeyError::Invalid {
            field: "addresses",
            rule: "length",
            message: "must be at most 50 ranges",
        });
    }
    if wanted.expires_at.is_some_and(|end| end <= now) {
        return Err(ApiKeyError::Invalid {
            field: "expires_at",
            rule: "future",
            message: "must lie ahead",
        });
    }
    if tx.api_keys().count(now).await? >= i64::from(policy.max_per_tenant) {
        return Err(ApiKeyError::Limit {
            limit: policy.max_per_tenant,
        });
    }
    let prefix = wanted.kind.prefix(&policy);
    let new = text::mint(&prefix, None, &*kit.random)?;
    let key = ApiKey {
        id: kit.ids.id::<kind::ApiKey>(),
        tenant: frame.tenant().ok_or(AccessError::NotTenant)?,
        kind: wanted.kind,
        public_id: new.public_id,
        name: wanted.name.clone(),
        owner: wanted.owner,
        creator,
        role: wanted.role,
        scopes: wanted.scopes.map(<[String]>::to_vec),
        addresses: wanted.addresses.to_vec(),
        certificates: Vec::new(),
        secret: StoredSecret {
            hash: new.hash,
            at: now,
        },
        previous: None,
        expires_at: wanted.expires_at,
        last_used_at: None,
        needs_review: false,
        revoked_at: None,
        created_at: now,
        version: 1,
    };
    tx.api_keys().insert(&key).await?;
    let entry = key.entry().with(json!({
        "owner": key.owner, "role": key.role, "scopes": key.scopes, "expires_at": key.expires_at,
    }));
    let event = event::created(&key);
    let made = Made {
        key,
        prefix,
        text: new.text,
    };
    Ok(Outcome::audited(made, entry).emit(event))
}
