//! `webhooks.endpoint.rotate_secret`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::{Access, Callers};
use wisdom_core::audit::AuditEntry;
use wisdom_core::id::EndpointId;
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::tenant_of;
use crate::error::EventsError;
use crate::permission::ENDPOINT_MANAGE;
use crate::store::EventsTx;
use crate::webhook::endpoint::change;
use crate::webhook::signature::{MAX_SECRETS, SigningSecret};
use crate::webhook::{SealedSecret, WebhookPolicy, secret};

/// Gives a webhook endpoint a new signing secret; the old one signs along for a day, so that the receiver can change
/// over in peace.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateSecret {
    /// Which.
    pub endpoint: EndpointId,
}

/// The new secret, which is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RotatedSecret {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The new signing secret (`whsec_…`). Keep it: it cannot be read again.
    pub secret: SecretText,
    /// Until when the one before signs along.
    pub old_signs_until: Timestamp,
}

impl Operation for RotateSecret {
    const NAME: &'static str = "webhooks.endpoint.rotate_secret";
    const SUMMARY: &'static str = "Gives a webhook endpoint a new signing secret and shows it once.";
    const ACCESS: Access = Access::Tenant(ENDPOINT_MANAGE);
    const EFFECT: Effect = Effect::Write;
    const CALLERS: Callers = Callers::NotOperators;
    type Output = RotatedSecret;
    type Error = EventsError;
}

impl<Tx: EventsTx + ?Sized> UseCase<Tx> for RotateSecret {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<RotatedSecret>, EventsError> {
        let frame = Arc::clone(tx.frame());
        let (kit, now) = (frame.kit(), frame.now());
        let old_signs_until = now.saturating_add(kit.policies.get::<WebhookPolicy>().old_secret_signs);
        let secret = SigningSecret::generate(&*kit.random)?;
        let sealed = secret::seal(&*kit.sealer, tenant_of(&frame)?, self.endpoint, &secret)?;
        change(tx, self.endpoint, None, |endpoint| {
            rotate(&mut endpoint.secrets, sealed.clone(), now, old_signs_until)
        })
        .await?;
        let entry = AuditEntry::on("webhook_endpoint", self.endpoint)
            .with(json!({ "old_signs_until": old_signs_until }));
        let rotated = RotatedSecret {
            endpoint: self.endpoint,
            secret: secret.to_text(),
            old_signs_until,
        };
        Ok(Outcome::audited(rotated, entry))
    }
}

/// Puts the new secret first, gives the present one its end, and drops what has ended.
fn rotate(
    secrets: &mut Vec<SealedSecret>,
    new: SealedSecret,
    now: Timestamp,
    old_until: Timestamp,
) -> Result<(), EventsError> {
    secrets.retain(|secret| secret.until.is_none_or(|until| until > now));
    if secrets.len() >= MAX_SECRETS {
        return Err(EventsError::SecretLimit);
    }
    for secret in &mut *secrets {
        secret.until = Some(secret.until.map_or(old_until, |until| until.min(old_until)));
    }
    secrets.insert(0, new);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sealed(byte: u8) -> SealedSecret {
        SealedSecret {
            sealed: vec![byte],
            until: None,
        }
    }

    #[test]
    fn the_new_one_comes_first_and_old_ones_end() {
        let day = Duration::from_hours(24);
        let mut now = Timestamp::EPOCH;
        let mut secrets = vec![sealed(0)];
        rotate(&mut secrets, sealed(1), now, now.saturating_add(day)).unwrap();
        assert_eq!(secrets[0], sealed(1));
        assert_eq!(secrets[1].until, Some(now.saturating_add(day)));
        now = now.saturating_add(day);
        rotate(&mut secrets, sealed(2), now, now.saturating_add(day)).unwrap();
        assert_eq!(secrets.iter().map(|s| s.sealed[0]).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn no_more_than_ten_old_ones_sign_along() {
        let (now, until) = (
            Timestamp::EPOCH,
            Timestamp::EPOCH.saturating_add(Duration::from_hours(24)),
        );
        let mut secrets = vec![sealed(0)];
        for byte in 1..=10 {
            rotate(&mut secrets, sealed(byte), now, until).unwrap();
        }
        assert_eq!(secrets.len(), MAX_SECRETS);
        assert!(matches!(
            rotate(&mut secrets, sealed(11), now, until),
            Err(EventsError::SecretLimit)
        ));
        assert_eq!(secrets[0], sealed(10));
    }
}
