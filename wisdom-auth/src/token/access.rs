//! Issuing and verifying access tokens.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use quick_cache::Equivalent;
use quick_cache::sync::Cache;
use thiserror::Error;
use wisdom_core::context::{Principal, UserSession};
use wisdom_core::id::{IdSource, SigningKeyId, TenantId};
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;

use super::claims::NewClaims;
use super::key::KeyError;
use super::ring::KeyRing;
use super::wire::{Parts, TokenError, TokenFault, encode};
use crate::session::Session;

/// Longest life of an access token: that long an outside verifier accepts it after its session has ended.
pub const MAX_LIFETIME: Duration = Duration::from_secs(15 * 60);
const MIN_LIFETIME: Duration = Duration::from_secs(10);
const MAX_LEEWAY: Duration = Duration::from_secs(60);
const MAX_NAME: usize = 255;
/// Tokens that are remembered as verified, of about a kilobyte each.
const CACHED: usize = 50_000;

/// A figure of the access token policy is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AccessTokenPolicyError {
    /// Issuer or audience.
    #[error("issuer and audience of access tokens must have 1 to 255 characters")]
    Name,
    /// Ten seconds to 15 minutes, in whole seconds.
    #[error("access tokens must live 10 seconds to 15 minutes, in whole seconds")]
    Lifetime,
    /// At most a minute.
    #[error("the leeway for clocks must be at most 60 seconds")]
    Leeway,
}

/// What access tokens say and how long they live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessTokenPolicy {
    issuer: String,
    audience: String,
    lifetime: Duration,
    leeway: Duration,
}

impl AccessTokenPolicy {
    /// Tokens of this issuer for this audience that live 10 minutes; clocks may differ by 5 seconds.
    ///
    /// # Errors
    /// [`AccessTokenPolicyError::Name`].
    pub fn new(issuer: &str, audience: &str) -> Result<Self, AccessTokenPolicyError> {
        if [issuer, audience]
            .iter()
            .any(|name| name.is_empty() || name.len() > MAX_NAME)
        {
            return Err(AccessTokenPolicyError::Name);
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            lifetime: Duration::from_secs(600),
            leeway: Duration::from_secs(5),
        })
    }

    /// Another life and leeway.
    ///
    /// # Errors
    /// [`AccessTokenPolicyError::Lifetime`] or [`AccessTokenPolicyError::Leeway`].
    pub fn times(mut self, lifetime: Duration, leeway: Duration) -> Result<Self, AccessTokenPolicyError> {
        if !(MIN_LIFETIME..=MAX_LIFETIME).contains(&lifetime) || lifetime.subsec_nanos() != 0 {
            return Err(AccessTokenPolicyError::Lifetime);
        }
        if leeway > MAX_LEEWAY {
            return Err(AccessTokenPolicyError::Leeway);
        }
        (self.lifetime, self.leeway) = (lifetime, leeway);
        Ok(self)
    }

    /// `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `aud`.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// From `iat` to `exp`.
    #[must_use]
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// How far clocks may differ.
    #[must_use]
    pub const fn leeway(&self) -> Duration {
        self.leeway
    }

    /// For how long after it was issued any token can be accepted: how long a revocation must be remembered.
    #[must_use]
    pub fn longest_use(&self) -> Duration {
        MAX_LIFETIME.saturating_add(self.leeway)
    }
}

/// An access token whose signature and claims were verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    principal: Principal,
    key: SigningKeyId,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl VerifiedToken {
    /// Whom it speaks for.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// When it was issued, in whole seconds.
    #[must_use]
    pub const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// When it ends, without leeway.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// Issues and verifies access tokens.
///
/// Tokens that were verified are remembered, within bounds, so that the next request with the same token costs a lookup
/// and a comparison. Only valid tokens are remembered, and each use checks again that the token has not
/// ended and that its key is still in the ring.
#[derive(Debug)]
pub struct AccessTokens {
    ring: RwLock<Arc<KeyRing>>,
    policy: AccessTokenPolicy,
    ids: Arc<dyn IdSource>,
    verified: Cache<Remembered, Arc<VerifiedToken>>,
    /// Signatures that were checked.
    #[cfg(test)]
    pub(super) checked: std::sync::atomic::AtomicU64,
}

impl AccessTokens {
    /// A service that signs with this ring. `ids` gives each token its `jti`.
    #[must_use]
    pub fn new(ring: KeyRing, policy: AccessTokenPolicy, ids: Arc<dyn IdSource>) -> Self {
        Self {
            ring: RwLock::new(Arc::new(ring)),
            policy,
            ids,
            verified: Cache::new(CACHED),
            #[cfg(test)]
            checked: std::sync::atomic::AtomicU64::new(0),
        }
    }

    /// What its tokens say and how long they live.
    #[must_use]
    pub const fn policy(&self) -> &AccessTokenPolicy {
        &self.policy
    }

    /// The ring in use.
    #[must_use]
    pub fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Uses another ring from now on, as after a rotation. Tokens of keys that it does not hold are refused at once.
    pub fn set_ring(&self, ring: KeyRing) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }

    /// Issues a token for the session's present generation, bound to a tenant if there is one.
    ///
    /// # Errors
    /// [`KeyError::NoneSigns`] or [`KeyError::Library`].
    pub fn issue(
        &self,
        session: &Session,
        tenant: Option<TenantId>,
        now: Timestamp,
    ) -> Result<SecretText, KeyError> {
        self.issue_for(
            &Principal {
                tenant,
                ..session.principal()
            },
            now,
        )
    }

    /// Issues a token that speaks for this principal, who is in session.
    ///
    /// # Errors
    /// [`KeyError::Subject`] for another kind of principal, [`KeyError::NoneSigns`] or [`KeyError::Library`].
    pub fn issue_for(&self, principal: &Principal, now: Timestamp) -> Result<SecretText, KeyError> {
        let session = principal.session().ok_or(KeyError::Subject)?;
        let ring = self.ring();
        let key = ring.signing_key(now)?;
        let issued = now.unix_seconds();
        let claims = NewClaims {
            iss: &self.policy.issuer,
            aud: &self.policy.audience,
            sub: session.user,
            sid: session.session,
            generation: session.generation,
            tid: principal.tenant,
            iat: issued,
            nbf: issued,
            exp: now.saturating_add(self.policy.lifetime).unix_seconds(),
            jti: self.ids.next_uuid().simple().to_string(),
            auth_time: principal.authenticated_at.unix_seconds().min(issued),
        };
        let mut token = String::with_capacity(768);
        token.push_str(key.header());
        token.push('.');
        encode(&claims, &mut token)?;
        let signature = key.sign(token.as_bytes())?;
        token.push('.');
        token.push_str(&signature);
        Ok(SecretText::from(token))
    }

    /// Verifies a token. Whether its session was ended meanwhile is another question
    /// ([`Revocations`](crate::session::revocation::Revocations)).
    ///
    /// # Errors
    /// [`TokenError`], which says the same for every fault.
    pub fn verify(&self, token: impl AsRef<[u8]>, now: Timestamp) -> Result<Arc<VerifiedToken>, TokenError> {
        let token = token.as_ref();
        let result = match self.verified.get(&Presented(token)) {
            Some(verified) => self
                .check_times(&verified, now)
                .map(|()| verified)
                .inspect_err(|_| {
                    self.verified.remove(&Presented(token));
                }),
            None => self.verify_new(token, now).map(|verified| {
                let verified = Arc::new(verified);
                self.verified
                    .insert(Remembered(token.into()), Arc::clone(&verified));
                verified
            }),
        };
        result.map_err(|fault| {
            metrics::counter!("wisdom_access_tokens_refused_total", "fault" => fault.as_str()).increment(1);
            TokenError::from(fault)
        })
    }

    /// What of a remembered token can have changed.
    fn check_times(&self, token: &VerifiedToken, now: Timestamp) -> Result<(), TokenFault> {
        if now >= token.expires_at.saturating_add(self.policy.leeway) {
            return Err(TokenFault::Expired);
        }
        if token.issued_at > now.saturating_add(self.policy.leeway) {
            return Err(TokenFault::Early);
        }
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        ring.verifying_key(token.key, now)
            .map(|_| ())
            .ok_or(TokenFault::Key)
    }

    fn verify_new(&self, token: &[u8], now: Timestamp) -> Result<VerifiedToken, TokenFault> {
        let token = std::str::from_utf8(token).map_err(|_| TokenFault::Form)?;
        let parts = Parts::split(token)?;
        let ring = self.ring();
        let key = if let Some(key) = ring.key_of_header(parts.header) {
            Some(key)
                .filter(|key| key.verifies_at(now))
                .ok_or(TokenFault::Key)?
        } else {
            let header = parts.read_header()?;
            let key = ring.verifying_key(header.kid, now).ok_or(TokenFault::Key)?;
            // The key knows its algorithm; what the token names must be the same and decides nothing.
            if header.algorithm != key.algorithm().as_str() {
                return Err(TokenFault::Algorithm);
            }
            key
        };
        #[cfg(test)]
        self.checked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if !key.verify(parts.message.as_bytes(), parts.signature) {
            return Err(TokenFault::Signature);
        }
        let claims = parts.read_claims()?;
        if claims.issuer != self.policy.issuer || claims.audience != self.policy.audience {
            return Err(TokenFault::Party);
        }
        let latest = now.saturating_add(self.policy.leeway);
        if claims.not_before > latest || claims.issued_at > latest {
            return Err(TokenFault::Early);
        }
        if now >= claims.expires_at.saturating_add(self.policy.leeway) {
            return Err(TokenFault::Expired);
        }
        if claims.expires_at.since(claims.issued_at) > MAX_LIFETIME {
            return Err(TokenFault::Claims);
        }
        let session = UserSession {
            user: claims.user,
            session: claims.session,
            generation: claims.generation,
        };
        Ok(VerifiedToken {
            principal: Principal::of_session(session, claims.tenant, claims.authenticated_at),
            key: key.id(),
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
        })
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.verified.len()
    }
}

/// A token that was verified. All of it is compared; only the end of its signature is hashed, which no other valid token
/// shares and which nobody can choose.
#[derive(PartialEq, Eq)]
struct Remembered(Box<[u8]>);

/// A token that may be remembered.
struct Presented<'a>(&'a [u8]);

impl Equivalent<Remembered> for Presented<'_> {
    fn equivalent(&self, key: &Remembered) -> bool {
        *self.0 == *key.0
    }
}

impl Hash for Presented<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        const TAIL: usize = 24;
        state.write(&self.0[self.0.len().saturating_sub(TAIL)..]);
    }
}

impl Hash for Remembered {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Presented(&self.0).hash(state);
    }
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remembered(REDACTED)")
    }
}
