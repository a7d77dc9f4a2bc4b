//! Forged tokens, each with one fault.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use wisdom_core::clock::{Clock as _, SystemClock};

use super::forge::{Forge, doubled, encode};
/// Attacks on what says how to verify: algorithm, key, place of a key.
#[expect(clippy::too_many_lines, reason = "a list")]
pub(super) fn on_the_header(forge: &Forge, elsewhere: &str) -> Vec<(&'static str, String)> {
    let none = |alg: &str, signature: &str| {
        let mut header = forge.header.clone();
        header["alg"] = json!(alg);
        let message = format!(
            "{}.{}",
            encode(&header.to_string()),
            encode(&forge.claims.to_string())
        );
        format!("{message}.{signature}")
    };
    let mine = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let by_stranger = |header: Value| {
        let message = format!(
            "{}.{}",
            encode(&header.to_string()),
            encode(&forge.claims.to_string())
        );
        let signature = URL_SAFE_NO_PAD.encode(mine.sign(message.as_bytes()));
        format!("{message}.{signature}")
    };
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(mine.public_key()) });
    let plus = |name: &str, value: Value| {
        let mut header = forge.header.clone();
        header[name] = value;
        header
    };
    let swapped = |says: &str, signs: &str| {
        let mut header = forge.header.clone();
        header["alg"] = json!(says);
        header["kid"] = json!(forge.kid(signs));
        forge.signed_texts(signs, &header.to_string(), &forge.claims.to_string())
    };
    let crossed = |names: &str, signs: &str| {
        let mut header = forge.header.clone();
        header["alg"] = json!(names);
        header["kid"] = json!(forge.kid(names));
        forge.signed_texts(signs, &header.to_string(), &forge.claims.to_string())
    };
    let url = json!(format!("{elsewhere}/jwks.json"));
    vec![
        ("alg none, no signature", none("none", "")),
        (
            "alg None with the old signature",
            none("None", forge.good.rsplit('.').next().unwrap()),
        ),
        ("alg NONE, some signature", none("NONE", "AAAA")),
        ("alg empty", none("", "AAAA")),
        (
            "alg missing",
            forge.signed("EdDSA", |header, _| {
                header.as_object_mut().unwrap().remove("alg");
            }),
        ),
        ("alg as a list", forge.with_header("alg", json!(["EdDSA"]))),
        ("alg in other case", forge.with_header("alg", json!("eddsa"))),
        (
            "alg of another key: says ES256, is EdDSA",
            swapped("ES256", "EdDSA"),
        ),
        (
            "alg of another key: says RS256, is ES256",
            swapped("RS256", "ES256"),
        ),
        (
            "alg of another key: says HS256, is RS256",
            swapped("HS256", "RS256"),
        ),
        ("PS256 for RS256", swapped("PS256", "RS256")),
        (
            "signed by one key, named after another: EdDSA",
            crossed("EdDSA", "ES256"),
        ),
        (
            "signed by one key, named after another: RS256",
            crossed("RS256", "HS256"),
        ),
        (
            "signed by one key, named after another: HS256",
            crossed("HS256", "EdDSA"),
        ),
        (
            "HMAC with the Ed25519 public key",
            forge.confused("EdDSA", &forge.public("EdDSA")),
        ),
        (
            "HMAC with the RSA public key",
            forge.confused("RS256", &forge.public("RS256")),
        ),
        (
            "HMAC with the P-256 public key",
            forge.confused("ES256", &forge.public("ES256")),
        ),
        ("HMAC with nothing", forge.confused("HS256", &[])),
        (
            "HMAC with the kid",
            forge.confused("HS256", forge.kid("HS256").as_bytes()),
        ),
        ("own key in jwk", by_stranger(plus("jwk", jwk))),
        ("own key behind jku", by_stranger(plus("jku", url.clone()))),
        ("own key behind x5u", by_stranger(plus("x5u", url.clone()))),
        ("jku, truly signed", forge.with_header("jku", url.clone())),
        ("x5u, truly signed", forge.with_header("x5u", url.clone())),
        ("x5c, truly signed", forge.with_header("x5c", json!(["MIIB"]))),
        ("kid a URL", by_stranger(plus("kid", url))),
        (
            "kid a path",
            by_stranger(plus("kid", json!("../../../../dev/null"))),
        ),
        (
            "kid SQL",
            by_stranger(plus("kid", json!("x' UNION SELECT 'secret"))),
        ),
        (
            "kid of nobody",
            by_stranger(plus("kid", json!("key_00000000000000000000000001"))),
        ),
        ("kid a number", forge.with_header("kid", json!(1))),
        (
            "kid missing",
            forge.signed("EdDSA", |header, _| {
                header.as_object_mut().unwrap().remove("kid");
            }),
        ),
        ("typ JWT", forge.with_header("typ", json!("JWT"))),
        (
            "typ missing",
            forge.signed("EdDSA", |header, _| {
                header.as_object_mut().unwrap().remove("typ");
            }),
        ),
        ("typ of an ID token", forge.with_header("typ", json!("id+jwt"))),
        ("typ in a list", forge.with_header("typ", json!(["at+jwt"]))),
        ("crit", forge.with_header("crit", json!(["exp"]))),
        ("b64 false", forge.with_header("b64", json!(false))),
        ("zip", forge.with_header("zip", json!("DEF"))),
        (
            "alg twice",
            forge.signed_texts(
                "EdDSA",
                &doubled(&forge.header, r#""alg":"none""#),
                &forge.claims.to_string(),
            ),
        ),
        (
            "header not an object",
            forge.signed_texts("EdDSA", "[]", &forge.claims.to_string()),
        ),
    ]
}

/// Attacks on what is said, all of them truly signed.
pub(super) fn on_the_claims(forge: &Forge) -> Vec<(&'static str, String)> {
    let now = SystemClock.now().unix_seconds();
    let header = forge.header.to_string();
    let text = |first: &str| forge.signed_texts("EdDSA", &header, &doubled(&forge.claims, first));
    let raw = |name: &str, number: &str| {
        let mut claims = forge.claims.clone();
        claims[name] = json!("@");
        let claims = claims.to_string().replace("\"@\"", number);
        forge.signed_texts("EdDSA", &header, &claims)
    };
    vec![
        ("exp as text", forge.with_claim("exp", json!("99999999999"))),
        ("exp missing", forge.without_claim("exp")),
        ("exp null", forge.with_claim("exp", Value::Null)),
        ("exp a fraction", forge.with_claim("exp", json!(4_000_000_000.5))),
        ("exp huge", raw("exp", "999999999999999999999999999999")),
        ("exp 1e99", raw("exp", "1e99")),
        (
            "exp beyond the longest life",
            forge.with_claim("exp", json!(now + 4000)),
        ),
        ("exp negative", forge.with_claim("exp", json!(-1))),
        (
            "exp over",
            forge.signed("EdDSA", |_, claims| {
                for (name, ago) in [("iat", 500), ("nbf", 500), ("auth_time", 500), ("exp", 60)] {
                    claims[name] = json!(now - ago);
                }
            }),
        ),
        ("nbf as text", forge.with_claim("nbf", json!("99999999999"))),
        ("nbf to come", forge.with_claim("nbf", json!(now + 300))),
        ("iat to come", forge.with_claim("iat", json!(now + 300))),
        ("iat missing", forge.without_claim("iat")),
        (
            "iss of somebody else",
            forge.with_claim("iss", json!("https://evil.example")),
        ),
        (
            "iss a list with ours",
            forge.with_claim("iss", json!([forge.claims["iss"]])),
        ),
        ("iss missing", forge.without_claim("iss")),
        ("iss a number", forge.with_claim("iss", json!(5))),
        ("aud of somebody else", forge.with_claim("aud", json!("other"))),
        (
            "aud a list with ours",
            forge.with_claim("aud", json!(["wisdom", "other"])),
        ),
        ("aud missing", forge.without_claim("aud")),
        (
            "aud an object",
            forge.with_claim("aud", json!({ "wisdom": true })),
        ),
        (
            "sub of another kind",
            forge.with_claim("sub", forge.claims["sid"].clone()),
        ),
        ("sub a number", forge.with_claim("sub", json!(1))),
        ("sub missing", forge.without_claim("sub")),
        ("sub twice", text(r#""sub":"usr_00000000000000000000000001""#)),
        ("exp twice", text(r#""exp":4000000000"#)),
        ("sid missing", forge.without_claim("sid")),
        ("gen huge", raw("gen", "18446744073709551616")),
        ("gen zero", forge.with_claim("gen", json!(0))),
        ("gen as text", forge.with_claim("gen", json!("1"))),
        (
            "tid of another kind",
            forge.with_claim("tid", forge.claims["sub"].clone()),
        ),
        ("tid null", forge.with_claim("tid", Value::Null)),
        (
            "claims not an object",
            forge.signed_texts("EdDSA", &header, "\"x\""),
        ),
        ("claims not JSON", forge.signed_texts("EdDSA", &header, "{")),
        (
            "claims nested deeply",
            forge.signed_texts("EdDSA", &header, &"[".repeat(2000)),
        ),
    ]
}

/// Attacks on the form.
pub(super) fn on_the_form(forge: &Forge) -> Vec<(&'static str, String)> {
    let good = &forge.good;
    let parts: Vec<&str> = good.split('.').collect();
    let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    let claims = forge.claims.to_string();
    let mut other = forge.claims.clone();
    other["sub"] = json!("usr_00000000000000000000000001");
    // The last character of 64 bytes in base64url has four bits that mean nothing.
    let mut stray = parts[2].to_owned();
    let last = stray.pop().unwrap();
    stray.push(if last == 'A' {
        'B'
    } else {
        char::from(last as u8 + 1)
    });
    vec![
        ("cut by one character", good[..good.len() - 1].to_owned()),
        ("cut in the middle", good[..good.len() / 2].to_owned()),
        ("without signature", format!("{}.{}", parts[0], parts[1])),
        ("empty signature", format!("{}.{}.", parts[0], parts[1])),
        ("a fourth part", format!("{good}.AAAA")),
        ("five parts, as encrypted ones have", format!("{good}.AAAA.AAAA")),
        ("only dots", "...".to_owned()),
        ("stray bits at the end", forge.patched(None, None, Some(&stray))),
        ("padded", format!("{good}==")),
        (
            "standard alphabet",
            forge.patched(
                None,
                Some(&STANDARD.encode(&claims)),
                Some(&STANDARD.encode(&signature)),
            ),
        ),
        (
            "padded claims",
            forge.patched(None, Some(&URL_SAFE.encode(format!("{claims} "))), None),
        ),
        (
            "other claims under the old signature",
            forge.patched(None, Some(&encode(&other.to_string())), None),
        ),
        (
            "other bytes for the same claims",
            forge.patched(None, Some(&encode(&format!("{claims} "))), None),
        ),
        (
            "signature of zeros",
            forge.patched(None, None, Some(&URL_SAFE_NO_PAD.encode([0; 64]))),
        ),
        (
            "signature twice",
            forge.patched(None, None, Some(&URL_SAFE_NO_PAD.encode(signature.repeat(2)))),
        ),
        ("very long", forge.patched(None, None, Some(&"A".repeat(8000)))),
    ]
}
