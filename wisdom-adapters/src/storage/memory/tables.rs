//! The tables, as persistent maps: a clone shares everything until one of the two changes.

use std::ops::RangeInclusive;

use imbl::{OrdMap, OrdSet};
use uuid::Uuid;
use wisdom_auth::api_key::ApiKey;
use wisdom_auth::attempts::device::KnownDevice;
use wisdom_auth::attempts::{Counter, KeyKind};
use wisdom_auth::federation::attempt::Attempt as ProviderAttempt;
use wisdom_auth::federation::identity::ExternalIdentity;
use wisdom_auth::impersonation::Impersonation;
use wisdom_auth::oauth::client_token::ClientToken;
use wisdom_auth::one_time_token::{OneTimeToken, TokenPurpose};
use wisdom_auth::passkey::Passkey;
use wisdom_auth::passkey::ceremony::Ceremony;
use wisdom_auth::second_factor::device::RememberedDevice;
use wisdom_auth::second_factor::totp::TotpCredential;
use wisdom_auth::session::Session;
use wisdom_auth::session::challenge::SignInChallenge;
use wisdom_auth::user::User;
use wisdom_core::audit::AuditRecord;
use wisdom_core::event::StoredEvent;
use wisdom_core::id::{
    ApiKeyId, AuditId, DeliveryId, EndpointId, EventId, ExternalIdentityId, Id, ImpersonationId,
    InvitationId, Kind, MembershipId, PasskeyId, SessionId, TenantId, UserId,
};
use wisdom_core::time::Timestamp;
use wisdom_events::outbox::OutboxState;
use wisdom_events::webhook::{Attempt, Delivery, Endpoint};
use wisdom_tenancy::invitation::Invitation;
use wisdom_tenancy::membership::Membership;
use wisdom_tenancy::tenant::Tenant;

/// One version of everything. Keys of what a tenant owns begin with the tenant.
#[derive(Clone, Default)]
pub(super) struct Tables {
    pub(super) users: OrdMap<UserId, User>,
    /// Unique: the address's lookup key.
    pub(super) users_by_email: OrdMap<String, UserId>,
    pub(super) passwords: OrdMap<UserId, String>,
    /// The generation of a user's credentials; absent, it is the first.
    pub(super) credentials: OrdMap<UserId, i64>,
    /// Newest first.
    pub(super) old_passwords: OrdMap<UserId, Vec<String>>,
    pub(super) sessions: OrdMap<SessionId, Session>,
    pub(super) sessions_of_user: OrdSet<(UserId, SessionId)>,
    pub(super) one_time_tokens: OrdMap<[u8; 32], OneTimeToken>,
    /// Unique: one for a user and purpose.
    pub(super) one_time_tokens_of_user: OrdMap<(UserId, &'static str), [u8; 32]>,
    /// Tries counted at a token, by its hash.
    pub(super) one_time_token_attempts: OrdMap<[u8; 32], u16>,
    pub(super) sign_in_challenges: OrdMap<[u8; 32], SignInChallenge>,
    pub(super) totp_credentials: OrdMap<UserId, TotpCredential>,
    pub(super) recovery_codes: OrdSet<(UserId, [u8; 32])>,
    pub(super) remembered_devices: OrdMap<[u8; 32], RememberedDevice>,

    pub(super) failed_tries: OrdMap<[u8; 32], (KeyKind, Counter)>,
    pub(super) devices: OrdMap<[u8; 32], KnownDevice>,
    pub(super) external_identities: OrdMap<ExternalIdentityId, ExternalIdentity>,
    /// Unique: one for issuer and subject.
    pub(super) external_identities_by_subject: OrdMap<(String, String), ExternalIdentityId>,
    pub(super) external_identities_of_user: OrdSet<(UserId, ExternalIdentityId)>,
    pub(super) passkeys: OrdMap<PasskeyId, Passkey>,
    /// Unique: the credential id.
    pub(super) passkeys_by_credential: OrdMap<Vec<u8>, PasskeyId>,
    pub(super) passkeys_of_user: OrdSet<(UserId, PasskeyId)>,
    pub(super) passkey_ceremonies: OrdMap<[u8; 32], Ceremony>,
    pub(super) passkey_ceremonies_by_end: OrdSet<(Timestamp, [u8; 32])>,
    pub(super) provider_attempts: OrdMap<[u8; 32], ProviderAttempt>,
    pub(super) provider_attempts_by_end: OrdSet<(Timestamp, [u8; 32])>,

    pub(super) api_keys: OrdMap<(TenantId, ApiKeyId), ApiKey>,
    /// Unique: the public part of a key's text.
    pub(super) api_keys_by_public_id: OrdMap<String, (TenantId, ApiKeyId)>,
    /// Unique: an id is one key's, whatever the tenant.
    pub(super) api_keys_by_id: OrdMap<ApiKeyId, (TenantId, ApiKeyId)>,
    pub(super) client_tokens: OrdMap<String, ClientToken>,
    pub(super) impersonations: OrdMap<ImpersonationId, Impersonation>,
    /// When an operator last asked a tenant.
    pub(super) impersonation_requests: OrdMap<(TenantId, UserId), Timestamp>,

    pub(super) tenants: OrdMap<TenantId, Tenant>,
    /// Unique: the slug.
    pub(super) tenants_by_slug: OrdMap<String, TenantId>,
    pub(super) memberships: OrdMap<(TenantId, MembershipId), Membership>,
    /// Unique: one for a user in a tenant.
    pub(super) memberships_of_user: OrdMap<(UserId, TenantId), MembershipId>,
    pub(super) invitations: OrdMap<(TenantId, InvitationId), Invitation>,
    /// Unique: the token's hash.
    pub(super) invitations_by_token: OrdMap<[u8; 32], (TenantId, InvitationId)>,
    /// Unique among the pending ones: the address's lookup key.
    pub(super) pending_invitations: OrdMap<(TenantId, String), InvitationId>,

    pub(super) outbox: OrdMap<EventId, OutboxRow>,
    /// The events that are neither relayed nor dead, by key and place in its order.
    pub(super) unfinished: OrdMap<(Option<TenantId>, String, i64), EventId>,
    /// The last place given out.
    pub(super) sequences: OrdMap<(Option<TenantId>, String), i64>,
    /// When it was handled.
    pub(super) inbox: OrdMap<(TenantId, String, EventId), Timestamp>,
    pub(super) endpoints: OrdMap<(TenantId, EndpointId), Endpoint>,
    pub(super) deliveries: OrdMap<(TenantId, DeliveryId), DeliveryRow>,
    /// Unique: one for an endpoint and event.
    pub(super) deliveries_of_event: OrdMap<(TenantId, EventId, EndpointId), DeliveryId>,
    pub(super) attempts: OrdMap<(TenantId, DeliveryId, i32), Attempt>,
    pub(super) audit: OrdMap<(Option<TenantId>, Timestamp, AuditId), AuditRecord>,
    pub(super) idempotency: OrdMap<IdempotencyScope, IdempotencyRow>,
}

/// An event and where it is in its life.
#[derive(Clone)]
pub(super) struct OutboxRow {
    pub(super) event: StoredEvent,
    pub(super) state: OutboxState,
    pub(super) due_at: Timestamp,
    pub(super) lease_until: Option<Timestamp>,
    /// Changes with every claim and every settlement, so that the proof of a claim is good for one settlement.
    pub(super) fence: i64,
    pub(super) attempts: i32,
    pub(super) last_error: Option<String>,
    pub(super) settled_at: Option<Timestamp>,
}

impl OutboxRow {
    pub(super) fn key(&self) -> (Option<TenantId>, String, i64) {
        (self.event.tenant, self.event.ordering_key.clone(), self.event.seq)
    }
}

/// A delivery and its claim.
#[derive(Clone)]
pub(super) struct DeliveryRow {
    pub(super) delivery: Delivery,
    pub(super) lease_until: Option<Timestamp>,
    /// As in [`OutboxRow`].
    pub(super) fence: i64,
}

/// Tenant, caller, key.
pub(super) type IdempotencyScope = (Option<TenantId>, Uuid, String);

/// The answer that was given.
#[derive(Clone)]
pub(super) struct IdempotencyRow {
    pub(super) fingerprint: [u8; 32],
    pub(super) answer: Vec<u8>,
    pub(super) expires_at: Timestamp,
}

/// Every id.
pub(super) fn any<K: Kind>() -> RangeInclusive<Id<K>> {
    Id::from_uuid(Uuid::nil())..=Id::from_uuid(Uuid::max())
}

/// Every key that is this one and an id.
pub(super) fn under<T: Copy, K: Kind>(first: T) -> RangeInclusive<(T, Id<K>)> {
    let (lowest, highest) = any().into_inner();
    (first, lowest)..=(first, highest)
}

/// The key of the one token a user has for a purpose.
pub(super) fn token_slot(user: UserId, purpose: TokenPurpose) -> (UserId, &'static str) {
    (user, purpose.as_str())
}

/// Removes the rows that a condition holds for.
pub(super) fn remove_rows<K: Ord + Clone, V: Clone>(
    table: &mut OrdMap<K, V>,
    condition: impl Fn(&V) -> bool,
) {
    let keys: Vec<K> = table
        .iter()
        .filter(|(_, row)| condition(row))
        .map(|(key, _)| key.clone())
        .collect();
    for key in keys {
        table.remove(&key);
    }
}
