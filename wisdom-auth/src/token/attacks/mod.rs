//! Tokens that must not pass, each refused for the reason it was made for.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};
use wisdom_core::clock::ManualClock;
use wisdom_core::context::{Principal, UserSession};
use wisdom_core::id::{ManualIds, SessionId, TenantId, UserId};
use wisdom_core::policy::Policies;
use wisdom_core::random::ManualRandom;
use wisdom_core::seal::{Purpose, SealError, Sealer};
use wisdom_core::time::Timestamp;
use wisdom_core::unit_of_work::Kit;

use super::*;

mod forgery;
mod form;
mod life;
mod ring;

const ALL: [SigningAlgorithm; 4] = [
    SigningAlgorithm::EdDsa,
    SigningAlgorithm::Es256,
    SigningAlgorithm::Rs256,
    SigningAlgorithm::Hs256,
];

/// Key rings seal nothing.
#[derive(Debug)]
struct NoSealer;

impl Sealer for NoSealer {
    fn seal(&self, _: Purpose, _: &[u8], _: &[u8]) -> Result<Vec<u8>, SealError> {
        Err(SealError::Failed)
    }

    fn open(&self, _: Purpose, _: &[u8], _: &[u8]) -> Result<Vec<u8>, SealError> {
        Err(SealError::Failed)
    }
}

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_800_000_000).unwrap()
}

fn later(seconds: u64) -> Timestamp {
    now().saturating_add(Duration::from_secs(seconds))
}

fn kit(seed: u64) -> Kit {
    Kit {
        clock: Arc::new(ManualClock::at(now())),
        ids: Arc::new(ManualIds::new(seed)),
        random: Arc::new(ManualRandom::new(seed)),
        sealer: Arc::new(NoSealer),
        policies: Policies::new(),
    }
}

fn principal() -> Principal {
    let session = UserSession {
        user: UserId::from_uuid(uuid::Uuid::from_u128(1)),
        session: SessionId::from_uuid(uuid::Uuid::from_u128(2)),
        generation: 3,
    };
    let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(4));
    Principal::of_session(session, Some(tenant), now())
}

fn service(ring: KeyRing) -> AccessTokens {
    let policy = AccessTokenPolicy::new("https://id.example.test", "wisdom").unwrap();
    AccessTokens::new(ring, policy, Arc::new(ManualIds::new(9)))
}

fn fixture(algorithm: SigningAlgorithm) -> AccessTokens {
    service(KeyRing::generate(algorithm, &kit(1)).unwrap())
}

fn parts(token: &str) -> [String; 3] {
    let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

fn json_of(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn good(tokens: &AccessTokens) -> String {
    tokens.issue_for(&principal(), now()).unwrap().expose().to_owned()
}

/// A token of these texts, signed with the service's own key.
fn signed(tokens: &AccessTokens, header: &str, claims: &str) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = tokens
        .ring()
        .signing_key(now())
        .unwrap()
        .sign(message.as_bytes())
        .unwrap();
    format!("{message}.{signature}")
}

/// The good token with changed header and claims, signed with the service's own key.
fn altered(tokens: &AccessTokens, change: impl Fn(&mut Value, &mut Value)) -> String {
    let [header, claims, _] = parts(&good(tokens));
    let (mut header, mut claims) = (json_of(&header), json_of(&claims));
    change(&mut header, &mut claims);
    signed(tokens, &header.to_string(), &claims.to_string())
}

fn fault(tokens: &AccessTokens, token: &str) -> TokenFault {
    let error = tokens.verify(token, now()).unwrap_err();
    assert_eq!(error.to_string(), "the access token is not valid");
    error.fault()
}

#[test]
fn what_was_issued_verifies_with_every_algorithm() {
    for algorithm in ALL {
        let tokens = fixture(algorithm);
        let token = good(&tokens);
        let verified = tokens.verify(&token, now()).unwrap();
        assert_eq!(verified.principal(), &principal());
        assert_eq!(verified.expires_at(), later(600));
        let [header, claims, _] = parts(&token);
        assert_eq!(json_of(&header)["typ"], "at+jwt");
        assert_eq!(json_of(&header)["alg"], algorithm.as_str());
        assert_eq!(json_of(&claims)["sub"], principal().user().unwrap().to_string());
        let unbound = Principal {
            tenant: None,
            ..principal()
        };
        let token = tokens.issue_for(&unbound, now()).unwrap();
        assert_eq!(
            tokens.verify(token.expose(), now()).unwrap().principal(),
            &unbound
        );
    }
}

#[test]
fn an_altered_but_honest_token_verifies() {
    // Else the tests below would pass for the wrong reason.
    let tokens = fixture(SigningAlgorithm::EdDsa);
    let same = altered(&tokens, |_, _| {});
    assert!(tokens.verify(&same, now()).is_ok());
    let extra = altered(&tokens, |header, claims| {
        header["ext"] = json!("unknown parameters are ignored");
        claims["scope"] = json!("so are unknown claims");
    });
    assert!(tokens.verify(&extra, now()).is_ok());
}
