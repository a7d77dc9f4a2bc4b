//! A call from outside: who calls, for which tenant, and the operation by its name.

use aws_lc_rs::digest::{Context as Digest, SHA256};
use serde_json::Value;
use wisdom_auth::authenticate::authenticate;
use wisdom_auth::operation::{RemoveClientCertificate, RevokeClient, RevokeToken};
use wisdom_core::access::{Access, AccessError, Grants};
use wisdom_core::catalogue::{Entry, Kind, Reply};
use wisdom_core::context::{
    Caller, Principal, SystemContext, SystemReason, TenantContext, VerifiedMembership,
};
use wisdom_core::failure::{Failure, FailureKind, OperationError};
use wisdom_core::id::{IdSourceExt as _, TenantId, UserId, kind};
use wisdom_core::idempotency::{IdempotencyClaim, IdempotencyKey};
use wisdom_core::trace::{RequestInfo, TraceContext};
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::Operation as _;
use wisdom_tenancy::error::TenancyError;

use super::Wisdom;
use super::memberships::Known;
use super::standing::FindStanding;

const STANDING: SystemReason = SystemReason("tenancy.standing");
/// Operations after which the tokens of a client may be worth nothing.
const CLIENT_ENDS: [&str; 2] = [RevokeClient::NAME, RemoveClientCertificate::NAME];

/// What a door knows of a call.
#[derive(Debug)]
pub struct Call<'a> {
    /// The operation's name.
    pub operation: &'a str,
    /// The access token, if one came.
    pub token: Option<&'a str>,
    /// The tenant the call is for, if one was named.
    pub tenant: Option<TenantId>,
    /// The client's idempotency key, if one came.
    pub idempotency_key: Option<&'a str>,
    /// The request it belongs to.
    pub request: RequestInfo,
    /// The operation's input.
    pub input: Value,
}

impl<'a> Call<'a> {
    /// A call by nobody in particular and outside of any tenant; set the other fields as needed.
    #[must_use]
    pub const fn new(operation: &'a str, input: Value, request: RequestInfo) -> Self {
        Self {
            operation,
            token: None,
            tenant: None,
            idempotency_key: None,
            request,
            input,
        }
    }
}

impl Wisdom {
    /// The identity of a new request: an id, and the caller's trace or a new one.
    #[must_use]
    pub fn request(&self, trace: Option<TraceContext>, source: Option<std::net::IpAddr>) -> RequestInfo {
        let kit = self.runner.kit();
        let id = kit.ids.id::<kind::Request>();
        let trace = trace.unwrap_or_else(|| {
            // A trace that begins here is named like its first request: a UUIDv7 is unique, never zero, and its second
            // half, random but for two bits, is enough for a span. More randomness would cost more than it tells.
            let trace_id = id.as_uuid().into_bytes();
            let mut span_id = [0; 8];
            span_id.copy_from_slice(&trace_id[8..]);
            TraceContext {
                trace_id,
                span_id,
                flags: 1,
            }
        });
        RequestInfo {
            id,
            trace,
            source,
            certificate: None,
        }
    }

    /// Whom an access token speaks for. Needs no storage.
    ///
    /// # Errors
    /// A refusal when the token is not valid, or its session has ended.
    pub fn authenticate(&self, token: impl AsRef<[u8]>) -> Result<Principal, Failure> {
        let now = self.runner.kit().clock.now();
        authenticate(&self.auth, token, now).map_err(OperationError::into_failure)
    }

    /// The caller of an operation: resolves the tenant where there is one.
    ///
    /// # Errors
    /// A refusal when the operation needs a tenant and none is named, when the caller is not a member of it (told as
    /// "not found"), or when the tenant is closed.
    pub async fn caller<H>(
        &self,
        entry: &Entry<H>,
        principal: Option<Principal>,
        tenant: Option<TenantId>,
        request: RequestInfo,
    ) -> Result<Caller, Failure> {
        let needs_tenant = matches!(entry.access, Access::Tenant(_));
        let Some(principal) = principal else {
            return if matches!(entry.access, Access::Public) {
                Ok(Caller::Anonymous(request))
            } else {
                Err(AccessError::Unauthenticated.into())
            };
        };
        let Some(tenant) = tenant.or(principal.tenant) else {
            return if needs_tenant {
                Err(Failure::new(
                    FailureKind::InvalidArgument,
                    "tenant.required",
                    "Name the tenant: in the path, or in the header Wisdom-Tenant.",
                ))
            } else {
                Ok(Caller::Authenticated(principal, request))
            };
        };
        // Public and authenticated operations run outside of any tenant; only reads about the caller take one along.
        if !needs_tenant && entry.effect == Effect::Write {
            return Ok(Caller::Authenticated(principal, request));
        }
        if principal.tenant.is_some_and(|bound| bound != tenant) {
            return Err(Failure::not_found());
        }
        let user = principal.user();
        let known = self.standing(tenant, user, entry.effect, request).await?;
        let known = known.ok_or_else(Failure::not_found)?;
        known
            .state
            .admit(known.role)
            .map_err(OperationError::into_failure)?;
        // What needs no tenant goes on: setting a second factor up, above all.
        if known.lacks_second_factor && needs_tenant {
            return Err(TenancyError::MfaRequired.into_failure());
        }
        let context = match user {
            Some(user) => {
                let membership = VerifiedMembership::attested(tenant, user, Grants::of_role(known.role));
                TenantContext::from_membership(membership, principal, request)?
            }
            None => TenantContext::of_service(principal, request)?,
        };
        Ok(Caller::Tenant(context))
    }

    /// What the user is in the tenant, or, for a credential that is no user's, how the tenant stands.
    /// Reads may rest on what was known seconds ago; writes ask storage.
    async fn standing(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
        effect: Effect,
        request: RequestInfo,
    ) -> Result<Option<Known>, Failure> {
        if effect == Effect::Read
            && let Some(known) = self.memberships.get(&(tenant, user))
        {
            return Ok(Some(known));
        }
        let reading = self.memberships.begin();
        let context = SystemContext::worker(STANDING, request);
        // Boxed, so that calls that need no storage do not carry the room for a unit of work with them.
        let known = Box::pin(self.runner.system(&context, &FindStanding { tenant, user })).await;
        let known = known.map_err(OperationError::into_failure)?;
        if let Some(known) = known {
            self.memberships.keep(reading, (tenant, user), known);
        }
        Ok(known)
    }

    /// Runs an operation for a caller, and does what follows a change: wakes the relay, forgets memberships.
    ///
    /// # Errors
    /// The refusal, ready to be shown.
    pub async fn dispatch(
        &self,
        entry: &Entry<Self>,
        caller: &Caller,
        input: Value,
        idempotency_key: Option<&str>,
    ) -> Result<Reply, Failure> {
        let claim = match (idempotency_key, caller.principal()) {
            (Some(text), Some(principal)) if entry.effect == Effect::Write && entry.kind != Kind::Flow => {
                let key = IdempotencyKey::parse(text).map_err(|_| {
                    Failure::field(
                        "Idempotency-Key",
                        "format",
                        "must be 1 to 255 visible ASCII characters",
                    )
                })?;
                let tenant = caller.tenant().map(TenantContext::tenant);
                Some(IdempotencyClaim {
                    tenant,
                    caller: principal.caller_id(),
                    key,
                    fingerprint: fingerprint(entry.name, &input),
                })
            }
            _ => None,
        };
        self.prove_before(entry.name, caller).await?;
        // Strangers may call this one: it must not make the node forget what it knows of other tokens.
        let ended = (entry.name == RevokeToken::NAME).then(|| self.known_tokens.ended_by(&input));
        let result = entry.call(self, caller, input, claim.as_ref()).await;
        if entry.effect == Effect::Write {
            if entry.name.starts_with("tenancy.") {
                self.memberships.forget();
            }
            if entry.name.starts_with("auth.api_key.") {
                self.known_keys.forget();
            }
            if CLIENT_ENDS.contains(&entry.name) {
                self.known_tokens.forget();
            }
            if let Some(public_id) = ended.flatten() {
                self.known_tokens.forget_one(&public_id);
            }
            self.events.relay.wake();
        }
        result
    }

    /// Runs an operation by name, from credential to answer: what every door but the hot path of HTTP uses.
    ///
    /// # Errors
    /// The refusal, ready to be shown.
    pub async fn call(&self, call: Call<'_>) -> Result<Reply, Failure> {
        let entry = self
            .catalogue
            .find(call.operation)
            .filter(|entry| entry.access != Access::System);
        let entry = entry.ok_or_else(|| {
            Failure::new(
                FailureKind::NotFound,
                "operation.unknown",
                "There is no operation of this name.",
            )
        })?;
        let principal = match call.token {
            Some(token) => Some(self.authenticate_bearer(token.as_bytes(), &call.request).await?),
            None => None,
        };
        if let Some(principal) = &principal {
            self.ensure_open(principal, entry.callers).await?;
            self.note_sight(principal).await?;
        }
        let caller = self.caller(entry, principal, call.tenant, call.request).await?;
        self.dispatch(entry, &caller, call.input, call.idempotency_key)
            .await
    }
}

/// SHA-256 over the operation and its input with members in order, so that white space and order do not matter.
fn fingerprint(operation: &str, input: &Value) -> [u8; 32] {
    let mut digest = Digest::new(&SHA256);
    part(&mut digest, b'o', operation.as_bytes());
    canonical(&mut digest, input);
    let mut out = [0; 32];
    out.copy_from_slice(digest.finish().as_ref());
    out
}

fn part(digest: &mut Digest, tag: u8, bytes: &[u8]) {
    digest.update(&[tag]);
    digest.update(&(bytes.len() as u64).to_be_bytes());
    digest.update(bytes);
}

fn canonical(digest: &mut Digest, value: &Value) {
    match value {
        Value::Null => part(digest, b'n', &[]),
        Value::Bool(truth) => part(digest, b'b', &[u8::from(*truth)]),
        Value::Number(number) => part(digest, b'd', number.to_string().as_bytes()),
        Value::String(text) => part(digest, b's', text.as_bytes()),
        Value::Array(items) => {
            part(digest, b'a', &(items.len() as u64).to_be_bytes());
            for item in items {
                canonical(digest, item);
            }
        }
        Value::Object(members) => {
            part(digest, b'm', &(members.len() as u64).to_be_bytes());
            let mut names: Vec<_> = members.keys().collect();
            names.sort_unstable();
            for name in names {
                part(digest, b'k', name.as_bytes());
                canonical(digest, &members[name]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fingerprints_ignore_order_and_nothing_else() {
        let a = fingerprint("op", &json!({"a": 1, "b": ["x", "y"]}));
        assert_eq!(
            a,
            fingerprint(
                "op",
                &serde_json::from_str(r#"{ "b":["x","y"], "a":1 }"#).unwrap()
            )
        );
        for other in [
            json!({"a": 1, "b": ["y", "x"]}),
            json!({"a": "1", "b": ["x", "y"]}),
            json!({"a": 1, "b": ["xy"]}),
        ] {
            assert_ne!(a, fingerprint("op", &other));
        }
        assert_ne!(a, fingerprint("po", &json!({"a": 1, "b": ["x", "y"]})));
    }
}
