//! What must hold for any text that is presented as an access token.

#![expect(clippy::unwrap_used, reason = "a property that does not hold stops the run")]

use std::sync::{Arc, LazyLock};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use wisdom_core::id::ManualIds;

use super::{AccessTokenPolicy, AccessTokens, KeyRing, MAX_LIFETIME, SigningAlgorithm, SigningKey};
use crate::fuzzing::{kit, now};

const ISSUER: &str = "https://id.example.test";
const AUDIENCE: &str = "wisdom";

struct Fixture {
    tokens: AccessTokens,
    /// The symmetric key of the ring, as the library has it, and what tokens name it.
    secret: hmac::Key,
    kid: String,
}

/// A service with a key that the property knows and one that it does not.
static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let kit = kit();
    let known = SigningKey::generate(SigningAlgorithm::Hs256, now(), &kit).unwrap();
    let unknown = SigningKey::generate(SigningAlgorithm::EdDsa, now(), &kit).unwrap();
    let material = URL_SAFE_NO_PAD
        .decode(known.to_stored().material.expose())
        .unwrap();
    let kid = known.id().to_string();
    let policy = AccessTokenPolicy::new(ISSUER, AUDIENCE).unwrap();
    let ring = KeyRing::new(vec![known, unknown]).unwrap();
    Fixture {
        tokens: AccessTokens::new(ring, policy, Arc::new(ManualIds::new(9))),
        secret: hmac::Key::new(hmac::HMAC_SHA256, &material),
        kid,
    }
});

/// The input is a token, and in a second reading two lines: a header and claims, which are signed with a key of the ring
/// so that what lies behind the signature is reached. Answers whether one of them was accepted.
///
/// # Panics
/// When it does not hold.
#[must_use]
pub fn access_token(data: &[u8]) -> bool {
    let presented = check(data);
    let Some(at) = data.iter().position(|byte| *byte == b'\n') else {
        return presented;
    };
    let encoded = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let message = format!("{}.{}", encoded(&data[..at]), encoded(&data[at + 1..]));
    let tag = hmac::sign(&FIXTURE.secret, message.as_bytes());
    let token = format!("{message}.{}", encoded(tag.as_ref()));
    let accepted = check(token.as_bytes());
    if accepted {
        let mut forged = tag.as_ref().to_vec();
        forged[data.len() % 32] ^= 1;
        let forged = format!("{message}.{}", encoded(&forged));
        assert!(
            FIXTURE.tokens.verify(forged, now()).is_err(),
            "a changed signature passed"
        );
    }
    presented || accepted
}

fn check(token: &[u8]) -> bool {
    let Fixture { tokens, secret, kid } = &*FIXTURE;
    let Ok(verified) = tokens.verify(token, now()) else {
        assert!(tokens.verify(token, now()).is_err());
        return false;
    };
    // As it is remembered.
    assert_eq!(tokens.verify(token, now()).unwrap(), verified);
    // Read again by nothing of ours: one text only, and what it says is what is believed.
    let text = std::str::from_utf8(token).unwrap();
    let parts: Vec<&str> = text.split('.').collect();
    let [header, claims, signature] = parts[..] else {
        unreachable!("accepted with {} parts", parts.len());
    };
    let decoded = |part: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(&bytes), part, "a second text of one token");
        bytes
    };
    let json = |part: &str| serde_json::from_slice::<Value>(&decoded(part)).unwrap();
    let (header, claims, signature) = (json(header), json(claims), decoded(signature));
    assert_eq!(header["typ"], "at+jwt");
    if header["kid"] == **kid {
        assert_eq!(header["alg"], "HS256");
        let message = text.rsplit_once('.').unwrap().0;
        hmac::verify(secret, message.as_bytes(), &signature).unwrap();
    } else {
        assert_eq!((&header["alg"], signature.len()), (&Value::from("EdDSA"), 64));
    }
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&ISSUER.into(), &AUDIENCE.into())
    );
    let time = |name: &str| claims[name].as_i64().unwrap();
    let present = now().unix_seconds();
    assert!(time("exp") + 5 > present && time("iat") <= present + 5 && time("nbf") <= present + 5);
    assert!(time("exp") - time("iat") <= i64::try_from(MAX_LIFETIME.as_secs()).unwrap());
    let principal = verified.principal();
    let session = principal.session().unwrap();
    let told = |name: &str| claims[name].as_str().map(str::to_owned);
    assert_eq!(told("sub"), Some(session.user.to_string()));
    assert_eq!(told("sid"), Some(session.session.to_string()));
    assert_eq!(claims["gen"].as_i64(), Some(session.generation));
    assert_eq!(told("tid"), principal.tenant.map(|tenant| tenant.to_string()));
    // What was read is written and read again.
    let again = tokens.issue_for(principal, now()).unwrap();
    let again = tokens.verify(again.expose(), now()).unwrap();
    assert_eq!(again.principal().session(), Some(session));
    assert_eq!(again.principal().tenant, principal.tenant);
    true
}
