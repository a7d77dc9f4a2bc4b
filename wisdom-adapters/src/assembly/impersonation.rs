//! Operators who act for a user: who they are by the configuration, and what their tokens are worth.

use std::time::Duration;

use wisdom_auth::api_key::text;
use wisdom_auth::error::AuthError;
use wisdom_auth::impersonation::{ImpersonationPolicy, OperatorName};
use wisdom_core::context::{Principal, SystemContext, SystemReason};
use wisdom_core::failure::{Failure, OperationError};
use wisdom_core::trace::RequestInfo;
use wisdom_tenancy::impersonation::FindImpersonation;

use super::{OpenError, Wisdom};
use crate::config::Config;

const FIND: SystemReason = SystemReason("auth.impersonation.find");

/// The operators that the configuration names.
pub(super) fn policy(config: &Config) -> Result<ImpersonationPolicy, OpenError> {
    let figures = &config.auth.impersonation;
    let names = |key: &'static str, texts: &[String]| -> Result<Vec<OperatorName>, OpenError> {
        texts
            .iter()
            .map(|text| {
                OperatorName::parse(text).ok_or_else(|| super::builder::value(key)(&"no id or address"))
            })
            .collect()
    };
    Ok(ImpersonationPolicy::new(
        names("auth.impersonation.readers", &figures.readers)?,
        names("auth.impersonation.writers", &figures.writers)?,
        Duration::from_secs(figures.seconds.into()),
    ))
}

impl Wisdom {
    /// Whom the token of an operator speaks for. Nothing is remembered: storage is asked for each request, so that every
    /// end counts at once on every node.
    pub(super) async fn authenticate_operator(
        &self,
        token: &[u8],
        request: &RequestInfo,
    ) -> Result<Principal, Failure> {
        let refused = || AuthError::TokenInvalid.into_failure();
        let token = std::str::from_utf8(token).map_err(|_| refused())?;
        let presented = text::parse(&self.operator_prefix, token).ok_or_else(refused)?;
        let context = SystemContext::worker(FIND, *request);
        let find = FindImpersonation {
            public_id: presented.public_id.to_owned(),
        };
        let found = self.runner.system(&context, &find).await;
        let found = found.map_err(OperationError::into_failure)?.impersonation;
        found
            .filter(|it| it.accepts(&presented.hash, self.kit().clock.now()))
            .map(|it| it.principal())
            .ok_or_else(refused)
    }
}
