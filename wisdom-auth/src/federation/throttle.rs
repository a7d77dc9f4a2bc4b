//! How often signing in with a provider may be tried from one source. There is no account to count by before it is over.

use std::time::Duration;

use wisdom_core::context::Caller;
use wisdom_core::port::rate_limit::{RateKey, RateLimitExt as _, RatePolicy};
use wisdom_core::port::{PortError, PortErrorKind};

use super::{FederationError, FederationPolicy};
use crate::error::AuthError;
use crate::kit::AuthHost;

const PER_SOURCE: &str = "provider.source";

pub(super) async fn take<H: AuthHost>(host: &H, caller: &Caller) -> Result<(), FederationError> {
    let Some(source) = caller.request().source else {
        return Ok(());
    };
    let figures = host.runner().kit().policies.get::<FederationPolicy>();
    let window = Duration::from_secs(u64::from(figures.window_seconds));
    let policy =
        RatePolicy::new(PER_SOURCE, figures.per_source, window, figures.per_source).map_err(|_| {
            AuthError::LimiterUnavailable(PortError::new("rate_limit", "policy", PortErrorKind::Internal))
        })?;
    let limiter = &host.auth().rate_limit;
    let decision = limiter
        .take(&policy, &RateKey::address(source), 1)
        .await
        .map_err(AuthError::LimiterUnavailable)?;
    if decision.allowed {
        return Ok(());
    }
    Err(AuthError::RateLimited {
        policy: PER_SOURCE,
        retry_after: decision.retry_after,
    }
    .into())
}
