//! What identity asks of storage. Users are global: their repositories exist outside of any tenant only. API keys are a
//! tenant's.

use async_trait::async_trait;
use wisdom_core::access::Role;
use wisdom_core::id::{
    ApiKeyId, ExternalIdentityId, ImpersonationId, PasskeyId, SessionId, TenantId, UserId,
};
use wisdom_core::page::{PageRequest, Slice};
use wisdom_core::storage::StorageError;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::UnitOfWork;
use wisdom_core::value::{DisplayName, EmailAddress};

use crate::api_key::{ApiKey, KeyKind};
use crate::attempts::device::KnownDevice;
use crate::attempts::{AttemptKey, Counter};
use crate::federation::attempt::Attempt;
use crate::federation::identity::ExternalIdentity;
use crate::impersonation::Impersonation;
use crate::oauth::client_token::ClientToken;
use crate::one_time_token::{OneTimeToken, TokenPurpose};
use crate::passkey::Passkey;
use crate::passkey::ceremony::Ceremony;
use crate::second_factor::device::RememberedDevice;
use crate::second_factor::totp::TotpCredential;
use crate::session::challenge::SignInChallenge;
use crate::session::feed::RevokedSession;
use crate::session::{RevokeReason, Session};
use crate::user::User;

/// Users and their password hashes.
#[async_trait]
pub trait Users: Send {
    /// Adds a user.
    ///
    /// A taken address is a conflict with `Constraint::USER_EMAIL`, which leaves the unit of work usable.
    async fn insert(&mut self, user: &User) -> Result<(), StorageError>;

    /// The user with this id.
    async fn find(&mut self, id: UserId) -> Result<Option<User>, StorageError>;

    /// The user whose address has the same lookup key.
    async fn find_by_email(&mut self, email: &EmailAddress) -> Result<Option<User>, StorageError>;

    /// Replaces a user whose stored version is `expected`; the stored version becomes `expected + 1`.
    ///
    /// Another version is `StorageErrorKind::Stale`.
    async fn update(&mut self, user: &User, expected: i64) -> Result<(), StorageError>;

    /// The users behind `after` in the order of their ids, at most `limit`.
    async fn page(&mut self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StorageError>;

    /// The PHC string of the user's password hash.
    async fn password_hash(&mut self, id: UserId) -> Result<Option<String>, StorageError>;

    /// Sets the PHC string of the user's password hash.
    async fn set_password_hash(&mut self, id: UserId, phc: &str, at: Timestamp) -> Result<(), StorageError>;

    /// The generation of the user's credentials, from 1; `None` when there is no such user.
    ///
    /// It stays what it is until the unit of work ends: nobody else changes the user or asks for the generation
    /// meanwhile. So what a sign-in checked still holds when its session begins. Take it before anything else of the
    /// user is changed, so that no two units of work wait for each other.
    async fn lock_credentials(&mut self, id: UserId) -> Result<Option<i64>, StorageError>;

    /// Begins the next generation of the user's credentials.
    async fn next_credentials(&mut self, id: UserId) -> Result<(), StorageError>;
    /// The hashes of the user's earlier passwords, newest first, at most `limit`.
    async fn old_password_hashes(&mut self, id: UserId, limit: u32) -> Result<Vec<String>, StorageError>;

    /// Adds the hash of a password that is replaced, and forgets all but the newest `limit`; 0 forgets all.
    ///
    /// Called after [`update`](Self::update) of the user in the same unit of work, which keeps others away.
    async fn add_old_password_hash(&mut self, id: UserId, phc: &str, limit: u32) -> Result<(), StorageError>;
}

/// Sessions, each one family of refresh tokens.
#[async_trait]
pub trait Sessions: Send {
    /// Adds a session.
    async fn insert(&mut self, session: &Session) -> Result<(), StorageError>;

    /// The session with this id, revoked or not.
    async fn find(&mut self, id: SessionId) -> Result<Option<Session>, StorageError>;

    /// Replaces a session whose stored version is `expected`; the stored version becomes `expected + 1`.
    ///
    /// Another version is `StorageErrorKind::Stale`: rotation, confirmation and revocation race here, and one wins.
    async fn update(&mut self, session: &Session, expected: i64) -> Result<(), StorageError>;

    /// The user's sessions that are not revoked and whose ends lie after `now`, newest first, at most 100.
    async fn list_live(&mut self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StorageError>;

    /// The sessions that were revoked after this one, oldest first by time and id, at most `limit`.
    async fn list_revoked(
        &mut self,
        after: RevokedSession,
        limit: u32,
    ) -> Result<Vec<RevokedSession>, StorageError>;

    /// Revokes all live sessions of the user but `except`, in one statement; answers their ids.
    ///
    /// A session of the user that is inserted at the same moment is either among them, or its unit of work sees from the
    /// insert on what this one has changed.
    async fn revoke_all(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        reason: RevokeReason,
        at: Timestamp,
    ) -> Result<Vec<SessionId>, StorageError>;
}

/// Tokens that prove a mailbox once. Only hashes are stored.
#[async_trait]
pub trait OneTimeTokens: Send {
    /// Stores a token and voids any other of the same user and purpose.
    async fn replace(&mut self, token: &OneTimeToken) -> Result<(), StorageError>;

    /// Uses up the token with this hash and purpose, if it exists, is unused and has not expired at `now`.
    ///
    /// One statement: of parallel calls exactly one gets the token.
    async fn consume(
        &mut self,
        hash: &[u8; 32],
        purpose: TokenPurpose,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>, StorageError>;

    /// The token with this hash and purpose, if it could be consumed at `now`. It stays.
    async fn find(
        &mut self,
        hash: &[u8; 32],
        purpose: TokenPurpose,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>, StorageError>;

    /// Counts a try at the user's token of a purpose, if it has not expired at `now` and fewer than `most` tries were
    /// counted; answers that token. One statement: of parallel calls at most `most` get it.
    async fn attempt(
        &mut self,
        user: UserId,
        purpose: TokenPurpose,
        most: u16,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>, StorageError>;

    /// Voids the user's tokens of these purposes.
    async fn void(&mut self, user: UserId, purposes: &[TokenPurpose]) -> Result<(), StorageError>;
}

/// Half-finished sign-ins. Only hashes of their tokens are stored.
#[async_trait]
pub trait SignInChallenges: Send {
    /// Adds a challenge, and drops those of the same user that have expired at its beginning.
    async fn insert(&mut self, challenge: &SignInChallenge) -> Result<(), StorageError>;

    /// The challenge with this hash, whatever became of it.
    async fn find(&mut self, hash: &[u8; 32]) -> Result<Option<SignInChallenge>, StorageError>;

    /// Counts a try at the challenge, if it has not expired at `now` and fewer than `most` tries were counted; answers
    /// whether it did. One statement: of parallel calls at most `most` are counted.
    async fn attempt(&mut self, hash: &[u8; 32], most: u16, now: Timestamp) -> Result<bool, StorageError>;

    /// Drops a challenge; answers whether it was there.
    async fn delete(&mut self, hash: &[u8; 32]) -> Result<bool, StorageError>;

    /// Drops all challenges of a user.
    async fn delete_all(&mut self, user: UserId) -> Result<(), StorageError>;
}

/// Second factors: time-based codes and recovery codes.
#[async_trait]
pub trait SecondFactors: Send {
    /// The user's time-based codes, confirmed or not.
    async fn totp(&mut self, user: UserId) -> Result<Option<TotpCredential>, StorageError>;

    /// Stores the user's time-based codes in place of any that are not confirmed; answers whether it did, which confirmed
    /// ones prevent.
    async fn offer_totp(&mut self, totp: &TotpCredential) -> Result<bool, StorageError>;

    /// Confirms time-based codes that are not confirmed, by the code of a step, which is used up with that; answers
    /// whether there were any.
    async fn confirm_totp(&mut self, user: UserId, step: i64, at: Timestamp) -> Result<bool, StorageError>;

    /// Uses up all steps up to this one of the user's confirmed codes; answers whether it was unused. One statement: of
    /// parallel calls one is told yes.
    async fn use_totp_step(&mut self, user: UserId, step: i64) -> Result<bool, StorageError>;

    /// Drops the user's time-based codes; answers whether there were any.
    async fn delete_totp(&mut self, user: UserId) -> Result<bool, StorageError>;

    /// Replaces all recovery codes of the user by these hashes.
    async fn replace_recovery_codes(
        &mut self,
        user: UserId,
        hashes: &[[u8; 32]],
        at: Timestamp,
    ) -> Result<(), StorageError>;

    /// Uses up a recovery code; answers whether it was there. One statement: of parallel calls one is told yes.
    async fn use_recovery_code(&mut self, user: UserId, hash: &[u8; 32]) -> Result<bool, StorageError>;

    /// How many recovery codes are left.
    async fn count_recovery_codes(&mut self, user: UserId) -> Result<i64, StorageError>;
}

/// Devices on which a user need not prove the second factor again. Only hashes of their tokens are stored.
#[async_trait]
pub trait RememberedDevices: Send {
    /// Adds a device, and drops those of the same user that have expired at its beginning.
    async fn insert(&mut self, device: &RememberedDevice) -> Result<(), StorageError>;

    /// The device with this hash, if it has not expired at `now`.
    async fn find(
        &mut self,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<RememberedDevice>, StorageError>;

    /// Forgets all devices of a user.
    async fn delete_all(&mut self, user: UserId) -> Result<(), StorageError>;
}

/// Failed tries at credentials.
#[async_trait]
pub trait AttemptCounters: Send {
    /// The counter, if anything was counted.
    async fn find(&mut self, key: &AttemptKey) -> Result<Option<Counter>, StorageError>;

    /// The counter, which nobody else changes until the unit of work ends; one of no failures at `now` when there is none.
    ///
    /// Units of work that lock more than one do so in one order: sources first.
    async fn lock(&mut self, key: &AttemptKey, now: Timestamp) -> Result<Counter, StorageError>;

    /// Replaces a counter that was locked.
    async fn save(&mut self, key: &AttemptKey, counter: Counter) -> Result<(), StorageError>;

    /// Forgets a counter.
    async fn clear(&mut self, key: &AttemptKey) -> Result<(), StorageError>;

    /// Deletes counters of sources that lie before `sources`, and of addresses nobody has before `unknown`, at most
    /// `limit` of each; answers how many.
    async fn sweep(
        &mut self,
        sources: Timestamp,
        unknown: Timestamp,
        limit: u32,
    ) -> Result<u64, StorageError>;
}

/// Devices that users signed in on before.
#[async_trait]
pub trait KnownDevices: Send {
    /// Adds a device; beyond `most` of its user, those that were seen least recently are forgotten.
    async fn insert(&mut self, device: &KnownDevice, most: u32) -> Result<(), StorageError>;

    /// The device with this hash.
    async fn find(&mut self, hash: &[u8; 32]) -> Result<Option<KnownDevice>, StorageError>;

    /// How many devices a user has that were seen after `since`.
    async fn count(&mut self, user: UserId, since: Timestamp) -> Result<u32, StorageError>;

    /// Notes when a device was seen.
    async fn touch(&mut self, hash: &[u8; 32], at: Timestamp) -> Result<(), StorageError>;

    /// Forgets all devices of a user.
    async fn forget(&mut self, user: UserId) -> Result<(), StorageError>;
}

/// Accounts at providers that let users in.
#[async_trait]
pub trait ExternalIdentities: Send {
    /// Adds an identity.
    ///
    /// One that is there already for (issuer, subject) is a conflict with `Constraint::EXTERNAL_IDENTITY`, which leaves the
    /// unit of work usable.
    async fn insert(&mut self, identity: &ExternalIdentity) -> Result<(), StorageError>;

    /// The identity whom the issuer means by this subject, byte by byte.
    async fn find_by_subject(
        &mut self,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<ExternalIdentity>, StorageError>;

    /// The user's identities, the oldest first.
    async fn list_of_user(&mut self, user: UserId) -> Result<Vec<ExternalIdentity>, StorageError>;

    /// Notes that the identity let its user in, and the address it came with, if it came with one.
    async fn touch(
        &mut self,
        id: ExternalIdentityId,
        email: Option<&EmailAddress>,
        at: Timestamp,
    ) -> Result<(), StorageError>;

    /// Removes an identity of this user; `false` when there is none.
    async fn delete(&mut self, id: ExternalIdentityId, user: UserId) -> Result<bool, StorageError>;
}

/// Ways to providers that were begun and not finished.
#[async_trait]
pub trait ProviderAttempts: Send {
    /// Stores an attempt, and removes some of those that have expired.
    async fn insert(&mut self, attempt: &Attempt) -> Result<(), StorageError>;

    /// Uses up the attempt with this hash, if it exists and has not expired at `now`.
    ///
    /// One statement: of parallel calls exactly one gets the attempt.
    async fn consume(
        &mut self,
        state_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Attempt>, StorageError>;
}

/// Passkeys.
#[async_trait]
pub trait Passkeys: Send {
    /// Adds a passkey, if its user has fewer than `most`; answers whether it did.
    ///
    /// The caller has locked the user's credentials, which keeps others of the user away. A credential id that is there
    /// already, whoever has it, is a conflict with `Constraint::PASSKEY`, which leaves the unit of work usable.
    async fn insert(&mut self, passkey: &Passkey, most: u32) -> Result<bool, StorageError>;

    /// The passkey with this credential id.
    async fn find(&mut self, credential_id: &[u8]) -> Result<Option<Passkey>, StorageError>;

    /// The user's passkeys, the oldest first.
    async fn list_of_user(&mut self, user: UserId) -> Result<Vec<Passkey>, StorageError>;

    /// How many passkeys the user has.
    async fn count(&mut self, user: UserId) -> Result<i64, StorageError>;

    /// Notes a use: signature counter, whether it is backed up, and when. Answers whether it did; it does not when the
    /// passkey is gone, or when either counter is not 0 and the new one is not above the stored one. One statement: of
    /// parallel calls with one counter above 0, one is told yes.
    async fn note_use(
        &mut self,
        id: PasskeyId,
        counter: u32,
        backed_up: bool,
        at: Timestamp,
    ) -> Result<bool, StorageError>;

    /// Names a passkey of this user; answers whether there is one.
    async fn rename(&mut self, id: PasskeyId, user: UserId, name: &DisplayName)
    -> Result<bool, StorageError>;

    /// Removes a passkey of this user; answers whether there was one.
    async fn delete(&mut self, id: PasskeyId, user: UserId) -> Result<bool, StorageError>;
}

/// Ceremonies with passkeys that were begun and not completed. Only hashes of their tokens are stored.
#[async_trait]
pub trait PasskeyCeremonies: Send {
    /// Stores a ceremony, and removes some of those that have expired.
    async fn insert(&mut self, ceremony: &Ceremony) -> Result<(), StorageError>;

    /// The ceremony with this hash, if it has not expired at `now`. It stays.
    async fn find(&mut self, hash: &[u8; 32], now: Timestamp) -> Result<Option<Ceremony>, StorageError>;

    /// Uses a ceremony up; answers whether it was there and had not expired at `now`. One statement: of parallel calls
    /// one is told yes.
    async fn consume(&mut self, hash: &[u8; 32], now: Timestamp) -> Result<bool, StorageError>;

    /// Drops all ceremonies of a user.
    async fn delete_all(&mut self, user: UserId) -> Result<(), StorageError>;
}

/// API keys of the tenant.
#[async_trait]
pub trait ApiKeys: Send {
    /// Adds a key. A taken id or public part is a conflict with `Constraint::IDENTITY`, which leaves the unit of work
    /// usable.
    async fn insert(&mut self, key: &ApiKey) -> Result<(), StorageError>;

    /// How many keys are neither revoked nor at their end.
    async fn count(&mut self, now: Timestamp) -> Result<i64, StorageError>;

    /// The key with this id, revoked or not.
    async fn find(&mut self, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError>;

    /// What there is of a kind, revoked ones too, oldest first; of one owner if `owner` is given.
    async fn list(
        &mut self,
        kind: KeyKind,
        owner: Option<UserId>,
        page: &PageRequest,
    ) -> Result<Slice<ApiKey>, StorageError>;

    /// Replaces name, secrets, certificates, flag and end of the key whose stored version is `expected`; the stored version becomes
    /// `expected + 1`. Another version is `StorageErrorKind::Stale`.
    async fn update(&mut self, key: &ApiKey, expected: i64) -> Result<(), StorageError>;

    /// Flags the tenant's own keys that this user made, are not revoked and not flagged yet; answers their ids.
    async fn flag_creator(&mut self, creator: UserId) -> Result<Vec<ApiKeyId>, StorageError>;

    /// The role that the user has in the tenant now.
    async fn role_of(&mut self, user: UserId) -> Result<Option<Role>, StorageError>;
}

/// API keys of all tenants, for finding out whom a presented one speaks for.
#[async_trait]
pub trait PresentedKeys: Send {
    /// The key with this public part, revoked or not.
    async fn find(&mut self, public_id: &str) -> Result<Option<ApiKey>, StorageError>;

    /// The key with this id, revoked or not.
    async fn find_by_id(&mut self, id: ApiKeyId) -> Result<Option<ApiKey>, StorageError>;

    /// Sets when it was last used, unless that is later already. Not a change of its version; nothing for no such key.
    async fn note_use(&mut self, tenant: TenantId, key: ApiKeyId, at: Timestamp) -> Result<(), StorageError>;

    /// The role that a user has in a tenant now.
    async fn role_in(&mut self, tenant: TenantId, user: UserId) -> Result<Option<Role>, StorageError>;
}

/// Access tokens that service clients hold.
#[async_trait]
pub trait ClientTokens: Send {
    /// Adds a token, and drops those of its client that ended before it was issued. A client that does not exist is a
    /// conflict with `Constraint::REFERENCE`.
    async fn insert(&mut self, token: &ClientToken) -> Result<(), StorageError>;

    /// The token with this public part, expired or not.
    async fn find(&mut self, public_id: &str) -> Result<Option<ClientToken>, StorageError>;

    /// Removes the token with this public part; answers whether there was one.
    async fn delete(&mut self, public_id: &str) -> Result<bool, StorageError>;
}

/// Operators acting for users.
#[async_trait]
pub trait Impersonations: Send {
    /// Adds one. Operator, subject or tenant that do not exist are a conflict with `Constraint::REFERENCE`.
    async fn insert(&mut self, impersonation: &Impersonation) -> Result<(), StorageError>;

    /// The one with this id, ended or not.
    async fn find(&mut self, id: ImpersonationId) -> Result<Option<Impersonation>, StorageError>;

    /// The one whose token has this public part, ended or not.
    async fn find_presented(&mut self, public_id: &str) -> Result<Option<Impersonation>, StorageError>;

    /// Those of an operator, newest first, at most `limit`.
    async fn list_of(&mut self, operator: UserId, limit: u32) -> Result<Vec<Impersonation>, StorageError>;

    /// Ends one; answers whether it was going on at that time.
    async fn end(&mut self, id: ImpersonationId, at: Timestamp) -> Result<bool, StorageError>;

    /// Notes that an operator asked to act in a tenant, unless they did after `since`; answers whether it was noted. Of
    /// parallel calls one is. An operator or tenant that does not exist is a conflict with `Constraint::REFERENCE`.
    async fn note_request(
        &mut self,
        tenant: TenantId,
        operator: UserId,
        at: Timestamp,
        since: Timestamp,
    ) -> Result<bool, StorageError>;
}

/// Where the tenant's keys are reached.
pub trait ApiKeyRepositories: Send {
    /// API keys.
    fn api_keys(&mut self) -> &mut dyn ApiKeys;
}

/// The unit of work of a tenant, as far as its keys go.
pub trait ApiKeyTx: UnitOfWork + ApiKeyRepositories {}

impl<T: UnitOfWork + ApiKeyRepositories + ?Sized> ApiKeyTx for T {}

/// The unit of work of identity.
pub trait IdentityTx: UnitOfWork {
    /// Users.
    fn users(&mut self) -> &mut dyn Users;
    /// Sessions.
    fn sessions(&mut self) -> &mut dyn Sessions;
    /// One-time tokens.
    fn one_time_tokens(&mut self) -> &mut dyn OneTimeTokens;
    /// Half-finished sign-ins.
    fn sign_in_challenges(&mut self) -> &mut dyn SignInChallenges;
    /// Second factors.
    fn second_factors(&mut self) -> &mut dyn SecondFactors;
    /// Devices that need no second factor.
    fn remembered_devices(&mut self) -> &mut dyn RememberedDevices;
    /// Failed tries.
    fn attempts(&mut self) -> &mut dyn AttemptCounters;
    /// Known devices.
    fn devices(&mut self) -> &mut dyn KnownDevices;
    /// Accounts at providers.
    fn external_identities(&mut self) -> &mut dyn ExternalIdentities;
    /// Ways to providers that were begun and not finished.
    fn provider_attempts(&mut self) -> &mut dyn ProviderAttempts;
    /// Passkeys.
    fn passkeys(&mut self) -> &mut dyn Passkeys;
    /// Ceremonies with passkeys that were begun.
    fn passkey_ceremonies(&mut self) -> &mut dyn PasskeyCeremonies;
    /// API keys that were presented.
    fn presented_keys(&mut self) -> &mut dyn PresentedKeys;
    /// Access tokens of service clients.
    fn client_tokens(&mut self) -> &mut dyn ClientTokens;
    /// Operators acting for users.
    fn impersonations(&mut self) -> &mut dyn Impersonations;
}
