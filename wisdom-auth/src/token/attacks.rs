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

#[test]
fn the_header_decides_nothing() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    for (name, value, expected) in [
        ("alg", json!("none"), TokenFault::Algorithm),
        ("alg", json!("None"), TokenFault::Algorithm),
        ("alg", json!("HS256"), TokenFault::Algorithm),
        ("alg", json!("ES256"), TokenFault::Algorithm),
        ("alg", json!("eddsa"), TokenFault::Algorithm),
        ("alg", json!(["EdDSA"]), TokenFault::Header),
        ("alg", Value::Null, TokenFault::Header),
        ("typ", json!("JWT"), TokenFault::Header),
        ("typ", json!("AT+JWT"), TokenFault::Header),
        ("typ", json!("application/at+jwt"), TokenFault::Header),
        ("typ", json!("dpop+jwt"), TokenFault::Header),
        ("typ", Value::Null, TokenFault::Header),
        ("crit", json!([]), TokenFault::Header),
        ("crit", json!(["exp"]), TokenFault::Header),
        ("b64", json!(false), TokenFault::Header),
        ("jku", json!("https://evil.example.test/jwks"), TokenFault::Header),
        (
            "jwk",
            json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}),
            TokenFault::Header,
        ),
        ("x5u", json!("https://evil.example.test/cert"), TokenFault::Header),
        ("x5c", json!(["MIIB"]), TokenFault::Header),
        ("x5t", json!("AAAA"), TokenFault::Header),
        ("zip", json!("DEF"), TokenFault::Header),
        ("enc", json!("A256GCM"), TokenFault::Header),
        ("kid", json!("../../dev/null"), TokenFault::Key),
        ("kid", json!("key_' OR 1=1 --"), TokenFault::Key),
        ("kid", json!("key_00000000000000000000000000"), TokenFault::Key),
        ("kid", json!(""), TokenFault::Key),
        ("kid", json!(0), TokenFault::Header),
        ("kid", Value::Null, TokenFault::Header),
    ] {
        let token = altered(&tokens, |header, _| header[name] = value.clone());
        assert_eq!(fault(&tokens, &token), expected, "{name} {value}");
    }
    for name in ["alg", "typ", "kid"] {
        let token = altered(&tokens, |header, _| {
            header.as_object_mut().unwrap().remove(name);
        });
        assert_eq!(fault(&tokens, &token), TokenFault::Header, "no {name}");
    }
}

#[test]
fn the_public_key_is_no_secret_to_sign_with() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    let jwks = tokens.ring().jwks(now());
    let public = URL_SAFE_NO_PAD
        .decode(jwks["keys"][0]["x"].as_str().unwrap())
        .unwrap();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(&public)
    );
    let [header, claims, _] = parts(&good(&tokens));
    for secret in [public.as_slice(), pem.as_bytes(), b""] {
        for alg in ["HS256", "EdDSA"] {
            let mut header = json_of(&header);
            header["alg"] = json!(alg);
            let message = format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header.to_string()));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
            let expected = if alg == "HS256" {
                TokenFault::Algorithm
            } else {
                TokenFault::Signature
            };
            let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
            assert_eq!(fault(&tokens, &token), expected);
        }
    }
}

#[test]
fn a_strangers_key_signs_nothing() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    let stranger = service(KeyRing::generate(SigningAlgorithm::EdDsa, &kit(2)).unwrap());
    assert_eq!(fault(&tokens, &good(&stranger)), TokenFault::Key);
    // With our key id on it, or with our header and claims under it.
    let kid = tokens.ring().signing_key(now()).unwrap().id();
    let token = altered(&stranger, |header, _| header["kid"] = json!(kid));
    assert_eq!(fault(&tokens, &token), TokenFault::Signature);
    let [header, claims, _] = parts(&good(&tokens));
    let [_, _, signature] = parts(&good(&stranger));
    assert_eq!(
        fault(&tokens, &format!("{header}.{claims}.{signature}")),
        TokenFault::Signature
    );
}

#[test]
fn signatures_that_are_none_are_refused() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    let [header, claims, signature] = parts(&good(&tokens));
    let zeros = URL_SAFE_NO_PAD.encode([0_u8; 64]);
    let long = format!("{signature}AAAA");
    for (text, expected) in [
        ("", TokenFault::Form),
        (zeros.as_str(), TokenFault::Signature),
        (&signature[..85], TokenFault::Signature),
        (&signature[..43], TokenFault::Signature),
        (long.as_str(), TokenFault::Signature),
        ("!!!!", TokenFault::Signature),
    ] {
        assert_eq!(
            fault(&tokens, &format!("{header}.{claims}.{text}")),
            expected,
            "{text}"
        );
    }
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
    assert_eq!(fault(&tokens, &format!("{none}.{claims}.")), TokenFault::Form);
    assert_eq!(fault(&tokens, &format!("{header}.{claims}")), TokenFault::Form);
}

#[test]
fn forms_that_are_not_the_one_are_refused() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    let token = good(&tokens);
    let [header, claims, signature] = parts(&token);
    let padded = URL_SAFE.encode(json_of(&header).to_string());
    for bad in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        format!("{token}.a.b"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("Bearer {token}"),
        format!("{padded}=.{claims}.{signature}"),
        token.replace('.', "%2e"),
        "é".repeat(100),
        format!("{header}.{}.{signature}", "A".repeat(5_000)),
        format!("{}{token}", "A".repeat(4_096)),
    ] {
        assert!(tokens.verify(&bad, now()).is_err(), "{bad}");
    }
    for cut in 0..token.len() {
        assert!(tokens.verify(&token[..cut], now()).is_err(), "cut at {cut}");
    }
}

#[test]
fn base64_has_one_form_only() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    let [header, claims, signature] = parts(&good(&tokens));
    assert_eq!(signature.len() % 4, 2, "the last character has four unused bits");
    let last = signature.chars().last().unwrap();
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        if other != last {
            let text = format!("{}{other}", &signature[..signature.len() - 1]);
            assert_eq!(
                fault(&tokens, &format!("{header}.{claims}.{text}")),
                TokenFault::Signature
            );
        }
    }
    // Signed by us, so only the form of the part can be what is wrong with it.
    for part in [
        format!("{claims}="),
        format!("{claims}A"),
        format!("{claims}\n"),
        claims.replacen('e', "+", 1),
    ] {
        let message = format!("{header}.{part}");
        let signature = tokens
            .ring()
            .signing_key(now())
            .unwrap()
            .sign(message.as_bytes())
            .unwrap();
        assert!(
            tokens.verify(format!("{message}.{signature}"), now()).is_err(),
            "{part}"
        );
    }
}

#[test]
fn members_that_come_twice_are_refused() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    let [header, claims, _] = parts(&good(&tokens));
    let (header, claims) = (json_of(&header).to_string(), json_of(&claims).to_string());
    let twice = |json: &str, member: &str| format!("{},{member}}}", json.trim_end_matches('}'));
    let token = signed(&tokens, &twice(&header, r#""alg":"EdDSA""#), &claims);
    assert_eq!(fault(&tokens, &token), TokenFault::Header);
    for member in [
        r#""exp":1800000500"#,
        r#""sub":"usr_00000000000000000000000009""#,
        r#""x":1,"x":1"#,
    ] {
        let token = signed(&tokens, &header, &twice(&claims, member));
        assert_eq!(fault(&tokens, &token), TokenFault::Claims, "{member}");
    }
    for json in [
        "[]",
        "null",
        "\"x\"",
        "1",
        " ",
        "{",
        &format!("{claims} x"),
        &format!("[{claims}]"),
    ] {
        assert_eq!(
            fault(&tokens, &signed(&tokens, &header, json)),
            TokenFault::Claims,
            "{json}"
        );
    }
}

#[test]
fn claims_have_one_type_and_are_all_there() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    for name in [
        "iss",
        "aud",
        "sub",
        "sid",
        "gen",
        "iat",
        "nbf",
        "exp",
        "jti",
        "auth_time",
    ] {
        let token = altered(&tokens, |_, claims| {
            claims.as_object_mut().unwrap().remove(name);
        });
        assert_eq!(fault(&tokens, &token), TokenFault::Claims, "no {name}");
        for wrong in [
            Value::Null,
            json!(true),
            json!([]),
            json!({}),
            json!(1.5),
            json!(-1),
            json!(""),
        ] {
            let token = altered(&tokens, |_, claims| claims[name] = wrong.clone());
            let expected = if wrong == "" && (name == "iss" || name == "aud") {
                TokenFault::Party
            } else {
                TokenFault::Claims
            };
            assert_eq!(fault(&tokens, &token), expected, "{name} {wrong}");
        }
    }
    for (name, value) in [
        ("nbf", json!("99999999999")),
        ("exp", json!("1800000600")),
        ("exp", json!(1e300)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(253_402_300_800_i64)),
        ("iat", json!("1800000000")),
        ("iss", json!(["https://id.example.test"])),
        ("aud", json!(["wisdom"])),
        ("aud", json!(7)),
        ("gen", json!(0)),
        ("gen", json!("3")),
        ("gen", json!(u64::MAX)),
        ("sub", json!(principal().session().unwrap().session)),
        ("sub", json!("usr_")),
        ("tid", Value::Null),
        ("tid", json!("")),
        ("tid", json!(principal().user())),
        ("jti", json!("x".repeat(65))),
        // Living longer than any token of ours, ended before it began, proven before it was issued.
        ("exp", json!(1_800_000_901)),
        ("exp", json!(1_800_000_000)),
        ("auth_time", json!(1_800_000_001)),
    ] {
        let token = altered(&tokens, |_, claims| claims[name] = value.clone());
        assert_eq!(fault(&tokens, &token), TokenFault::Claims, "{name} {value}");
    }
}

#[test]
fn tokens_of_others_are_refused() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    for (name, value) in [
        ("iss", "https://id.example.test/"),
        ("iss", "https://evil.example.test"),
        ("aud", "Wisdom"),
        ("aud", "wisdom "),
        ("aud", "other"),
    ] {
        let token = altered(&tokens, |_, claims| claims[name] = json!(value));
        assert_eq!(fault(&tokens, &token), TokenFault::Party, "{name} {value}");
    }
}

#[test]
fn times_hold_to_the_leeway_and_not_beyond() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    let at = |seconds: i64| now().unix_seconds() + seconds;
    for (name, seconds, expected) in [
        ("nbf", 5, None),
        ("nbf", 6, Some(TokenFault::Early)),
        ("iat", 6, Some(TokenFault::Early)),
        ("exp", -4, None),
        ("exp", -5, Some(TokenFault::Expired)),
    ] {
        let token = altered(&tokens, |_, claims| {
            if name == "exp" {
                for earlier in ["iat", "nbf", "auth_time"] {
                    claims[earlier] = json!(at(-100));
                }
            }
            claims[name] = json!(at(seconds));
        });
        let found = tokens.verify(&token, now()).err().map(TokenError::fault);
        assert_eq!(found, expected, "{name} {seconds}");
    }
}

#[test]
fn a_remembered_token_ends_all_the_same() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    let token = good(&tokens);
    assert!(tokens.verify(&token, now()).is_ok());
    assert_eq!(tokens.remembered(), 1);
    assert!(tokens.verify(&token, later(604)).is_ok());
    assert_eq!(
        tokens.verify(&token, later(605)).unwrap_err().fault(),
        TokenFault::Expired
    );
    let back = now().saturating_sub(Duration::from_secs(6));
    assert_eq!(
        tokens.verify(&token, back).unwrap_err().fault(),
        TokenFault::Early
    );
    tokens.set_ring(KeyRing::generate(SigningAlgorithm::EdDsa, &kit(2)).unwrap());
    assert_eq!(tokens.verify(&token, now()).unwrap_err().fault(), TokenFault::Key);
}

#[test]
fn only_valid_tokens_are_remembered() {
    let tokens = fixture(SigningAlgorithm::EdDsa);
    for n in 0..50 {
        assert!(tokens.verify(format!("a.b.{n}"), now()).is_err());
        let forged = altered(&tokens, |_, claims| claims["exp"] = json!(n));
        assert!(tokens.verify(&forged, now()).is_err());
    }
    assert_eq!(tokens.remembered(), 0);
}

#[test]
fn a_rotation_fails_no_token_and_ends_the_old_key_at_its_time() {
    let clock = ManualClock::at(now());
    let kit = Kit {
        clock: Arc::new(clock.clone()),
        ..kit(1)
    };
    let ring = KeyRing::generate(SigningAlgorithm::EdDsa, &kit).unwrap();
    let tokens = service(ring.clone());
    let old = ring.signing_key(now()).unwrap().id();
    let rotated = ring
        .rotate(
            SigningAlgorithm::EdDsa,
            now(),
            Duration::from_secs(60),
            Duration::from_secs(700),
            &kit,
        )
        .unwrap();
    let before = tokens.issue_for(&principal(), now()).unwrap();
    tokens.set_ring(rotated.clone());
    assert_eq!(rotated.signing_key(later(59)).unwrap().id(), old);
    assert_ne!(rotated.signing_key(later(60)).unwrap().id(), old);
    let last_of_old = tokens.issue_for(&principal(), later(59)).unwrap();
    let first_of_new = tokens.issue_for(&principal(), later(60)).unwrap();
    assert!(tokens.verify(before.expose(), later(600)).is_ok());
    assert!(tokens.verify(last_of_old.expose(), later(659)).is_ok());
    assert!(tokens.verify(first_of_new.expose(), later(659)).is_ok());
    assert_eq!(rotated.jwks(later(759))["keys"].as_array().unwrap().len(), 2);
    assert_eq!(rotated.jwks(later(760))["keys"].as_array().unwrap().len(), 1);
    assert!(rotated.verifying_key(old, later(759)).is_some());
    assert!(rotated.verifying_key(old, later(760)).is_none());
    // The key that has ended leaves the ring, and an emergency ends the others at once.
    let again = rotated
        .rotate(
            SigningAlgorithm::EdDsa,
            later(760),
            Duration::ZERO,
            Duration::ZERO,
            &kit,
        )
        .unwrap();
    assert_eq!(again.keys().count(), 2);
    assert_eq!(again.jwks(later(760))["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn a_ring_goes_through_its_file_and_shows_no_secret_elsewhere() {
    for algorithm in ALL {
        let ring = KeyRing::generate(algorithm, &kit(1)).unwrap();
        let file = serde_json::to_string(&ring.to_stored()).unwrap();
        let stored: StoredKeyRing = serde_json::from_str(&file).unwrap();
        let read = KeyRing::from_stored(&stored).unwrap();
        let (one, other) = (service(ring.clone()), service(read));
        assert!(other.verify(good(&one), now()).is_ok());
        let secret = stored.keys[0].material.expose();
        assert!(file.contains(secret));
        for text in [
            format!("{stored:?}"),
            format!("{ring:?}"),
            ring.jwks(now()).to_string(),
        ] {
            assert!(!text.contains(secret), "{text}");
        }
        let public = ring.jwks(now())["keys"].as_array().unwrap().len();
        assert_eq!(public, usize::from(algorithm != SigningAlgorithm::Hs256));
    }
}

#[test]
fn a_key_verifies_its_own_algorithm_only_whatever_the_header_says() {
    let own: Vec<_> = ALL.into_iter().map(fixture).collect();
    for (tokens, algorithm) in own.iter().zip(ALL) {
        for (other, name) in own.iter().zip(ALL).filter(|(_, name)| *name != algorithm) {
            let token = altered(tokens, |header, _| header["alg"] = json!(name.as_str()));
            assert_eq!(
                fault(tokens, &token),
                TokenFault::Algorithm,
                "{algorithm:?} {name:?}"
            );
            // The other key's signature under this key's name.
            let kid = tokens.ring().signing_key(now()).unwrap().id();
            let token = altered(other, |header, _| {
                header["kid"] = json!(kid);
                header["alg"] = json!(algorithm.as_str());
            });
            assert_eq!(
                fault(tokens, &token),
                TokenFault::Signature,
                "{algorithm:?} {name:?}"
            );
        }
    }
}

#[test]
fn public_keys_are_shown_with_the_members_of_their_kind() {
    for (algorithm, kind, members) in [
        (SigningAlgorithm::EdDsa, "OKP", &["crv", "x"][..]),
        (SigningAlgorithm::Es256, "EC", &["crv", "x", "y"]),
        (SigningAlgorithm::Rs256, "RSA", &["n", "e"]),
    ] {
        let ring = KeyRing::generate(algorithm, &kit(1)).unwrap();
        let set = ring.jwks(now());
        let jwk = set["keys"][0].as_object().unwrap();
        assert_eq!(
            (&jwk["kty"], &jwk["alg"], &jwk["use"]),
            (&json!(kind), &json!(algorithm.as_str()), &json!("sig"))
        );
        assert_eq!(jwk["kid"], json!(ring.signing_key(now()).unwrap().id()));
        let mut shown: Vec<_> = jwk.keys().map(String::as_str).collect();
        shown.retain(|name| !["kty", "alg", "use", "kid"].contains(name));
        shown.sort_unstable();
        let mut members = members.to_vec();
        members.sort_unstable();
        assert_eq!(shown, members);
    }
}

/// An RSA key of 1024 bits, made for this test.
const SHORT_RSA: &str = "\
    MIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAJs_lV9FA3L_wY9-vWJRhqpn34qKC28MpbvBl7Mo1b0G-pkpnyVJ\
    9NGLgyEQ8xLyFf2h9FG-nTQeMDM7YC0eIqUkjWBTKCzs40ASaPnW8gVWOn8WV949hnQPpcL3pWSr-RFKWGIuBBBKwWMfpBP0_y2_\
    GVjh_4Td6AHRLPleD4ptAgMBAAECgYAQ0kHgEb0-76FMaAIjLgw2WIzrGOwGO0uV3XMPcYQ_OAtdHxpkUvAY6FHr-kcsLVjeo3ay\
    iMHFzOOSGYPhP5unN-vuHmsAbvQsl56L-dh-lJy1cNs7nIbiL-ZdaSMeZpU5IOZhizQP8wwuBQU4V_-yJ_4sJ7VcuXaP1iQDJNJg\
    rQJBAMf9hZZ94DbXhFOtIIofQlOoR8jak6xXqkKjetlm2XQatJw-1YAFd8lhd58gjFbzyfxVVNOF8CcKFY7aLT8hdqMCQQDGuj_P\
    6Yn2vGairk7imWzFhqRD6Vsoy-j0-EjI9shMwX7Q8WiSP86UC2nRgyf3KWowa_ksYPp1ECGpZkE4ptuvAkA1XzFRklJOEIIeGqv-\
    cI0w6k4OClcyvUqQ8jQM5OfPlnjw4cv0mID5W2ujKfqKEhGrp9I1iR8oLAbI0u0UVgflAkAizTkhmv9rM0EyGh58dmvjB5o6vmIV\
    eeg5BkYQ047uSjCAPNaYTg5KRNlqNHLKSPlss2v2hqE14PZUKTEgz6_HAkEAwGK0VOwo_OcY7ahhbFy1aCQ_WX-e0oPDnRrcchCK\
    Hx04d4sBORKPi7gODIr-E4Jr-8R1ZdrE1-ojZtQUS1FleA";

#[test]
fn short_rsa_keys_are_refused_and_longer_ones_taken() {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    let longer = KeyPair::generate(KeySize::Rsa3072).unwrap();
    let longer: Pkcs8V1Der<'_> = longer.as_der().unwrap();
    let ring = |material: String| {
        let mut stored = KeyRing::generate(SigningAlgorithm::EdDsa, &kit(1))
            .unwrap()
            .to_stored();
        stored.keys[0].algorithm = SigningAlgorithm::Rs256;
        stored.keys[0].material = material.into();
        KeyRing::from_stored(&stored)
    };
    assert!(matches!(ring(SHORT_RSA.to_owned()), Err(KeyError::Material(_))));
    let tokens = service(ring(URL_SAFE_NO_PAD.encode(longer.as_ref())).unwrap());
    assert!(tokens.verify(good(&tokens), now()).is_ok());
}

#[test]
fn a_key_is_due_by_the_age_of_the_newest() {
    let every = Duration::from_secs(100);
    let clock = ManualClock::at(now());
    let kit = Kit {
        clock: Arc::new(clock.clone()),
        ..kit(1)
    };
    let ring = KeyRing::generate(SigningAlgorithm::EdDsa, &kit).unwrap();
    assert!(!ring.is_due(every, later(99)) && ring.is_due(every, later(100)));
    clock.advance(every);
    let rotated = ring
        .rotate(
            SigningAlgorithm::Es256,
            later(100),
            Duration::from_secs(60),
            every,
            &kit,
        )
        .unwrap();
    assert!(!rotated.is_due(every, later(100)), "the announced key counts");
    assert!(rotated.is_due(every, later(200)));
    // Another algorithm follows as any other key does.
    let name = |at| rotated.signing_key(at).unwrap().algorithm();
    assert_eq!(name(later(159)), SigningAlgorithm::EdDsa);
    assert_eq!(name(later(160)), SigningAlgorithm::Es256);
}

#[test]
fn rings_that_cannot_work_are_refused() {
    let good = KeyRing::generate(SigningAlgorithm::Hs256, &kit(1))
        .unwrap()
        .to_stored();
    let with = |change: &dyn Fn(&mut StoredKeyRing)| {
        let mut ring = good.clone();
        change(&mut ring);
        KeyRing::from_stored(&ring).map(|_| ())
    };
    let short = URL_SAFE_NO_PAD.encode([7_u8; 31]);
    assert!(with(&|_| {}).is_ok());
    assert!(matches!(
        with(&|ring| ring.version = 2),
        Err(KeyError::Version(2))
    ));
    assert!(matches!(
        with(&|ring| ring.keys.clear()),
        Err(KeyError::NoneSigns)
    ));
    assert!(matches!(
        with(&|ring| ring.keys.push(ring.keys[0].clone())),
        Err(KeyError::Twice(_))
    ));
    assert!(matches!(
        with(&|ring| ring.keys = vec![ring.keys[0].clone(); 17]),
        Err(KeyError::TooMany)
    ));
    assert!(matches!(
        with(&|ring| ring.keys[0].material = short.clone().into()),
        Err(KeyError::Material(_))
    ));
    assert!(matches!(
        with(&|ring| ring.keys[0].algorithm = SigningAlgorithm::EdDsa),
        Err(KeyError::Material(_))
    ));
    assert!(matches!(
        with(&|ring| ring.keys[0].verifies_until = Some(Timestamp::EPOCH)),
        Err(KeyError::Times(_))
    ));
}

#[test]
fn figures_of_the_policy_stay_in_bounds() {
    let policy = AccessTokenPolicy::new("a", "b").unwrap();
    let seconds = Duration::from_secs;
    assert!(AccessTokenPolicy::new("", "b").is_err());
    assert!(policy.clone().times(seconds(900), seconds(60)).is_ok());
    assert_eq!(
        policy.clone().times(seconds(901), seconds(0)),
        Err(AccessTokenPolicyError::Lifetime)
    );
    assert_eq!(
        policy.clone().times(seconds(0), seconds(0)),
        Err(AccessTokenPolicyError::Lifetime)
    );
    assert_eq!(
        policy.times(seconds(600), seconds(61)),
        Err(AccessTokenPolicyError::Leeway)
    );
}

proptest! {
    #[test]
    fn any_change_of_one_character_is_refused(at in 0_usize..1_000, with in "[A-Za-z0-9_.=+/ -]") {
        let tokens = fixture(SigningAlgorithm::EdDsa);
        let token = good(&tokens);
        let at = at % token.len();
        let mut changed = token.clone();
        changed.replace_range(at..=at, &with);
        prop_assume!(changed != token);
        prop_assert!(tokens.verify(&changed, now()).is_err());
    }

    #[test]
    fn any_text_is_refused_without_a_panic(text in "(\\PC{0,40}\\.){0,3}\\PC{0,40}") {
        prop_assert!(fixture(SigningAlgorithm::EdDsa).verify(&text, now()).is_err());
    }
}
