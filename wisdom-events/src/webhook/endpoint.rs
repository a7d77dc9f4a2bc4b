//! The rules of an endpoint's fields, how it is shown, and how it is changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wisdom_core::id::EndpointId;
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::time::Timestamp;
use wisdom_core::value::HttpsUrl;

use super::{Endpoint, WebhookPolicy};
use crate::error::EventsError;
use crate::store::EventsTx;

/// Longest description, in characters.
const MAX_DESCRIPTION: usize = 200;
/// Event kinds that one endpoint can name.
const MAX_KINDS: usize = 50;
/// Longest event kind, in bytes.
const MAX_KIND: usize = 100;
/// Tries of a change that others get in the way of.
const CHANGE_TRIES: u32 = 4;

/// An endpoint as its tenant sees it: everything but the secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointView {
    /// Id.
    pub id: EndpointId,
    /// Where to.
    pub url: HttpsUrl,
    /// What it is for.
    pub description: String,
    /// The event kinds wanted; empty for all. A trailing `.*` matches all kinds below.
    pub event_kinds: Vec<String>,
    /// Whether deliveries are made.
    pub enabled: bool,
    /// Why it was disabled by the service: `gone` (it answered 410) or `failing` (nothing but failures for days).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<String>,
    /// Since when every attempt failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts changes, from 1.
    pub version: i64,
}

impl From<Endpoint> for EndpointView {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            id: endpoint.id,
            url: endpoint.url,
            description: endpoint.description,
            event_kinds: endpoint.event_kinds,
            enabled: endpoint.enabled,
            disabled_reason: endpoint.disabled_reason,
            failing_since: endpoint.failing_since,
            created_at: endpoint.created_at,
            version: endpoint.version,
        }
    }
}

/// Refuses addresses that are never called, as far as the URL itself tells. What a name resolves to is checked at each
/// delivery, by the HTTP client.
pub(crate) fn check_url(url: &HttpsUrl, policy: &WebhookPolicy) -> Result<(), EventsError> {
    policy.addresses().check_url(url.url())?;
    Ok(())
}

/// At most 200 characters, no control characters.
pub(crate) fn check_description(text: &str) -> Result<(), EventsError> {
    if text.chars().count() > MAX_DESCRIPTION || text.chars().any(char::is_control) {
        return Err(EventsError::Invalid {
            field: "description",
            rule: "text",
            message: "must be at most 200 characters without control characters".into(),
        });
    }
    Ok(())
}

/// At most 50 kinds such as `tenancy.membership.created`, or `tenancy.*` for all below.
pub(crate) fn check_kinds(kinds: &[String]) -> Result<(), EventsError> {
    let invalid = |rule, message: &'static str| {
        Err(EventsError::Invalid {
            field: "event_kinds",
            rule,
            message: message.into(),
        })
    };
    if kinds.len() > MAX_KINDS {
        return invalid("count", "must be at most 50 event kinds");
    }
    let good = |kind: &String| {
        let name = kind.strip_suffix(".*").unwrap_or(kind);
        kind.len() <= MAX_KIND
            && name.split('.').all(|part| {
                !part.is_empty()
                    && part
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            })
    };
    if !kinds.iter().all(good) {
        return invalid(
            "event_kind",
            "must be event kinds such as tenancy.membership.created, or tenancy.* for all below",
        );
    }
    Ok(())
}

/// Reads an endpoint, changes it and writes it back, compared and set.
///
/// With an expected version any other one is `Stale`. Without, somebody else's change in between is taken in and this
/// one is made on top of it.
pub(crate) async fn change<Tx: EventsTx + ?Sized>(
    tx: &mut Tx,
    id: EndpointId,
    expected: Option<i64>,
    mut change: impl FnMut(&mut Endpoint) -> Result<(), EventsError> + Send,
) -> Result<Endpoint, EventsError> {
    let mut tries = 1;
    loop {
        let mut endpoint = tx
            .endpoints()
            .find(id)
            .await?
            .ok_or(EventsError::NoSuchEndpoint)?;
        let read = endpoint.version;
        if expected.is_some_and(|expected| expected != read) {
            return Err(StorageError::stale("endpoints.update").into());
        }
        change(&mut endpoint)?;
        match tx.endpoints().update(&endpoint, read).await {
            Ok(()) => {
                endpoint.version = read + 1;
                return Ok(endpoint);
            }
            Err(error)
                if error.kind() == StorageErrorKind::Stale && expected.is_none() && tries < CHANGE_TRIES =>
            {
                tries += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_names_with_an_optional_star_at_the_end() {
        let check = |kind: &str| check_kinds(&[kind.to_owned()]).is_ok();
        for good in ["a", "tenancy.membership.created", "tenancy.*", "a_1.b2"] {
            assert!(check(good), "{good}");
        }
        for bad in [
            "",
            "*",
            ".*",
            "a.",
            ".a",
            "a..b",
            "a.*.b",
            "A.b",
            "a b",
            "a.*\n",
            "a*",
            &"a".repeat(101),
        ] {
            assert!(!check(bad), "{bad:?}");
        }
        assert!(check_kinds(&vec!["a".to_owned(); 51]).is_err());
        assert!(check_kinds(&[]).is_ok());
    }

    #[test]
    fn descriptions_are_short_and_clean() {
        assert!(check_description(&"ü".repeat(200)).is_ok());
        for bad in ["a\0", "a\nb", "\u{1b}[31m", &"x".repeat(201)] {
            assert!(check_description(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn loopback_needs_the_setting_and_private_addresses_are_never_called() {
        let url = |text| HttpsUrl::parse(text).unwrap();
        let strict = WebhookPolicy::default();
        let open = WebhookPolicy {
            allow_loopback: true,
            ..strict
        };
        for (text, is_strict, is_open) in [
            ("https://hooks.acme.test/a", true, true),
            ("http://127.0.0.1:9/a", false, true),
            ("http://localhost/a", false, true),
            ("https://[::1]/", false, true),
            ("https://10.0.0.1/", false, false),
            ("https://169.254.169.254/latest", false, false),
            ("https://2130706433/", false, true),
            ("https://[::ffff:10.0.0.1]/", false, false),
        ] {
            assert_eq!(check_url(&url(text), &strict).is_ok(), is_strict, "{text}");
            assert_eq!(check_url(&url(text), &open).is_ok(), is_open, "{text}");
        }
    }
}
