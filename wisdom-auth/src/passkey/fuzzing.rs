//! What must hold for what browsers and authenticators answer.

#![expect(clippy::unwrap_used, reason = "a property that does not hold stops the run")]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;
use wisdom_core::id::UserId;
use wisdom_core::value::{DisplayName, EmailAddress};

use super::relying_party::{Registered, RelyingParty, RelyingPartySettings};
use super::{ResidentKey, UserVerification, client_data};
use crate::fuzzing::now;
use crate::user::{User, UserState};

const ORIGIN: &str = "https://app.acme.example";

/// With an even first byte the rest are client data. With an odd one the next byte says how many make the id of a
/// credential, and the rest is what an authenticator attests of it, behind client data that are as they should be.
/// Answers whether it was believed.
///
/// # Panics
/// When it does not hold.
#[must_use]
pub fn passkey(data: &[u8]) -> bool {
    let relying_party = RelyingParty::new(&RelyingPartySettings {
        id: "acme.example".to_owned(),
        name: "Acme".to_owned(),
        origins: vec![ORIGIN.to_owned()],
        user_verification: UserVerification::Required,
        resident_key: ResidentKey::Preferred,
        life: Duration::from_secs(300),
    })
    .unwrap();
    match data.split_first() {
        Some((mode, rest)) if mode % 2 == 0 => says_who_asked(rest),
        Some((_, [length, rest @ ..])) => {
            let (id, attestation) = rest.split_at(rest.len().min(usize::from(*length)));
            attests(&relying_party, id, attestation)
        }
        _ => false,
    }
}

/// Client data: one reading, that of a reader that shares no code with ours.
fn says_who_asked(json: &[u8]) -> bool {
    let origins = [ORIGIN.to_owned()];
    for kind in [client_data::CREATE, client_data::GET] {
        let sound = client_data::is_sound(json, kind, &origins);
        let elsewhere = serde_json::from_slice(json).is_ok_and(|read| sound_to_another(&read, kind));
        assert!(elsewhere || !sound, "believed by one reader only");
        if wisdom_core::json::parse(json).is_ok() {
            assert_eq!(sound, elsewhere, "an object without doubles has one reading");
        }
    }
    client_data::is_sound(json, client_data::GET, &origins)
}

fn sound_to_another(read: &Value, kind: &str) -> bool {
    read.is_object()
        && read["type"] == kind
        && read["origin"] == ORIGIN
        && matches!(read.get("crossOrigin"), None | Some(Value::Bool(false)))
        && matches!(read.get("topOrigin"), None | Some(Value::Null))
}

/// An attestation: never believed for another challenge; what is believed has the id that was shown, was made with the user verified, and reads back.
fn attests(relying_party: &RelyingParty, id: &[u8], attestation: &[u8]) -> bool {
    let begun = relying_party.begin_registration(&user(), &[]).unwrap();
    let asked = |challenge: &Value| {
        let data = json!({
            "type": client_data::CREATE, "challenge": challenge, "origin": ORIGIN, "crossOrigin": false,
        });
        response(id, data.to_string().as_bytes(), attestation)
    };
    let other = asked(&Value::from(URL_SAFE_NO_PAD.encode([0; 32])));
    assert!(relying_party.finish_registration(&begun.state, &other).is_err());
    let this = asked(&begun.options["challenge"]);
    match relying_party.finish_registration(&begun.state, &this) {
        Ok(Registered {
            credential_id,
            credential,
            user_verified,
            ..
        }) => {
            assert_eq!(credential_id, id);
            assert!((16..=1023).contains(&id.len()) && user_verified);
            assert!(serde_json::from_str::<Value>(&credential).unwrap().is_object());
            true
        }
        Err(_) => false,
    }
}

fn response(id: &[u8], client_data: &[u8], attestation: &[u8]) -> super::relying_party::CredentialResponse {
    let id = URL_SAFE_NO_PAD.encode(id);
    serde_json::from_value(json!({
        "id": id, "rawId": id, "type": "public-key",
        "response": {
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
            "attestationObject": URL_SAFE_NO_PAD.encode(attestation),
        },
    }))
    .unwrap()
}

fn user() -> User {
    User {
        id: UserId::from_uuid(Uuid::from_u128(7)),
        email: EmailAddress::parse("ada@acme.example").unwrap(),
        email_verified_at: Some(now()),
        display_name: DisplayName::parse("Ada").unwrap(),
        state: UserState::Active,
        created_at: now(),
        version: 1,
    }
}
