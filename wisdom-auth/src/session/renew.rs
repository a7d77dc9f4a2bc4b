//! Refreshing: a refresh token for a new pair of tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::access::Access;
use wisdom_core::context::Caller;
use wisdom_core::id::{SessionId, UserId};
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Flow, Operation};

use super::refresh_token::RefreshToken;
use super::rotate::{RotateOutcome, RotateSession};
use super::start::SessionGrant;
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::token::AccessTokens;

/// The tokens of a session, as clients get them (the names are those of RFC 6749, section 5.1).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TokenPair {
    /// For the `Authorization` header of requests.
    pub access_token: SecretText,
    /// Always `Bearer` (RFC 6750).
    pub token_type: String,
    /// Seconds until the access token ends.
    pub expires_in: u64,
    /// For one refresh.
    pub refresh_token: SecretText,
    /// Seconds until the refresh token ends.
    pub refresh_expires_in: u64,
    /// The session.
    pub session: SessionId,
    /// Who signed in.
    pub user: UserId,
    /// Of a log-in that asked for it: the token of this device, to present at the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<SecretText>,
}

impl TokenPair {
    /// Issues the access token that goes with a grant.
    pub(crate) fn issue<H: AuthHost>(host: &H, grant: SessionGrant) -> Result<Self, AuthError> {
        Self::of(&host.auth().tokens, grant)
    }

    fn of(tokens: &AccessTokens, grant: SessionGrant) -> Result<Self, AuthError> {
        let now = grant.given_at;
        Ok(Self {
            access_token: tokens.issue_for(&grant.principal(), now)?,
            token_type: "Bearer".to_owned(),
            expires_in: tokens.policy().lifetime().as_secs(),
            refresh_expires_in: grant.refresh_until.since(now).as_secs(),
            session: grant.session,
            user: grant.user,
            refresh_token: grant.refresh_token,
            device_token: None,
        })
    }
}

/// Gives a new pair of tokens for a refresh token, which is spent by that.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The refresh token.
    pub refresh_token: SecretText,
    /// What the client calls itself, for the list of sessions; at most 256 characters are kept. Over HTTP it is the header
    /// `User-Agent` unless given.
    #[serde(default)]
    pub device: Option<String>,
}

impl Operation for Refresh {
    const NAME: &'static str = "auth.session.refresh";
    const SUMMARY: &'static str = "Gives a new pair of tokens for a refresh token.";
    const ACCESS: Access = Access::Public;
    const EFFECT: Effect = Effect::Write;
    type Output = TokenPair;
    type Error = AuthError;
}

impl<H: AuthHost> Flow<H> for Refresh {
    async fn run(&self, host: &H, caller: &Caller) -> Result<TokenPair, AuthError> {
        let token = RefreshToken::parse(self.refresh_token.expose()).ok_or(AuthError::TokenInvalid)?;
        let rotate = RotateSession {
            refresh_token: self.refresh_token.clone(),
            device: self.device.clone(),
        };
        match host.runner().on_behalf(caller, &rotate).await? {
            RotateOutcome::Rotated(grant) | RotateOutcome::Replayed(grant) => TokenPair::issue(host, grant),
            RotateOutcome::Refused { end, ended_now } => {
                if ended_now {
                    host.auth()
                        .revocations
                        .revoke([token.session()], host.runner().kit().clock.now());
                }
                Err(AuthError::SessionEnded(end))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use uuid::Uuid;
    use wisdom_core::id::ManualIds;

    use super::*;
    use crate::fuzzing::{kit, now};
    use crate::session::revocation::Revocations;
    use crate::token::{AccessTokenPolicy, KeyRing, MAX_LIFETIME, SigningAlgorithm};

    #[test]
    fn a_token_made_long_after_its_session_ended_does_not_outlive_the_tombstone() {
        let policy = AccessTokenPolicy::new("https://id.example.test", "wisdom").unwrap();
        let policy = policy.times(MAX_LIFETIME, Duration::from_secs(5)).unwrap();
        let ring = KeyRing::generate(SigningAlgorithm::EdDsa, &kit()).unwrap();
        let tokens = AccessTokens::new(ring, policy.clone(), Arc::new(ManualIds::new(1)));
        let revocations = Revocations::new(policy.longest_use(), 100);
        let session = SessionId::from_uuid(Uuid::from_u128(2));
        let grant = SessionGrant {
            session,
            user: UserId::from_uuid(Uuid::from_u128(1)),
            tenant: None,
            generation: 1,
            authenticated_at: now(),
            refresh_until: now().saturating_add(Duration::from_secs(3600)),
            refresh_token: SecretText::from(String::new()),
            given_at: now(),
        };
        // The session ends a second after the refresh, whose answer hangs for a minute before its token is made.
        let at = |seconds| now().saturating_add(Duration::from_secs(seconds));
        revocations.revoke([session], at(1));
        let pair = TokenPair::of(&tokens, grant).unwrap();
        for seconds in 60..2_000 {
            revocations.sweep(at(seconds));
            let Ok(verified) = tokens.verify(pair.access_token.expose(), at(seconds)) else {
                continue;
            };
            assert!(
                revocations.is_revoked(session, verified.issued_at()),
                "after {seconds} s"
            );
        }
    }
}
