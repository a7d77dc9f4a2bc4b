//! Rate limits of requests, and the header fields that tell of them
//! (draft-ietf-httpapi-ratelimit-headers).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use uuid::Uuid;
use wisdom_adapters::config::RateLimitConfig;
use wisdom_core::failure::{Failure, FailureKind, PublicMessage};
use wisdom_core::port::rate_limit::{RateDecision, RateKey, RateLimit, RatePolicy, RatePolicyError};

const WINDOW: Duration = Duration::from_secs(60);
/// What the port can count in a window of a minute.
const MOST: u32 = 60_000_000;

pub(crate) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(crate) const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// The limits of every request: by address before anything else, by user once known.
#[derive(Debug)]
pub(crate) struct Limits {
    limiter: Arc<dyn RateLimit>,
    address: RatePolicy,
    user: RatePolicy,
    policies: HeaderValue,
}

/// What the limits said of one request so far.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Spent {
    address: Option<RateDecision>,
    user: Option<RateDecision>,
}

impl Limits {
    pub(crate) fn new(
        limiter: Arc<dyn RateLimit>,
        config: &RateLimitConfig,
    ) -> Result<Self, RatePolicyError> {
        let policy = |name, quota: u32| RatePolicy::new(name, quota.min(MOST), WINDOW, quota.min(MOST));
        let address = policy("address", config.per_address)?;
        let user = policy("user", config.per_user)?;
        let text = format!(
            r#""address";q={};w={seconds}, "user";q={};w={seconds}"#,
            address.quota(),
            user.quota(),
            seconds = WINDOW.as_secs(),
        );
        let policies = HeaderValue::try_from(text).map_err(|_| RatePolicyError::Name)?;
        Ok(Self {
            limiter,
            address,
            user,
            policies,
        })
    }

    pub(crate) async fn take_address(&self, address: IpAddr, spent: &mut Spent) -> Result<(), Failure> {
        spent.address = self.take(&self.address, &RateKey::address(address)).await;
        verdict(&self.address, spent.address)
    }

    pub(crate) async fn take_caller(&self, caller: Uuid, spent: &mut Spent) -> Result<(), Failure> {
        spent.user = self.take(&self.user, &RateKey::principal(caller)).await;
        verdict(&self.user, spent.user)
    }

    /// A limiter that is away does not take the service with it; log-in has a limit of its own that never opens.
    async fn take(&self, policy: &RatePolicy, key: &RateKey) -> Option<RateDecision> {
        if let Some(decision) = self.limiter.check_local(policy, key, 1) {
            return Some(decision);
        }
        match self.limiter.check(policy, key, 1).await {
            Ok(decision) => Some(decision),
            Err(error) => {
                tracing::warn!(%error, policy = policy.name(), "the rate limiter is away; the request goes on");
                None
            }
        }
    }

    /// Tells the most exhausted policy. Where nothing was counted the headers are taken away.
    pub(crate) fn tell(&self, spent: &Spent, headers: &mut HeaderMap) {
        let told = match (&spent.address, &spent.user) {
            (Some(address), Some(user)) => {
                let left_address = u64::from(address.remaining) * u64::from(self.user.quota().get());
                let left_user = u64::from(user.remaining) * u64::from(self.address.quota().get());
                if left_user <= left_address {
                    (&self.user, user)
                } else {
                    (&self.address, address)
                }
            }
            (None, Some(user)) => (&self.user, user),
            (Some(address), None) => (&self.address, address),
            (None, None) => {
                headers.remove(POLICY);
                headers.remove(STATE);
                return;
            }
        };
        headers.insert(POLICY, self.policies.clone());
        let (policy, decision) = told;
        // A policy's name has at most 64 characters, and a number at most 20 digits. Written by hand, because the
        // machinery of `format!` costs more than everything else here, at every request.
        let mut text = BytesMut::with_capacity(128);
        text.put_u8(b'"');
        text.put_slice(policy.name().as_bytes());
        text.put_slice(b"\";r=");
        text.put_slice(itoa::Buffer::new().format(decision.remaining).as_bytes());
        text.put_slice(b";t=");
        text.put_slice(itoa::Buffer::new().format(ceil(decision.reset_after)).as_bytes());
        if let Ok(value) = HeaderValue::from_maybe_shared(text.freeze()) {
            headers.insert(STATE, value);
        }
    }
}

fn verdict(policy: &RatePolicy, decision: Option<RateDecision>) -> Result<(), Failure> {
    match decision {
        Some(refused) if !refused.allowed => Err(Failure::new(
            FailureKind::RateLimited,
            "rate.limited",
            PublicMessage::composed(format!(
                "Too many requests: the limit \"{}\" is {} in {} seconds.",
                policy.name(),
                policy.quota(),
                policy.window().as_secs()
            )),
        )
        .retry_after(Duration::from_secs(
            ceil(refused.retry_after.unwrap_or(refused.reset_after)).max(1),
        ))),
        _ => Ok(()),
    }
}

fn ceil(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
