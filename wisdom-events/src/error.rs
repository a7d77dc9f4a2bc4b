//! How operations on events refuse.

use std::borrow::Cow;

use thiserror::Error;
use wisdom_core::access::AccessError;
use wisdom_core::failure::{Failure, FailureKind, OperationError, PublicMessage};
use wisdom_core::page::PageError;
use wisdom_core::port::http_client::AddressRefusal;
use wisdom_core::random::RandomError;
use wisdom_core::seal::SealError;
use wisdom_core::storage::StorageError;

/// Why an operation on events, webhooks or the audit log was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EventsError {
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The caller may not do this.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Cursor or limit break a rule.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The tenant has no endpoint with this id.
    #[error("no such webhook endpoint")]
    NoSuchEndpoint,
    /// The tenant has no delivery with this id.
    #[error("no such webhook delivery")]
    NoSuchDelivery,
    /// Webhooks are not sent to this address. Only the refusal's rule is shown, never what a name resolves to.
    #[error("the endpoint's address is refused: {0}")]
    AddressRefused(#[from] AddressRefusal),
    /// An input field breaks a rule.
    #[error("{field} {message}")]
    Invalid {
        /// The field's name.
        field: &'static str,
        /// Stable name of the rule.
        rule: &'static str,
        /// The rule in words.
        message: Cow<'static, str>,
    },
    /// The tenant has as many endpoints as it may.
    #[error("a tenant has at most {limit} webhook endpoints")]
    EndpointLimit {
        /// How many that is.
        limit: u32,
    },
    /// Too many old secrets sign along already.
    #[error("too many old secrets sign along")]
    SecretLimit,
    /// Nothing is delivered to a disabled endpoint.
    #[error("the webhook endpoint is disabled")]
    EndpointDisabled,
    /// Sealing or opening a signing secret failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// No random bytes for a signing secret.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl OperationError for EventsError {
    fn into_failure(self) -> Failure {
        match self {
            Self::Storage(error) => error.into(),
            Self::Access(error) => error.into(),
            Self::Page(error) => error.into(),
            Self::NoSuchEndpoint | Self::NoSuchDelivery => Failure::not_found().caused_by(self),
            Self::AddressRefused(_) => {
                let mut failure =
                    Failure::field("url", "address", "must be an https URL on a public address")
                        .caused_by(self);
                failure.code = "webhooks.address_refused";
                failure
            }
            Self::Invalid {
                field,
                rule,
                ref message,
            } => Failure::field(field, rule, PublicMessage::composed(message.clone().into_owned())),
            Self::EndpointLimit { limit } => Failure::new(
                FailureKind::Quota,
                "webhooks.endpoint_limit",
                PublicMessage::composed(format!(
                    "There are {limit} webhook endpoints already: delete one first."
                )),
            )
            .caused_by(self),
            Self::SecretLimit => Failure::new(
                FailureKind::Conflict,
                "webhooks.secret_limit",
                "Too many old secrets sign along already: wait until the oldest ends.",
            )
            .caused_by(self),
            Self::EndpointDisabled => Failure::new(
                FailureKind::Conflict,
                "webhooks.endpoint_disabled",
                "The endpoint is disabled: enable it first.",
            )
            .caused_by(self),
            Self::Seal(_) | Self::Random(_) => Failure::internal(self),
        }
    }

    fn storage(&self) -> Option<&StorageError> {
        match self {
            Self::Storage(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_address_is_not_repeated_to_the_client() {
        let refusal = AddressRefusal::Address(std::net::IpAddr::from([10, 1, 2, 3]));
        let failure = EventsError::from(refusal).into_failure();
        assert_eq!(failure.code, "webhooks.address_refused");
        assert_eq!(failure.fields[0].field, "url");
        assert!(!failure.to_string().contains("10.1.2.3"));
    }

    #[test]
    fn what_does_not_exist_looks_the_same_for_every_kind_of_thing() {
        let endpoint = EventsError::NoSuchEndpoint.into_failure();
        let delivery = EventsError::NoSuchDelivery.into_failure();
        assert_eq!(
            (endpoint.kind, endpoint.message),
            (delivery.kind, delivery.message)
        );
    }
}
