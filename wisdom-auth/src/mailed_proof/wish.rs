//! Wishes for mailed proofs: the answer is the same for every address, and given before anything is looked up.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::event::{NewEvent, StoredEvent};
use wisdom_core::id::UserId;
use wisdom_core::outcome::Outcome;
use wisdom_core::seal::{Purpose, SealError, Sealer};
use wisdom_core::storage::{StorageError, StorageErrorKind};
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::{Effect, Frame};
use wisdom_core::use_case::{Flow, Operation, UseCase};
use wisdom_core::value::EmailAddress;

use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::one_time_token::TokenPurpose;
use crate::store::IdentityTx;
use crate::throttle::{self, Throttle};

/// The kind of the event that somebody wishes for a mailed proof.
pub const WISHED: &str = "auth.mailed_proof.wished";

const SEAL: Purpose = Purpose("auth.mailed_proof.wish.v1");

/// A wish for a mailed proof, on its way through the outbox. Sealed there: it tells an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProofWish {
    /// The address that was typed.
    pub email: EmailAddress,
    /// The name of the [`TokenPurpose`].
    pub purpose: String,
    /// Who wishes to have the address, and the generation of their credentials, for a change of address.
    pub change: Option<(UserId, i64)>,
    /// When.
    pub at: Timestamp,
}

impl ProofWish {
    /// The internal event that carries it. Wishes are not ordered among each other.
    ///
    /// # Errors
    /// [`StorageErrorKind::Internal`] when sealing fails.
    pub fn event(&self, frame: &Frame) -> Result<NewEvent, StorageError> {
        let internal = |e: Box<dyn std::error::Error + Send + Sync>| {
            StorageError::new(StorageErrorKind::Internal, "mailed_proof.wish").caused_by(e)
        };
        let plain = serde_json::to_vec(self).map_err(|e| internal(e.into()))?;
        let sealed = frame.kit().sealer.seal(SEAL, &[], &plain);
        let sealed = STANDARD.encode(sealed.map_err(|e| internal(e.into()))?);
        let key = frame.kit().ids.next_uuid();
        Ok(NewEvent::new(WISHED, format!("wish:{key}"), json!({ "sealed": sealed })).internal())
    }

    /// Reads the wish back from its event.
    ///
    /// # Errors
    /// [`SealError::Refused`] when the event is of another kind, or does not open.
    pub fn from_event(event: &StoredEvent, sealer: &dyn Sealer) -> Result<Self, SealError> {
        let sealed = event.data.get("sealed").and_then(|v| v.as_str());
        let sealed = STANDARD
            .decode(sealed.ok_or(SealError::Refused)?)
            .map_err(|_| SealError::Refused)?;
        let plain = sealer.open(SEAL, &[], &sealed)?;
        serde_json::from_slice(&plain).map_err(|_| SealError::Refused)
    }
}

/// The one answer to a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProofAccepted {
    /// Always `accepted`: what follows is in the mail, if one follows.
    pub status: ProofStatus,
}

/// See [`ProofAccepted`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProofStatus {
    /// It was noted.
    Accepted,
}

impl ProofAccepted {
    pub(super) const ANSWER: Self = Self {
        status: ProofStatus::Accepted,
    };
}

macro_rules! wishes {
    ($($(#[$doc:meta])* $operation:ident = $name:literal, $summary:literal, $purpose:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $operation {
            /// The address.
            pub email: EmailAddress,
        }

        impl Operation for $operation {
            const NAME: &'static str = $name;
            const SUMMARY: &'static str = $summary;
            const ACCESS: Access = Access::Public;
            const EFFECT: Effect = Effect::Write;
            type Output = ProofAccepted;
            type Error = AuthError;
        }

        impl<H: AuthHost> Flow<H> for $operation {
            async fn run(&self, host: &H, caller: &Caller) -> Result<ProofAccepted, AuthError> {
                wish(host, caller, &self.email, TokenPurpose::$purpose).await
            }
        }
    )*};
}

wishes! {
    /// Asks for another mail that proves the address. Nothing is sent where there is nothing to prove.
    RequestVerification = "auth.email.request_verification",
        "Asks for another mail that proves the address.", VerifyEmail;
    /// Asks for a mail with which a new password can be chosen.
    RequestPasswordReset = "auth.password.request_reset",
        "Asks for a mail with which a new password can be chosen.", ResetPassword;
    /// Asks for a mail with a link to sign in with. An address that was not proven yet gets the mail that proves it.
    RequestLink = "auth.session.request_link",
        "Asks for a mail with a link to sign in with.", MagicLink;
    /// Asks for a mail with a code to sign in with. An address that was not proven yet gets the mail that proves it.
    RequestCode = "auth.session.request_code",
        "Asks for a mail with a code to sign in with.", EmailCode;
}

/// Notes a wish. What is done for a known address is done for an unknown one: counting, and one unit of work.
async fn wish<H: AuthHost>(
    host: &H,
    caller: &Caller,
    email: &EmailAddress,
    purpose: TokenPurpose,
) -> Result<ProofAccepted, AuthError> {
    throttle::source(host, caller, Throttle::ProofMailSource).await?;
    let heard = throttle::address_silently(host, email, purpose.as_str(), Throttle::ProofMail).await?;
    let note = NoteWish {
        email: email.clone(),
        purpose: purpose.as_str().to_owned(),
        heard,
    };
    host.runner().on_behalf(caller, &note).await?;
    Ok(ProofAccepted::ANSWER)
}

/// Puts a wish into the outbox. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoteWish {
    email: EmailAddress,
    purpose: String,
    /// Whether anything may follow; else the wish is one too many.
    heard: bool,
}

impl Operation for NoteWish {
    const NAME: &'static str = "auth.mailed_proof.wish";
    const SUMMARY: &'static str = "Notes that somebody wishes for a mailed proof.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for NoteWish {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, AuthError> {
        let frame = Arc::clone(tx.frame());
        let wish = ProofWish {
            email: self.email.clone(),
            purpose: self.purpose.clone(),
            change: None,
            at: frame.now(),
        };
        let entry = AuditEntry::on("mailbox", self.email.masked()).with(json!({ "purpose": self.purpose }));
        if self.heard {
            return Ok(Outcome::audited((), entry).emit(wish.event(&frame)?));
        }
        Ok(Outcome::audited((), entry.refused()))
    }
}
