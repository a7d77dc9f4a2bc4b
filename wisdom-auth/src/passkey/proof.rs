//! The one way from an authenticator's answer to a proof: found and verified outside of any unit of work, used up inside
//! the one that acts on it, refused with a trace.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisdom_core::access::Access;
use wisdom_core::audit::AuditEntry;
use wisdom_core::context::Caller;
use wisdom_core::id::{PasskeyId, UserId};
use wisdom_core::outcome::Outcome;
use wisdom_core::secret::SecretText;
use wisdom_core::unit_of_work::Effect;
use wisdom_core::use_case::{Operation, UseCase};

use super::ceremony::{Ceremony, CeremonyPurpose};
use super::relying_party::{CredentialResponse, PasskeyFault};
use super::{Passkey, PasskeyError, begin, event};
use crate::error::AuthError;
use crate::kit::AuthHost;
use crate::store::IdentityTx;

/// A ceremony that came back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Returned<'a> {
    /// Its token.
    pub(super) token: &'a SecretText,
    /// What it must be for.
    pub(super) purpose: CeremonyPurpose,
    /// Whom it must be for; in a sign-in, nobody.
    pub(super) user: Option<UserId>,
    /// The half-finished sign-in that it must be for.
    pub(super) sign_in: Option<[u8; 32]>,
}

/// A passkey that was verified, to be used up.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasskeyUse {
    ceremony: [u8; 32],
    passkey: PasskeyId,
    /// Its owner.
    pub(super) user: UserId,
    counter: u32,
    backed_up: bool,
}

/// Finds the ceremony of a token. One that is for something else is none.
pub(super) async fn ceremony<H: AuthHost>(
    host: &H,
    caller: &Caller,
    returned: Returned<'_>,
    credential_id: Option<Vec<u8>>,
) -> Result<(Ceremony, Option<Passkey>), PasskeyError> {
    let hash = begin::TOKEN
        .hash(returned.token)
        .ok_or(PasskeyError::CeremonyInvalid)?;
    let find = FindCeremony { hash, credential_id };
    let found = host.runner().on_behalf(caller, &find).await?;
    let ceremony = found
        .ceremony
        .filter(|one| one.is_for(returned.purpose, returned.user, returned.sign_in))
        .ok_or(PasskeyError::CeremonyInvalid)?;
    Ok((ceremony, found.passkey))
}

/// Verifies an assertion. Whatever is wrong with it, its ceremony is over.
pub(super) async fn verify<H: AuthHost>(
    host: &H,
    caller: &Caller,
    returned: Returned<'_>,
    response: &CredentialResponse,
) -> Result<PasskeyUse, PasskeyError> {
    let relying_party = host.auth().passkeys.relying_party()?;
    let (ceremony, passkey) = ceremony(host, caller, returned, response.credential_id()).await?;
    let asserted = match &passkey {
        Some(passkey) if returned.user.is_none_or(|user| user == passkey.user) => {
            relying_party.finish(&ceremony.state, response, passkey)
        }
        _ => Err(PasskeyFault::Unknown),
    };
    match (asserted, passkey) {
        (Ok(asserted), Some(passkey)) => Ok(PasskeyUse {
            ceremony: ceremony.hash,
            passkey: passkey.id,
            user: passkey.user,
            counter: asserted.counter,
            backed_up: asserted.backed_up,
        }),
        (asserted, passkey) => {
            let fault = asserted.err().unwrap_or(PasskeyFault::Unknown);
            refuse(host, caller, &ceremony, fault, passkey).await
        }
    }
}

/// Ends a ceremony whose answer was not believed, and answers the one refusal there is.
pub(super) async fn refuse<H: AuthHost, T>(
    host: &H,
    caller: &Caller,
    ceremony: &Ceremony,
    fault: PasskeyFault,
    passkey: Option<Passkey>,
) -> Result<T, PasskeyError> {
    metrics::counter!("wisdom_passkeys_refused_total", "purpose" => ceremony.purpose.as_str()).increment(1);
    let end = EndCeremony {
        hash: ceremony.hash,
        purpose: ceremony.purpose,
        user: ceremony.user,
        fault: fault.to_string(),
        cloned: fault == PasskeyFault::Counter,
        credential_id: passkey.map(|one| one.credential_id),
    };
    host.runner().on_behalf(caller, &end).await?;
    Err(AuthError::PasskeyInvalid.into())
}

/// After [`use_up`] found that the counter went back meanwhile: ends the ceremony as any other that is refused.
pub(super) async fn refuse_if_overtaken<H: AuthHost, T>(
    host: &H,
    caller: &Caller,
    returned: Returned<'_>,
    response: &CredentialResponse,
    result: Result<T, AuthError>,
) -> Result<T, PasskeyError> {
    match result {
        Err(AuthError::PasskeyInvalid) => {
            let (ceremony, passkey) = ceremony(host, caller, returned, response.credential_id()).await?;
            refuse(host, caller, &ceremony, PasskeyFault::Counter, passkey).await
        }
        result => Ok(result?),
    }
}

/// Uses up a verified passkey's ceremony and counter, in the unit of work that acts on it: of parallel calls one succeeds.
///
/// The caller has locked the user's credentials.
///
/// # Errors
/// [`AuthError::ChallengeInvalid`] when the ceremony is over, [`AuthError::PasskeyInvalid`] when the passkey is gone or its
/// counter was overtaken; both must roll the unit of work back.
pub(crate) async fn use_up<Tx: IdentityTx + ?Sized>(tx: &mut Tx, used: &PasskeyUse) -> Result<(), AuthError> {
    let now = tx.frame().now();
    if !tx.passkey_ceremonies().consume(&used.ceremony, now).await? {
        return Err(AuthError::ChallengeInvalid);
    }
    let noted = tx
        .passkeys()
        .note_use(used.passkey, used.counter, used.backed_up, now)
        .await?;
    if noted {
        Ok(())
    } else {
        Err(AuthError::PasskeyInvalid)
    }
}

/// Looks up what an answer is verified against. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FindCeremony {
    hash: [u8; 32],
    credential_id: Option<Vec<u8>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FoundCeremony {
    ceremony: Option<Ceremony>,
    passkey: Option<Passkey>,
}

impl Operation for FindCeremony {
    const NAME: &'static str = "auth.passkey.find_ceremony";
    const SUMMARY: &'static str = "Looks up what an authenticator's answer is verified against.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Read;
    type Output = FoundCeremony;
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for FindCeremony {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<FoundCeremony>, AuthError> {
        let now = tx.frame().now();
        let found = FoundCeremony {
            ceremony: tx.passkey_ceremonies().find(&self.hash, now).await?,
            passkey: match &self.credential_id {
                Some(id) => tx.passkeys().find(id).await?,
                None => None,
            },
        };
        Ok(Outcome::unaudited(found, "reads only"))
    }
}

/// Ends a ceremony whose answer was refused; tells the user of a counter that went back. Internal.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EndCeremony {
    hash: [u8; 32],
    purpose: CeremonyPurpose,
    user: Option<UserId>,
    fault: String,
    cloned: bool,
    credential_id: Option<Vec<u8>>,
}

impl Operation for EndCeremony {
    const NAME: &'static str = "auth.passkey.refused";
    const SUMMARY: &'static str = "Ends a ceremony whose answer was refused.";
    const ACCESS: Access = Access::System;
    const EFFECT: Effect = Effect::Write;
    type Output = ();
    type Error = AuthError;
}

impl<Tx: IdentityTx + ?Sized> UseCase<Tx> for EndCeremony {
    async fn run(&self, tx: &mut Tx) -> Result<Outcome<()>, AuthError> {
        let frame = Arc::clone(tx.frame());
        if !tx.passkey_ceremonies().consume(&self.hash, frame.now()).await? {
            return Ok(Outcome::unaudited(
                (),
                "it was over already, by whoever came first",
            ));
        }
        let passkey = match &self.credential_id {
            Some(id) => tx.passkeys().find(id).await?,
            None => None,
        };
        // In a sign-in the owner of a passkey that was only named has done nothing; one whose counter went back has.
        let about = self
            .user
            .or(passkey.as_ref().filter(|_| self.cloned).map(|one| one.user));
        let who = about.map_or_else(|| "unknown".to_owned(), |user| user.to_string());
        let details = json!({
            "purpose": self.purpose,
            "fault": self.fault,
            "passkey": passkey.as_ref().map(|one| one.id),
        });
        let entry = AuditEntry::on("user", who).with(details).refused();
        let outcome = Outcome::audited((), entry);
        let Some(passkey) = passkey.filter(|_| self.cloned) else {
            return Ok(outcome);
        };
        match tx.users().find(passkey.user).await? {
            Some(user) => Ok(outcome.emit_all(event::told(&frame, event::CLONED, &user, &passkey)?)),
            None => Ok(outcome),
        }
    }
}
