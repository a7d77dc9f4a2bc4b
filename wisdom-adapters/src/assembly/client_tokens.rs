//! Access tokens of service clients as credentials: verified, and remembered for seconds.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use wisdom_auth::api_key::{KeyPrefix, text};
use wisdom_auth::error::AuthError;
use wisdom_auth::oauth::client_token::{FindClientToken, HeldToken};
use wisdom_core::context::{Principal, SystemContext, SystemReason};
use wisdom_core::failure::{Failure, OperationError};
use wisdom_core::trace::RequestInfo;

use super::Wisdom;
use super::remembered::Remembered;

/// How long another node's change may go unseen. Changes of this node count at once.
const LIFE: Duration = Duration::from_secs(2);
/// Tokens remembered at most.
const TOKENS: u64 = 10_000;
const FIND: SystemReason = SystemReason("auth.client.find_token");

/// Tokens that were read a moment ago.
#[derive(Debug)]
pub(super) struct KnownTokens {
    prefix: KeyPrefix,
    known: Remembered<String, Arc<(HeldToken, Principal)>>,
}

impl KnownTokens {
    /// None yet, of a service whose keys begin with this prefix.
    pub(super) fn new(prefix: &KeyPrefix) -> Self {
        Self {
            prefix: prefix.of_client_tokens(),
            known: Remembered::new(TOKENS, LIFE),
        }
    }

    /// Whether a text may be that of a client's token.
    pub(super) fn begins(&self, token: &[u8]) -> bool {
        self.prefix.begins(token)
    }

    /// The name of the token that a call to end one is about, if it may be a client's.
    pub(super) fn ended_by(&self, input: &Value) -> Option<String> {
        let presented = text::parse(&self.prefix, input.get("token")?.as_str()?)?;
        Some(presented.public_id.to_owned())
    }

    /// Forgets what one token is worth.
    pub(super) fn forget_one(&self, public_id: &str) {
        self.known.forget_one(public_id);
    }

    /// Forgets what tokens are worth.
    pub(super) fn forget(&self) {
        self.known.forget();
    }
}

impl Wisdom {
    /// Whom a client's access token speaks for.
    pub(super) async fn authenticate_client_token(
        &self,
        token: &[u8],
        request: &RequestInfo,
    ) -> Result<Principal, Failure> {
        let refused = || AuthError::TokenInvalid.into_failure();
        let tokens = &self.known_tokens;
        let token = std::str::from_utf8(token).map_err(|_| refused())?;
        let presented = text::parse(&tokens.prefix, token).ok_or_else(refused)?;
        let held = match tokens.known.get(presented.public_id) {
            Some(held) => held,
            None => self
                .read_token(presented.public_id, request)
                .await?
                .ok_or_else(refused)?,
        };
        let (token, principal) = &*held;
        let good = token.accepts(&presented.hash, self.kit().clock.now());
        if !good || !token.client.is_open_to(request.source) || !token.may_come_over(request.certificate) {
            metrics::counter!("wisdom_client_tokens_refused_total").increment(1);
            return Err(refused());
        }
        Ok(principal.clone())
    }

    async fn read_token(
        &self,
        public_id: &str,
        request: &RequestInfo,
    ) -> Result<Option<Arc<(HeldToken, Principal)>>, Failure> {
        let tokens = &self.known_tokens;
        let reading = tokens.known.begin();
        let context = SystemContext::worker(FIND, *request);
        let find = FindClientToken {
            public_id: public_id.to_owned(),
        };
        let found = self.runner.system(&context, &find).await;
        let Some(held) = found.map_err(OperationError::into_failure)?.held else {
            return Ok(None);
        };
        let principal = held.principal();
        let held = Arc::new((held, principal));
        tokens
            .known
            .keep(reading, public_id.to_owned(), Arc::clone(&held));
        Ok(Some(held))
    }
}
