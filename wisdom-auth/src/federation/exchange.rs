//! Redeeming a code at a provider's token endpoint (RFC 6749, section 4.1.3; RFC 7636, section 4.5).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};
use wisdom_core::port::http_client::{IncomingResponse, OutgoingRequest};
use wisdom_core::secret::SecretText;

use super::assertion::AssertionFault;
use super::attempt::AttemptSecrets;
use super::error::FederationError;
use super::provider::{Provider, ProviderSettings};

/// Longest code looked at.
const MAX_CODE: usize = 4096;
/// Most bytes of a provider's answer.
const MAX_ANSWER: usize = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(8);
/// What a client is told to wait when the provider does not say.
const WAIT: Duration = Duration::from_secs(5);

/// What a code was redeemed for.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) access_token: SecretText,
    pub(super) id_token: Option<SecretText>,
}

/// Redeems a code. It is not repeated: a code works once, whether or not the answer arrived.
pub(super) async fn redeem(
    provider: &Provider,
    endpoint: &Url,
    basic: bool,
    secrets: &AttemptSecrets,
    code: &SecretText,
) -> Result<Grant, FederationError> {
    let response = send(
        provider,
        redemption(provider.settings(), endpoint, basic, secrets, code)?,
    )
    .await?;
    if response.status.is_server_error() || response.status.as_u16() == 429 {
        return Err(unavailable(&response));
    }
    let answer = if response.status.is_success() {
        object(&response)?
    } else {
        return Err(AssertionFault::Grant.into());
    };
    // GitHub says 200 and `error`.
    if answer.contains_key("error") {
        return Err(AssertionFault::Grant.into());
    }
    let text = |name: &str| match answer.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(SecretText::from(text.clone()))),
        Some(_) => Err(AssertionFault::Form),
    };
    let bearer = answer
        .get("token_type")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    if !bearer {
        return Err(AssertionFault::Form.into());
    }
    Ok(Grant {
        access_token: text("access_token")?.ok_or(AssertionFault::Form)?,
        id_token: text("id_token")?,
    })
}

fn redemption(
    settings: &ProviderSettings,
    endpoint: &Url,
    basic: bool,
    secrets: &AttemptSecrets,
    code: &SecretText,
) -> Result<OutgoingRequest, AssertionFault> {
    let of_form = code
        .expose()
        .bytes()
        .all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if code.expose().is_empty() || code.expose().len() > MAX_CODE || !of_form {
        return Err(AssertionFault::Grant);
    }
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code.expose())
        .append_pair("redirect_uri", settings.redirect_uri.as_str())
        .append_pair("code_verifier", secrets.verifier().expose());
    let mut header = None;
    match &settings.client_secret {
        Some(secret) if basic => header = Some(basic_credentials(&settings.client_id, secret)?),
        Some(secret) => {
            form.append_pair("client_id", &settings.client_id)
                .append_pair("client_secret", secret.expose());
        }
        None => {
            form.append_pair("client_id", &settings.client_id);
        }
    }
    let mut request = OutgoingRequest::post(endpoint.clone(), form.finish()).with_header(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    if let Some(value) = header {
        request = request.with_header(AUTHORIZATION, value);
    }
    Ok(request)
}

/// Asks a provider's API for JSON in the name of whoever signed in.
pub(super) async fn ask(provider: &Provider, address: &Url, grant: &Grant) -> Result<Value, FederationError> {
    let request = OutgoingRequest::get(address.clone())
        .with_bearer(&grant.access_token)
        .map_err(|_| AssertionFault::Form)?
        .with_header(http::header::USER_AGENT, HeaderValue::from_static("wisdom"));
    let response = send(provider, request).await?;
    match response.status.as_u16() {
        200 => Ok(wisdom_core::json::parse(&response.body).map_err(|_| AssertionFault::Form)?),
        429 | 500..=599 => Err(unavailable(&response)),
        _ => Err(AssertionFault::Grant.into()),
    }
}

async fn send(provider: &Provider, request: OutgoingRequest) -> Result<IncomingResponse, FederationError> {
    let request = request
        .with_header(ACCEPT, HeaderValue::from_static("application/json"))
        .with_timeout(TIMEOUT)
        .refusing_over(MAX_ANSWER)
        .to_addresses(provider.addresses());
    provider.http().send(request).await.map_err(|error| {
        tracing::warn!(provider = provider.name(), %error, "a sign-in provider cannot be reached");
        FederationError::Unavailable { retry_after: WAIT }
    })
}

fn unavailable(response: &IncomingResponse) -> FederationError {
    FederationError::Unavailable {
        retry_after: response.retry_after().unwrap_or(WAIT),
    }
}

fn object(response: &IncomingResponse) -> Result<Map<String, Value>, AssertionFault> {
    match wisdom_core::json::parse(&response.body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(AssertionFault::Form),
    }
}

/// RFC 6749, section 2.3.1: both are form-encoded before they are joined.
fn basic_credentials(id: &str, secret: &SecretText) -> Result<HeaderValue, AssertionFault> {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let joined = SecretText::from(format!("{}:{}", encoded(id), encoded(secret.expose())));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(joined.expose())))
        .map_err(|_| AssertionFault::Form)?;
    value.set_sensitive(true);
    Ok(value)
}
