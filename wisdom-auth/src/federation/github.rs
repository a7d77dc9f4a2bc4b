//! GitHub: OAuth 2.0 without `OpenID` Connect. Who somebody is, is asked of its API over TLS.

use serde_json::Value;
use url::Url;
use wisdom_core::port::http_client::AddressPolicy;
use wisdom_core::value::{DisplayName, EmailAddress};

use super::assertion::{Assertion, AssertionFault as Fault};
use super::error::FederationError;
use super::exchange::{self, Grant};
use super::provider::{Provider, endpoint};

/// Addresses looked at.
const MAX_EMAILS: usize = 100;

/// Where GitHub stands.
#[derive(Debug)]
pub(super) struct Endpoints {
    /// What identities are kept under: the site itself, which is also its `iss` where it sends one.
    pub(super) issuer: String,
    pub(super) authorize: Url,
    pub(super) token: Url,
    user: Url,
    emails: Url,
}

impl Endpoints {
    pub(super) fn new(site: &str, api: &str, policy: AddressPolicy) -> Option<Self> {
        let at = |text: String| endpoint(&text, policy);
        let issuer = at(site.to_owned())?.origin().ascii_serialization();
        Some(Self {
            authorize: at(format!("{site}/login/oauth/authorize"))?,
            token: at(format!("{site}/login/oauth/access_token"))?,
            user: at(format!("{api}/user"))?,
            emails: at(format!("{api}/user/emails"))?,
            issuer,
        })
    }
}

/// Who the access token belongs to. The number is the subject: log-in names change hands.
pub(super) async fn person(
    provider: &Provider,
    endpoints: &Endpoints,
    grant: &Grant,
) -> Result<Assertion, FederationError> {
    let user = exchange::ask(provider, &endpoints.user, grant).await?;
    let id = user
        .get("id")
        .and_then(Value::as_u64)
        .filter(|id| *id > 0)
        .ok_or(Fault::Claims)?;
    let emails = exchange::ask(provider, &endpoints.emails, grant).await?;
    let name = ["name", "login"]
        .iter()
        .find_map(|member| user.get(*member).and_then(Value::as_str));
    Ok(Assertion {
        issuer: endpoints.issuer.clone(),
        subject: id.to_string(),
        verified_email: primary(&emails)?,
        name: name.and_then(|name| DisplayName::parse(name).ok()),
    })
}

/// The primary address, if it is verified.
fn primary(emails: &Value) -> Result<Option<EmailAddress>, Fault> {
    let list = emails.as_array().ok_or(Fault::Claims)?;
    let yes = |entry: &Value, name: &str| entry.get(name) == Some(&Value::Bool(true));
    let found = list
        .iter()
        .take(MAX_EMAILS)
        .find(|entry| yes(entry, "primary") && yes(entry, "verified"));
    let text = found.and_then(|entry| entry.get("email")).and_then(Value::as_str);
    Ok(text.and_then(|text| EmailAddress::parse(text).ok()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_verified_primary_address_counts() {
        let of = |emails: Value| primary(&emails).unwrap().map(|email| email.as_str().to_owned());
        let ada = json!({ "email": "ada@example.com", "primary": true, "verified": true });
        let other = json!({ "email": "other@example.com", "primary": false, "verified": true });
        assert_eq!(of(json!([other, ada])).as_deref(), Some("ada@example.com"));
        assert_eq!(of(json!([other])), None);
        assert_eq!(
            of(json!([{ "email": "a@example.com", "primary": true, "verified": false }])),
            None
        );
        assert_eq!(
            of(json!([{ "email": "a@example.com", "primary": true, "verified": "true" }])),
            None
        );
        assert_eq!(of(json!([])), None);
        assert_eq!(primary(&json!({ "message": "no" })), Err(Fault::Claims));
    }
}
