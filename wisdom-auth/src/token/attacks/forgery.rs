//! Tokens under another header, another key, or no signature.

use super::*;

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
