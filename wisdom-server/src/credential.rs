//! What a request says about who calls, for which tenant, and how often.

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use wisdom_core::failure::{Failure, FailureKind};
use wisdom_core::id::TenantId;

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const WISDOM_TENANT: HeaderName = HeaderName::from_static("wisdom-tenant");

const SCHEME: &[u8] = b"bearer ";

/// The bearer token (RFC 6750, section 2.1). Tokens in bodies and queries are not taken.
///
/// Its characters are left to who verifies it: only valid tokens are remembered, so that one seen before need not be
/// looked through again.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&[u8]>, Failure> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    let malformed = || {
        Failure::new(
            FailureKind::Unauthenticated,
            "token.malformed",
            "Authorization must be \"Bearer\" and one token.",
        )
    };
    let (scheme, token) = line
        .as_bytes()
        .split_at_checked(SCHEME.len())
        .ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) || lines.next().is_some() {
        return Err(malformed());
    }
    let token = token.trim_ascii();
    if token.is_empty() {
        return Err(malformed());
    }
    Ok(Some(token))
}

/// The tenant that the header names. One that cannot exist is told like one that does not.
pub(crate) fn tenant(headers: &HeaderMap) -> Result<Option<TenantId>, Failure> {
    let mut lines = headers.get_all(WISDOM_TENANT).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    let id = line.to_str().ok().and_then(|text| text.parse().ok());
    match (id, lines.next()) {
        (Some(id), None) => Ok(Some(id)),
        _ => Err(Failure::not_found()),
    }
}

/// The idempotency key, as text.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let mut lines = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    match (line.to_str(), lines.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(Failure::field(
            "Idempotency-Key",
            "format",
            "must be 1 to 255 visible ASCII characters, once",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_one_bearer_token_is_a_credential() {
        assert_eq!(bearer(&HeaderMap::new()).unwrap(), None);
        assert_eq!(
            bearer(&with(AUTHORIZATION, &["bearer a.b.c"])).unwrap(),
            Some(&b"a.b.c"[..])
        );
        for bad in [
            &["Basic a"][..],
            &["Bearer"],
            &["Bearer "],
            &["Bearer a", "Bearer b"],
        ] {
            assert_eq!(
                bearer(&with(AUTHORIZATION, bad)).unwrap_err().kind,
                FailureKind::Unauthenticated,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_tenant_that_cannot_exist_is_not_found() {
        assert!(
            tenant(&with(WISDOM_TENANT, &["tnt_00000000000000000000000001"]))
                .unwrap()
                .is_some()
        );
        for bad in [
            &["acme"][..],
            &["tnt_00000000000000000000000001", "tnt_00000000000000000000000001"],
        ] {
            assert_eq!(
                tenant(&with(WISDOM_TENANT, bad)).unwrap_err().kind,
                FailureKind::NotFound,
                "{bad:?}"
            );
        }
    }
}
