//! `webhooks.endpoint.create`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, Callers};
use wisdom_core::audit::AuditEntry;
use wisdom_core::id::{IdSourceExt as _, kind};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::HttpsUrl;

use super::tenant_of;
use crate::error::EventsError;
use crate::permission::ENDPOINT_MANAGE;
use crate::store::EventsTx;
use crate::webhook::endpoint::{check_description, check_kinds, check_url};
use crate::webhook::signature::SigningSecret;
use crate::webhook::{Endpoint, EndpointView, WebhookPolicy, secret};

/// Adds a webhook endpoint.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateEndpoint {
    /// Where to: `https`, on a public address.
    pub url: HttpsUrl,
    /// What it is for; at most 200 characters.
    #[serde(default)]
    pub description: String,
    /// The event kinds wanted; empty for all. A trailing `.*` matches all kinds below.
    #[serde(default)]
    pub event_kinds: Vec<String>,
}

/// The new endpoint with its secret, which is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CreatedEndpoint {
    /// The endpoint.
    #[serde(flatten)]
    pub endpoint: EndpointView,
    /// The signing secret (`whsec_…`). Keep it: it cannot be read again.
    pub secret: SecretText,
}

impl Operation for CreateEndpoint {
    const NAME: &'static str = "webhooks.endpoint.create";
    const SUMMARY: &'static str = "Adds a webhook endpoint and shows its signing secret once.";
    const ACCESS: Access = Access::Tenant(ENDPOINT_MANAGE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::NotOperators;
    type Output = CreatedEndpoint;
    type Error = EventsError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for CreateEndpoint {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<CreatedEndpoint>, EventsError> {
        let frame = Arc::clone(tx.frame());
        let kit = frame.kit();
        let policy = kit.policies.get::<WebhookPolicy>();
        check_url(&self.url, &policy)?;
        check_description(&self.description)?;
        check_kinds(&self.event_kinds)?;
        if tx.endpoints().count().await? >= i64::from(policy.max_endpoints) {
            return Err(EventsError::EndpointLimit {
                limit: policy.max_endpoints,
            });
        }
        let id = kit.ids.id::<kind::Endpoint>();
        let secret = SigningSecret::generate(&*kit.random)?;
        let endpoint = Endpoint {
            id,
            url: self.url.clone(),
            description: self.description.clone(),
            event_kinds: self.event_kinds.clone(),
            enabled: true,
            disabled_reason: None,
            failing_since: None,
            secrets: vec![secret::seal(&*kit.sealer, tenant_of(&frame)?, id, &secret)?],
            created_at: frame.now(),
            version: 1,
        };
        tx.endpoints().insert(&endpoint).await?;
        let entry = AuditEntry::on("webhook_endpoint", id)
            .with(json!({ "host": endpoint.url.url().host_str(), "event_kinds": endpoint.event_kinds }));
        Ok(Outcome::audited(
            CreatedEndpoint {
                endpoint: endpoint.into(),
                secret: secret.to_text(),
            },
            entry,
        ))
    }
}
