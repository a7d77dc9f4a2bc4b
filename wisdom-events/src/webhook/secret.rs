//! Signing secrets in storage: sealed for their endpoint, so that a row copied to another endpoint or tenant does not
//! open.

use wisdom_core::id::{EndpointId, TenantId};
use wisdom_core::seal::{Context, Purpose, SealError, Sealer};
use wisdom_core::time::Timestamp;

use super::signature::SigningSecret;
use super::{Endpoint, SealedSecret};

const SECRET: Purpose = Purpose("webhook.secret.v1");

fn context(tenant: TenantId, endpoint: EndpointId) -> Context {
    Context::new()
        .part(tenant.as_uuid().as_bytes())
        .part(endpoint.as_uuid().as_bytes())
}

/// Seals a secret that signs until it is replaced.
pub(crate) fn seal(
    sealer: &dyn Sealer,
    tenant: TenantId,
    endpoint: EndpointId,
    secret: &SigningSecret,
) -> Result<SealedSecret, SealError> {
    let sealed = sealer.seal(SECRET, context(tenant, endpoint).as_bytes(), secret.expose())?;
    Ok(SealedSecret { sealed, until: None })
}

/// Opens the secrets that sign at `now`, the current one first.
///
/// An old secret that no longer opens is left out; the current one must open.
pub(crate) fn open(
    sealer: &dyn Sealer,
    tenant: TenantId,
    endpoint: &Endpoint,
    now: Timestamp,
) -> Result<Vec<SigningSecret>, SealError> {
    let mut secrets = Vec::with_capacity(endpoint.secrets.len());
    for stored in endpoint
        .secrets
        .iter()
        .filter(|stored| stored.until.is_none_or(|until| until > now))
    {
        let opened = sealer
            .open(SECRET, context(tenant, endpoint.id).as_bytes(), &stored.sealed)
            .and_then(|bytes| SigningSecret::from_bytes(bytes).map_err(|_| SealError::Refused));
        match opened {
            Ok(secret) => secrets.push(secret),
            Err(error) if stored.until.is_none() => return Err(error),
            Err(_) => {}
        }
    }
    if secrets.is_empty() {
        Err(SealError::Refused)
    } else {
        Ok(secrets)
    }
}
