//! From a routed request to an operation's answer.

use std::borrow::Cow;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::Body;
use matchit::Params;
use serde_json::Value;
use wisdom_auth::operation::{LogOut, Refresh};
use wisdom_core::context::Credential;
use wisdom_core::failure::{Failure, FailureKind};
use wisdom_core::trace::RequestInfo;
use wisdom_core::use_case::Operation as _;

use super::{Answer, Inner, Trip, json};
use crate::cookies::FromBrowser;
use crate::endpoint::OperationEndpoint;
use crate::route::Dialect;
use crate::{body, cookies, credential, device, input, oauth};

const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

impl Inner {
    /// Carries out an operation of the catalogue.
    pub(super) async fn operate<B>(
        &self,
        operation: &OperationEndpoint,
        params: &Params<'_, '_>,
        info: RequestInfo,
        head: &Parts,
        body: B,
        trip: &mut Trip,
    ) -> Result<Answer, Failure>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Send,
    {
        let wisdom = &*self.wisdom;
        let entry = wisdom
            .catalogue()
            .get(operation.position)
            .ok_or_else(Failure::not_found)?;
        let browser = cookies::from_browser(self.cookies.as_ref(), head)?;
        // Where anybody may come, a credential says nothing: an old one must not stop a log-in or refresh.
        let principal = if operation.public {
            None
        } else {
            let token = match &browser {
                Some(browser) => browser.access_token()?.map(str::as_bytes),
                None => credential::bearer(&head.headers)?,
            };
            match token {
                Some(token) => Some(wisdom.authenticate_bearer(token, &info).await?),
                None => None,
            }
        };
        if let Some(principal) = &principal {
            trip.user = principal.user();
            if let Credential::Operator {
                operator,
                impersonation,
                ..
            } = principal.credential
            {
                trip.operator = Some((operator, impersonation));
            }
            let caller = principal.caller_id();
            self.limits.take_caller(caller, &mut trip.spent).await?;
            wisdom.ensure_open(principal, entry.callers).await?;
            wisdom.note_sight(principal).await?;
        } else if !operation.public {
            return Err(Failure::new(
                FailureKind::Unauthenticated,
                "unauthenticated",
                "Sign in first.",
            ));
        }
        let named = credential::tenant(&head.headers)?;
        let tenant = match params.get(input::TENANT) {
            Some(text) => Some(text.parse().map_err(|_| Failure::not_found())?),
            None => named,
        };
        if let (Some(tenant), Some(named)) = (tenant, named)
            && tenant != named
        {
            // Only who may see both is told that they differ. Boxed, so that the way of every other request stays small.
            for tenant in [tenant, named] {
                Box::pin(wisdom.caller(entry, principal.clone(), Some(tenant), info)).await?;
            }
            let text = "The path and the header Wisdom-Tenant name different tenants.";
            return Err(Failure::new(
                FailureKind::InvalidArgument,
                "tenant.mismatch",
                text,
            ));
        }
        let caller = wisdom.caller(entry, principal, tenant, info).await?;
        trip.reading = true;
        let bytes = body::read(&head.headers, body, operation.body_bytes).await?;
        trip.reading = false;
        let refreshing = browser.as_ref().filter(|_| entry.name == Refresh::NAME);
        let mut input = match operation.dialect {
            Dialect::Json => read_input(operation, head, &bytes, params, refreshing)?,
            Dialect::Oauth => oauth::read_form(head, &bytes)?,
        };
        if operation.asks_device {
            device::fill_in(&mut input, &head.headers);
        }
        let key = credential::idempotency_key(&head.headers)?;
        let reply = wisdom.dispatch(entry, &caller, input, key).await?;
        let mut headers = HeaderMap::new();
        let body = match &browser {
            Some(browser) => {
                if entry.name == LogOut::NAME {
                    browser.clear(&mut headers);
                }
                browser
                    .keep_tokens(Cow::Owned(reply.body), &mut headers)?
                    .into_owned()
            }
            None => reply.body,
        };
        // An operation that answers nothing has an empty answer, not a JSON `null`.
        let mut answer = if operation.success == StatusCode::NO_CONTENT || body == b"null" {
            let mut answer = Answer::default();
            *answer.status_mut() = operation.success;
            answer
        } else {
            json(operation.success, body.into())
        };
        answer.headers_mut().extend(headers);
        if reply.replayed {
            answer
                .headers_mut()
                .insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(answer)
    }
}

/// An operation's input: from the body or the query, the path, and for a refresh from a cookie.
fn read_input(
    operation: &OperationEndpoint,
    head: &Parts,
    bytes: &[u8],
    params: &Params<'_, '_>,
    refreshing: Option<&FromBrowser<'_>>,
) -> Result<Value, Failure> {
    if operation.takes_body {
        if head.uri.query().is_some_and(|query| !query.is_empty()) {
            let text = "This route takes its input from the body, not from the query.";
            return Err(Failure::new(
                FailureKind::InvalidArgument,
                "query.unexpected",
                text,
            ));
        }
        if !bytes.is_empty() {
            body::require_json(&head.headers)?;
        }
        let input = match refreshing {
            Some(browser) => {
                let given = if bytes.is_empty() { b"{}" } else { bytes };
                browser.with_refresh_token(wisdom_core::json::parse(given)?)?
            }
            None => wisdom_core::json::parse(bytes)?,
        };
        input::with_body(input, params)
    } else if bytes.is_empty() {
        operation.plan.with_query(head, params)
    } else {
        Err(Failure::new(
            FailureKind::InvalidArgument,
            "body.unexpected",
            "This route takes its input from the query, not from a body.",
        ))
    }
}
