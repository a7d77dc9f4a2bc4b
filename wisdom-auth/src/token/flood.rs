//! A flood of distinct tokens that are worth nothing: at most one check of a signature each, and no room taken from
//! tokens that are worth something.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;
use wisdom_core::context::{Principal, UserSession};
use wisdom_core::id::{ManualIds, SessionId, UserId};

use super::{AccessTokenPolicy, AccessTokens, KeyRing, SigningAlgorithm};
use crate::fuzzing::{kit, now};

const VALID: usize = 500;
/// Distinct tokens of each kind: sixty times as many as there are valid ones.
const FLOOD: usize = 30_000;

fn service() -> AccessTokens {
    let ring = KeyRing::generate(SigningAlgorithm::Hs256, &kit()).unwrap();
    let policy = AccessTokenPolicy::new("https://id.example.test", "wisdom").unwrap();
    AccessTokens::new(ring, policy, Arc::new(ManualIds::new(1)))
}

fn checks(tokens: &AccessTokens) -> u64 {
    tokens.checked.load(Ordering::Relaxed)
}

fn issue(tokens: &AccessTokens) -> String {
    let session = UserSession {
        user: UserId::from_uuid(Uuid::from_u128(1)),
        session: SessionId::from_uuid(Uuid::from_u128(2)),
        generation: 3,
    };
    let principal = Principal::of_session(session, None, now());
    tokens.issue_for(&principal, now()).unwrap().expose().to_owned()
}

#[test]
fn a_flood_of_invalid_tokens_costs_a_check_each_and_evicts_nothing() {
    let tokens = service();
    let valid: Vec<String> = (0..VALID).map(|_| issue(&tokens)).collect();
    for token in &valid {
        tokens.verify(token, now()).unwrap();
    }
    let known = u64::try_from(VALID).unwrap();
    let flood = u64::try_from(FLOOD).unwrap();
    assert_eq!((checks(&tokens), tokens.remembered()), (known, VALID));

    let message = valid[0].rsplit_once('.').unwrap().0;
    let signature = |number: usize| {
        let mut bytes = [0x5a; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    };
    // Our header and claims under signatures that are none: nothing but a check tells.
    for number in 0..FLOOD {
        let token = format!("{message}.{}", signature(number));
        assert!(tokens.verify(&token, now()).is_err());
    }
    assert_eq!((checks(&tokens), tokens.remembered()), (known + flood, VALID));
    // The same ones again cost the same: none is remembered as refused, which would take room as well.
    for number in 0..100 {
        let token = format!("{message}.{}", signature(number));
        assert!(tokens.verify(&token, now()).is_err());
    }
    assert_eq!(
        (checks(&tokens), tokens.remembered()),
        (known + flood + 100, VALID)
    );

    // With the tail of a valid token, so that all of them meet in one place of the memory.
    let before = checks(&tokens);
    let tail = &valid[1][valid[1].len() - 40..];
    for number in 0..FLOOD {
        let token = format!("{message}{number}{tail}");
        assert!(tokens.verify(&token, now()).is_err());
    }
    // Damaged, of a key that is not ours, of another algorithm: refused before any signature is looked at.
    let header = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let stranger = r#"{"alg":"HS256","typ":"at+jwt","kid":"key_01kdvdna00facba0df6zmqy001"}"#;
    let claims = message.split_once('.').unwrap().1;
    for number in 0..FLOOD {
        for token in [
            format!("{number}"),
            format!("{}.{claims}.{}", header(stranger), signature(number)),
            format!("{}.{number}.{}", header(r#"{"alg":"none"}"#), signature(number)),
        ] {
            assert!(tokens.verify(&token, now()).is_err());
        }
    }
    assert!(checks(&tokens) - before <= flood);

    // The valid ones are where they were: no signature is checked again.
    let before = checks(&tokens);
    for token in &valid {
        tokens.verify(token, now()).unwrap();
    }
    assert_eq!((checks(&tokens), tokens.remembered()), (before, VALID));
}
