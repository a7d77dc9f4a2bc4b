//! `webhooks.endpoint.update`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, Callers};
use wisdom_core::audit::AuditEntry;
use wisdom_core::id::EndpointId;
use wisdom_core::outcome::Outcome;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};
use wisdom_core::value::HttpsUrl;

use crate::error::EventsError;
use crate::permission::ENDPOINT_MANAGE;
use crate::store::EventsTx;
use crate::webhook::endpoint::{change, check_description, check_kinds, check_url};
use crate::webhook::{Endpoint, EndpointView, WebhookPolicy};

/// Changes a webhook endpoint; what is absent stays.
///
/// Enabling does not deliver again what was given up meanwhile: replay the deliveries that matter.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateEndpoint {
    /// Which.
    pub endpoint: EndpointId,
    /// Where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<HttpsUrl>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The event kinds wanted; empty for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_kinds: Option<Vec<String>>,
    /// Whether deliveries are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The version the change was made for; another stored one refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<i64>,
}

impl UpdateEndpoint {
    fn apply(&self, endpoint: &mut Endpoint) {
        if let Some(url) = self.url.as_ref().filter(|url| **url != endpoint.url) {
            endpoint.url = url.clone();
            // What failed was the old address.
            endpoint.failing_since = None;
        }
        if let Some(description) = &self.description {
            endpoint.description.clone_from(description);
        }
        if let Some(kinds) = &self.event_kinds {
            endpoint.event_kinds.clone_from(kinds);
        }
        if let Some(enabled) = self.enabled {
            if enabled && !endpoint.enabled {
                endpoint.disabled_reason = None;
                endpoint.failing_since = None;
            }
            endpoint.enabled = enabled;
        }
    }

    /// The names of the fields that were given, for the audit log.
    fn given(&self) -> Vec<&'static str> {
        [
            ("url", self.url.is_some()),
            ("description", self.description.is_some()),
            ("event_kinds", self.event_kinds.is_some()),
            ("enabled", self.enabled.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }
}

impl Operation for UpdateEndpoint {
    const NAME: &'static str = "webhooks.endpoint.update";
    const SUMMARY: &'static str = "Changes a webhook endpoint.";
    const ACCESS: Access = Access::Tenant(ENDPOINT_MANAGE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::NotOperators;
    type Output = EndpointView;
    type Error = EventsError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for UpdateEndpoint {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<EndpointView>, EventsError> {
        let frame = Arc::clone(tx.frame());
        if let Some(url) = &self.url {
            check_url(url, &frame.kit().policies.get::<WebhookPolicy>())?;
        }
        check_description(self.description.as_deref().unwrap_or_default())?;
        check_kinds(self.event_kinds.as_deref().unwrap_or_default())?;
        let endpoint = change(tx, self.endpoint, self.expected_version, |endpoint| {
            self.apply(endpoint);
            Ok(())
        })
        .await?;
        let entry = AuditEntry::on("webhook_endpoint", endpoint.id)
            .with(json!({ "changed": self.given(), "enabled": endpoint.enabled }));
        Ok(Outcome::audited(endpoint.into(), entry))
    }
}

#[cfg(test)]
mod tests {
    use wisdom_core::id::{IdSourceExt as _, ManualIds, kind};
    use wisdom_core::time::Timestamp;

    use super::*;

    #[test]
    fn enabling_clears_why_it_was_disabled_and_a_new_address_starts_afresh() {
        let mut endpoint = Endpoint {
            id: ManualIds::new(1).id::<kind::Endpoint>(),
            url: HttpsUrl::parse("https://a.acme.test/").unwrap(),
            description: "old".to_owned(),
            event_kinds: vec!["a".to_owned()],
            enabled: false,
            disabled_reason: Some("failing".to_owned()),
            failing_since: Some(Timestamp::EPOCH),
            secrets: Vec::new(),
            created_at: Timestamp::EPOCH,
            version: 3,
        };
        let update = |text: &str| serde_json::from_str::<UpdateEndpoint>(text).unwrap();
        let id = endpoint.id;
        let nothing = update(&format!(r#"{{"endpoint":"{id}","url":"https://a.acme.test/"}}"#));
        let before = endpoint.clone();
        nothing.apply(&mut endpoint);
        assert_eq!(endpoint, before);
        update(&format!(r#"{{"endpoint":"{id}","url":"https://b.acme.test/"}}"#)).apply(&mut endpoint);
        assert_eq!((endpoint.failing_since, endpoint.enabled), (None, false));
        endpoint.failing_since = Some(Timestamp::EPOCH);
        update(&format!(
            r#"{{"endpoint":"{id}","enabled":true,"event_kinds":[]}}"#
        ))
        .apply(&mut endpoint);
        assert!(endpoint.enabled && endpoint.disabled_reason.is_none() && endpoint.failing_since.is_none());
        assert!(endpoint.event_kinds.is_empty() && endpoint.description == "old");
    }
}
