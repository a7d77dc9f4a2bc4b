//! From a routed request to an operation's answer.

use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use http_body::Body;
use matchit::Params;
use wisdom_core::failure::{Failure, FailureKind};
use wisdom_core::trace::RequestInfo;

use super::{Answer, Inner, Trip, json};
use crate::endpoint::OperationEndpoint;
use crate::{body, credential, input};

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
        // Where anybody may come, a credential says nothing: an old one must not stop a log-in or refresh.
        let principal = if operation.public {
            None
        } else {
            let token = credential::bearer(&head.headers)?;
            token.map(|token| wisdom.authenticate(token)).transpose()?
        };
        if let Some(principal) = &principal {
            trip.user = principal.user();
            let caller = principal.caller_id();
            self.limits.take_caller(caller, &mut trip.spent).await?;
            wisdom.note_sight(principal);
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
        let input = if operation.takes_body {
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
            input::with_body(wisdom_core::json::parse(&bytes)?, params)?
        } else if bytes.is_empty() {
            operation.plan.with_query(head, params)?
        } else {
            let text = "This route takes its input from the query, not from a body.";
            return Err(Failure::new(
                FailureKind::InvalidArgument,
                "body.unexpected",
                text,
            ));
        };
        let key = credential::idempotency_key(&head.headers)?;
        let reply = wisdom.dispatch(entry, &caller, input, key).await?;
        // An operation that answers nothing has an empty answer, not a JSON `null`.
        let mut answer = if operation.success == StatusCode::NO_CONTENT || reply.body == b"null" {
            let mut answer = Answer::default();
            *answer.status_mut() = operation.success;
            answer
        } else {
            json(operation.success, reply.body.into())
        };
        if reply.replayed {
            answer
                .headers_mut()
                .insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(answer)
    }
}
