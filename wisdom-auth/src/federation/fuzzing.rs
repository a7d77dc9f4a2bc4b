//! What must hold for any text that a provider of identities, or somebody in its place, sends.

#![expect(clippy::unwrap_used, reason = "a property that does not hold stops the run")]

use std::sync::LazyLock;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::id_token::{Expected, IdToken, IssuerRule};
use super::key_set::KeySet;
use crate::fuzzing::now;

const ALL: [Algorithm; 4] = [
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::EdDSA,
];
const ISSUER: &str = "https://id.example.com";
const CLIENT: &str = "client-7";
const NONCE: &str = "n-0S6_WzA2Mj";

struct Fixture {
    pair: Ed25519KeyPair,
    jwk: Value,
    keys: KeySet,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let jwk = json!({ "kty": "OKP", "kid": "ed", "crv": "Ed25519", "alg": "EdDSA", "x": x });
    let keys = KeySet::read(json!({ "keys": [&jwk] }).to_string().as_bytes()).unwrap();
    Fixture { pair, jwk, keys }
});

/// The input is a provider's key set. Answers whether it is one.
///
/// # Panics
/// When it does not hold.
#[must_use]
pub fn key_set(data: &[u8]) -> bool {
    let Ok(set) = KeySet::read(data) else {
        return false;
    };
    let document: Value = serde_json::from_slice(data).unwrap();
    let published = document["keys"].as_array().unwrap();
    let kids = published.iter().take(64).filter_map(|key| key["kid"].as_str());
    for kid in kids.map(Some).chain([None]) {
        for algorithm in ALL {
            let Some(key) = set.find(kid, algorithm) else {
                continue;
            };
            // Whatever the set says, a signature of another algorithm or of no sense is none, and nothing breaks.
            for other in ALL {
                for length in [0, 1, 63, 64, 65, 256, 512] {
                    let signature = URL_SAFE_NO_PAD.encode(vec![0x5a; length]);
                    assert!(!key.verify("message", &signature, other), "{other:?} {length}");
                }
            }
        }
    }
    // One of our keys more, of a name that is not there: it is found and verifies, unless the set was full.
    if published.len() < 64 && published.iter().all(|key| key["kid"] != "added") {
        let mut keys = published.clone();
        let mut added = FIXTURE.jwk.clone();
        added["kid"] = "added".into();
        keys.push(added);
        let longer = KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
        let signature = URL_SAFE_NO_PAD.encode(FIXTURE.pair.sign(b"message"));
        let key = longer.find(Some("added"), Algorithm::EdDSA).unwrap();
        assert!(key.verify("message", &signature, Algorithm::EdDSA));
        assert!(!key.verify("massage", &signature, Algorithm::EdDSA));
    }
    true
}

/// The input is an ID token, and in a second reading two lines: a header and claims, which are signed with the
/// provider's key so that what lies behind the signature is reached. Answers whether one of them was believed.
///
/// # Panics
/// When it does not hold.
#[must_use]
pub fn id_token(data: &[u8]) -> bool {
    let presented = check(data);
    let Some(at) = data.iter().position(|byte| *byte == b'\n') else {
        return presented;
    };
    let encoded = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let message = format!("{}.{}", encoded(&data[..at]), encoded(&data[at + 1..]));
    let signature = FIXTURE.pair.sign(message.as_bytes());
    let signed = format!("{message}.{}", encoded(signature.as_ref()));
    check(signed.as_bytes()) || presented
}

fn check(token: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(token) else {
        return false;
    };
    let expected = Expected {
        issuer: &IssuerRule::Exact(ISSUER.to_owned()),
        answered: Some(ISSUER),
        client_id: CLIENT,
        nonce: NONCE,
        access_token: None,
    };
    let Ok(read) = IdToken::read(text) else {
        return false;
    };
    let Ok(said) = read.verify(&FIXTURE.keys, &expected, now()) else {
        return false;
    };
    let (message, signature) = text.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let public = FIXTURE.pair.public_key().as_ref();
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, public);
    key.verify(message.as_bytes(), &signature).unwrap();
    let (_, claims) = message.split_once('.').unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(
        (&claims["iss"], &claims["nonce"]),
        (&ISSUER.into(), &NONCE.into())
    );
    assert_eq!(claims["sub"], *said.subject);
    let ours = |one: &Value| one == CLIENT;
    assert!(ours(&claims["aud"]) || claims["aud"].as_array().unwrap().iter().any(ours));
    assert!(claims["exp"].as_i64().unwrap() + 60 > now().unix_seconds());
    if said.verified_email.is_some() {
        assert!(claims["email_verified"] == true || claims["xms_edov"] == true);
    }
    true
}
