//! API keys as credentials: verified, remembered for seconds, and noted when used.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use wisdom_auth::api_key::create::{CreatePersonalKey, CreateTenantKey};
use wisdom_auth::api_key::rotate::RotateApiKey;
use wisdom_auth::api_key::verify::{FindApiKey, NoteKeyUse};
use wisdom_auth::api_key::{ApiKey, ApiKeyPolicy, text};
use wisdom_auth::error::AuthError;
use wisdom_auth::oauth::certificate::AddClientCertificate;
use wisdom_auth::oauth::manage::{CreateClient, RotateClientSecret};
use wisdom_auth::session::freshness::RequireFresh;
use wisdom_core::context::{Caller, Principal, SystemContext, SystemReason};
use wisdom_core::failure::{Failure, OperationError};
use wisdom_core::id::ApiKeyId;
use wisdom_core::trace::RequestInfo;
use wisdom_core::use_case::Operation as _;
use wisdom_tenancy::support_access::{OpenSupportAccess, SetSupportAccess};

use super::Wisdom;
use super::remembered::Remembered;
use super::sight::Sight;

/// How long another node's change may go unseen. Changes of this node count at once.
const LIFE: Duration = Duration::from_secs(5);
/// Between two notes of one key's use.
const NOTE_EVERY: Duration = Duration::from_secs(60);
/// Keys remembered at most.
const KEYS: u64 = 10_000;
/// Operations of tenants that ask for a fresh proof: those that answer with a key's or client's secret or take a credential
/// of a client's up, and those that let operators in.
const PROVEN: [&str; 8] = [
    CreatePersonalKey::NAME,
    CreateTenantKey::NAME,
    RotateApiKey::NAME,
    CreateClient::NAME,
    RotateClientSecret::NAME,
    AddClientCertificate::NAME,
    SetSupportAccess::NAME,
    OpenSupportAccess::NAME,
];
const FIND: SystemReason = SystemReason("auth.api_key.find");

/// A key as it was read, and whom it speaks for.
#[derive(Debug)]
struct Known {
    key: ApiKey,
    principal: Principal,
}

/// Keys that were read a moment ago, and whose use was noted.
#[derive(Debug)]
pub(super) struct KnownKeys {
    known: Remembered<String, Arc<Known>>,
    noted: Cache<ApiKeyId, ()>,
}

impl Default for KnownKeys {
    fn default() -> Self {
        Self {
            known: Remembered::new(KEYS, LIFE),
            noted: Cache::builder()
                .max_capacity(KEYS)
                .time_to_live(NOTE_EVERY)
                .build(),
        }
    }
}

impl KnownKeys {
    /// Forgets what keys are.
    pub(super) fn forget(&self) {
        self.known.forget();
    }

    /// Forgets that the use was noted, because it could not be written.
    pub(super) fn note_again(&self, key: ApiKeyId) {
        self.noted.invalidate(&key);
    }
}

impl Wisdom {
    /// Refuses a caller whose proof is too old for what outlives their session, such as the text of a key.
    pub(super) async fn prove_before(&self, name: &str, caller: &Caller) -> Result<(), Failure> {
        if !PROVEN.contains(&name) {
            return Ok(());
        }
        // Boxed, so that calls of other operations do not carry the room for a unit of work with them.
        let fresh = Box::pin(self.runner.on_behalf(caller, &RequireFresh {})).await;
        fresh.map_err(OperationError::into_failure)
    }

    /// Whom a bearer token speaks for, be it a session's access token, a service client's, an
    /// operator's who acts for a user, or an API key.
    ///
    /// # Errors
    /// A refusal when it is not valid, whatever the reason.
    pub async fn authenticate_bearer(
        &self,
        token: &[u8],
        request: &RequestInfo,
    ) -> Result<Principal, Failure> {
        if self.operator_prefix.begins(token) {
            // Boxed, as below.
            Box::pin(self.authenticate_operator(token, request)).await
        } else if self.known_tokens.begins(token) {
            // Boxed, as below.
            Box::pin(self.authenticate_client_token(token, request)).await
        } else if self.key_prefix.begins(token) {
            // Boxed, so that requests with an access token do not carry the room for it.
            Box::pin(self.authenticate_key(token, request)).await
        } else {
            self.authenticate(token)
        }
    }

    async fn authenticate_key(&self, token: &[u8], request: &RequestInfo) -> Result<Principal, Failure> {
        let refused = || AuthError::TokenInvalid.into_failure();
        let token = std::str::from_utf8(token).map_err(|_| refused())?;
        let presented = text::parse(&self.key_prefix, token).ok_or_else(refused)?;
        let known = self.known_key(presented.public_id, request).await?;
        let known = known.ok_or_else(refused)?;
        let now = self.kit().clock.now();
        if !known.key.accepts(&presented.hash, request.source, now) {
            metrics::counter!("wisdom_api_keys_refused_total").increment(1);
            return Err(refused());
        }
        if self.known_keys.noted.get(&known.key.id).is_none() {
            self.known_keys.noted.insert(known.key.id, ());
            self.see(Sight::Key(NoteKeyUse {
                tenant: known.key.tenant,
                key: known.key.id,
                at: now,
            }));
        }
        Ok(known.principal.clone())
    }

    async fn known_key(&self, public_id: &str, request: &RequestInfo) -> Result<Option<Arc<Known>>, Failure> {
        if let Some(known) = self.known_keys.known.get(public_id) {
            return Ok(Some(known));
        }
        let reading = self.known_keys.known.begin();
        let context = SystemContext::worker(FIND, *request);
        let find = FindApiKey {
            public_id: public_id.to_owned(),
        };
        let found = self.runner.system(&context, &find).await;
        let Some(key) = found.map_err(OperationError::into_failure)?.key else {
            return Ok(None);
        };
        let principal = key.principal();
        let known = Arc::new(Known { key, principal });
        let kept = Arc::clone(&known);
        self.known_keys.known.keep(reading, public_id.to_owned(), kept);
        Ok(Some(known))
    }
}

/// What every key's text begins with, as the policies say.
pub(super) fn prefix(policies: &wisdom_core::policy::Policies) -> text::KeyPrefix {
    policies.get::<ApiKeyPolicy>().prefix.clone()
}
