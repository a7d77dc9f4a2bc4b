//! ID tokens that must be believed, and every change of them that must not.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use serde_json::json;

use super::*;

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://id.example.com";
const CLIENT: &str = "client-7";
const NONCE: &str = "n-0S6_WzA2Mj";
const ACCESS: &str = "access-token";

struct Signer {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref()).unwrap(),
            ed: Ed25519KeyPair::generate().unwrap(),
        }
    }

    fn keys(&self) -> KeySet {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let public = self.rsa.public_key();
        let point = self.ec.public_key().as_ref();
        let keys = json!({ "keys": [
            { "kty": "RSA", "kid": "rsa", "use": "sig",
              "n": b64(public.modulus().big_endian_without_leading_zero()),
              "e": b64(public.exponent().big_endian_without_leading_zero()) },
            { "kty": "EC", "kid": "ec", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]) },
            { "kty": "OKP", "kid": "ed", "crv": "Ed25519", "alg": "EdDSA", "x": b64(self.ed.public_key().as_ref()) },
        ] });
        KeySet::read(keys.to_string().as_bytes()).unwrap()
    }

    fn signature(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let mut out = vec![0; self.rsa.public_modulus_len()];
        match algorithm {
            "RS256" => self
                .rsa
                .sign(&RSA_PKCS1_SHA256, &random, message, &mut out)
                .unwrap(),
            "PS256" => self
                .rsa
                .sign(&RSA_PSS_SHA256, &random, message, &mut out)
                .unwrap(),
            "ES256" => return self.ec.sign(&random, message).unwrap().as_ref().to_vec(),
            "EdDSA" => return self.ed.sign(message).as_ref().to_vec(),
            _ => return b"no signature".to_vec(),
        }
        out
    }

    fn sign(&self, header: &Value, claims: &str) -> String {
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = self.signature(header["alg"].as_str().unwrap_or_default(), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "user-1", "aud": CLIENT, "nonce": NONCE, "iat": NOW, "exp": NOW + 300,
        "email": "ada@example.com", "email_verified": true, "name": "Ada",
    })
}

fn changed(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn exact() -> IssuerRule {
    IssuerRule::Exact(ISSUER.to_owned())
}

fn judge_for(
    rule: &IssuerRule,
    answered: Option<&str>,
    signer: &Signer,
    token: &str,
) -> Result<Assertion, Fault> {
    let access = SecretText::from(ACCESS.to_owned());
    let expected = Expected {
        issuer: rule,
        answered,
        client_id: CLIENT,
        nonce: NONCE,
        access_token: Some(&access),
    };
    IdToken::read(token)?.verify(
        &signer.keys(),
        &expected,
        Timestamp::from_unix_seconds(NOW).unwrap(),
    )
}

fn judge(signer: &Signer, token: &str) -> Result<Assertion, Fault> {
    judge_for(&exact(), None, signer, token)
}

#[test]
fn every_algorithm_of_ours_is_believed() {
    let signer = Signer::new();
    for (algorithm, kid) in [
        ("RS256", "rsa"),
        ("PS256", "rsa"),
        ("ES256", "ec"),
        ("EdDSA", "ed"),
    ] {
        let digest = if algorithm == "EdDSA" {
            &digest::SHA512
        } else {
            &digest::SHA256
        };
        let hash = digest::digest(digest, ACCESS.as_bytes());
        let half = URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2]);
        for header in [
            json!({ "alg": algorithm, "kid": kid }),
            json!({ "alg": algorithm, "typ": "JWT" }),
        ] {
            let token = signer.sign(&header, &changed("at_hash", json!(half)).to_string());
            let person = judge(&signer, &token).unwrap();
            assert_eq!(
                (person.issuer.as_str(), person.subject.as_str()),
                (ISSUER, "user-1")
            );
            assert_eq!(person.verified_email.unwrap().as_str(), "ada@example.com");
        }
    }
}

#[test]
fn changed_headers_are_refused() {
    let signer = Signer::new();
    let text = claims().to_string();
    for (header, fault) in [
        (json!({ "alg": "none" }), Fault::Algorithm),
        (json!({ "alg": "None", "kid": "rsa" }), Fault::Algorithm),
        (json!({ "alg": "HS256", "kid": "rsa" }), Fault::Algorithm),
        (json!({ "alg": "RS512", "kid": "rsa" }), Fault::Algorithm),
        (json!({ "alg": ["RS256"], "kid": "rsa" }), Fault::Algorithm),
        (json!({ "kid": "rsa" }), Fault::Algorithm),
        (json!({ "alg": "RS256", "kid": "other" }), Fault::Key),
        (json!({ "alg": "RS256", "kid": "ec" }), Fault::Key),
        (json!({ "alg": "ES256", "kid": "rsa" }), Fault::Key),
        (json!({ "alg": "RS256", "kid": 7 }), Fault::Header),
        (json!({ "alg": "RS256", "kid": null }), Fault::Header),
        (
            json!({ "alg": "RS256", "kid": "rsa", "typ": "at+jwt" }),
            Fault::Header,
        ),
        (
            json!({ "alg": "RS256", "kid": "rsa", "typ": "logout+jwt" }),
            Fault::Header,
        ),
        (json!({ "alg": "RS256", "kid": "rsa", "typ": 1 }), Fault::Header),
        (
            json!({ "alg": "RS256", "kid": "rsa", "crit": ["exp"] }),
            Fault::Header,
        ),
        (
            json!({ "alg": "RS256", "kid": "rsa", "b64": false }),
            Fault::Header,
        ),
        (
            json!({ "alg": "RS256", "kid": "rsa", "zip": "DEF" }),
            Fault::Header,
        ),
        (
            json!({ "alg": "RS256", "kid": "rsa", "jku": "https://evil.example/jwks" }),
            Fault::Header,
        ),
        (
            json!({ "alg": "RS256", "kid": "rsa", "jwk": { "kty": "RSA" } }),
            Fault::Header,
        ),
        (
            json!({ "alg": "RS256", "kid": "rsa", "x5u": "https://evil.example/x" }),
            Fault::Header,
        ),
    ] {
        assert_eq!(
            judge(&signer, &signer.sign(&header, &text)),
            Err(fault),
            "{header}"
        );
    }
}

#[test]
fn changed_claims_are_refused() {
    let signer = Signer::new();
    let header = json!({ "alg": "RS256", "kid": "rsa" });
    for (claims, fault) in [
        (without("iss"), Fault::Claims),
        (changed("iss", json!("https://id.example.com/")), Fault::Issuer),
        (changed("iss", json!("https://evil.example")), Fault::Issuer),
        (changed("iss", json!([ISSUER])), Fault::Claims),
        (without("aud"), Fault::Claims),
        (changed("aud", json!("client-8")), Fault::Audience),
        (changed("aud", json!(["client-8"])), Fault::Audience),
        (changed("aud", json!([CLIENT, "client-8"])), Fault::Audience),
        (changed("aud", json!([CLIENT, 8])), Fault::Claims),
        (changed("aud", json!(7)), Fault::Claims),
        (changed("aud", json!({})), Fault::Claims),
        (changed("azp", json!("client-8")), Fault::Audience),
        (changed("azp", json!([CLIENT])), Fault::Claims),
        (without("nonce"), Fault::Claims),
        (changed("nonce", json!("other")), Fault::Nonce),
        (changed("nonce", json!("")), Fault::Nonce),
        (changed("nonce", json!([NONCE])), Fault::Claims),
        (without("exp"), Fault::Claims),
        (changed("exp", json!(NOW - 60)), Fault::Expired),
        (changed("exp", json!((NOW + 300).to_string())), Fault::Claims),
        (changed("exp", json!(1.0e300)), Fault::Claims),
        (changed("exp", json!(-1)), Fault::Claims),
        (changed("exp", json!(u64::MAX)), Fault::Claims),
        (without("iat"), Fault::Claims),
        (changed("iat", json!(NOW + 61)), Fault::Issued),
        (changed("iat", json!(NOW - 661)), Fault::Issued),
        (changed("iat", json!("now")), Fault::Claims),
        (changed("nbf", json!(NOW + 61)), Fault::Issued),
        (changed("nbf", json!("99999999999")), Fault::Claims),
        (without("sub"), Fault::Claims),
        (changed("sub", json!("")), Fault::Claims),
        (changed("sub", json!(1)), Fault::Claims),
        (changed("sub", json!("x".repeat(256))), Fault::Claims),
        (changed("sub", json!("a\u{0}b")), Fault::Claims),
        (changed("sub", json!("\u{e4}")), Fault::Claims),
        (
            changed("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")),
            Fault::AccessToken,
        ),
        (changed("at_hash", json!(7)), Fault::Claims),
    ] {
        assert_eq!(
            judge(&signer, &signer.sign(&header, &claims.to_string())),
            Err(fault),
            "{claims}"
        );
    }
    let twice = claims().to_string().replacen('{', r#"{"sub":"admin","#, 1);
    assert_eq!(judge(&signer, &signer.sign(&header, &twice)), Err(Fault::Claims));
}

#[test]
fn times_have_a_minute_of_leeway_and_no_more() {
    let signer = Signer::new();
    let header = json!({ "alg": "RS256", "kid": "rsa" });
    for claims in [
        changed("exp", json!(NOW - 59)),
        changed("iat", json!(NOW + 60)),
        changed("iat", json!(NOW - 660)),
        changed("nbf", json!(NOW + 60)),
        changed("azp", json!(CLIENT)),
        {
            let mut several = changed("aud", json!([CLIENT, "client-8"]));
            several["azp"] = json!(CLIENT);
            several
        },
    ] {
        assert!(
            judge(&signer, &signer.sign(&header, &claims.to_string())).is_ok(),
            "{claims}"
        );
    }
}

#[test]
fn only_a_true_truth_value_verifies_an_address() {
    let signer = Signer::new();
    let header = json!({ "alg": "RS256", "kid": "rsa" });
    let verified = |claims: Value| {
        let person = judge(&signer, &signer.sign(&header, &claims.to_string())).unwrap();
        person.verified_email.is_some()
    };
    assert!(verified(claims()));
    for said in [json!("true"), json!(1), json!(false), json!(null), json!([true])] {
        assert!(!verified(changed("email_verified", said.clone())), "{said}");
    }
    assert!(!verified(without("email_verified")));
    assert!(!verified(without("email")));
    assert!(!verified(changed("email", json!("not an address"))));
    let mut edov = without("email_verified");
    edov["xms_edov"] = json!(true);
    assert!(verified(edov.clone()));
    edov["xms_edov"] = json!("1");
    assert!(!verified(edov.clone()));
    edov["xms_edov"] = json!(true);
    edov["email_verified"] = json!(false);
    assert!(!verified(edov));
}

#[test]
fn damaged_tokens_are_refused() {
    let signer = Signer::new();
    let good = signer.sign(&json!({ "alg": "ES256", "kid": "ec" }), &claims().to_string());
    assert!(judge(&signer, &good).is_ok());
    for bad in [
        String::new(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        good.replace('.', ""),
        good[..good.len() - 2].to_owned(),
        good.rsplit_once('.').unwrap().0.to_owned() + ".",
        good.rsplit_once('.').unwrap().0.to_owned(),
        format!("{good}.x"),
        format!("{good}="),
        format!("{good}{}", "A".repeat(MAX_LENGTH)),
    ] {
        assert!(judge(&signer, &bad).is_err(), "{bad}");
    }
    // Another's claims under this signature.
    let other = signer.sign(
        &json!({ "alg": "ES256", "kid": "ec" }),
        &changed("sub", json!("admin")).to_string(),
    );
    let (message, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();
    assert_eq!(
        judge(&signer, &format!("{message}.{signature}")),
        Err(Fault::Signature)
    );
    // Signed by somebody else's key of the same name.
    let forged = Signer::new().sign(&json!({ "alg": "RS256", "kid": "rsa" }), &claims().to_string());
    assert_eq!(judge(&signer, &forged), Err(Fault::Signature));
}

#[test]
fn issuers_of_directories_go_with_their_id() {
    let signer = Signer::new();
    let rule = IssuerRule::OfDirectory {
        before: "https://login.example.com/".to_owned(),
        after: "/v2.0".to_owned(),
    };
    let header = json!({ "alg": "RS256", "kid": "rsa" });
    let (id, other) = (
        "9188040d-6c67-4c5b-b112-36a304b66dad",
        "72f988bf-86f1-41af-91ab-2d7cd011db47",
    );
    let of = |iss: &str, tid: &str| {
        let mut claims = changed("iss", json!(iss));
        claims["tid"] = json!(tid);
        signer.sign(&header, &claims.to_string())
    };
    let issuer = format!("https://login.example.com/{id}/v2.0");
    let judged = judge_for(&rule, None, &signer, &of(&issuer, id)).unwrap();
    assert_eq!(judged.issuer, issuer);
    assert!(judge_for(&rule, Some(&issuer), &signer, &of(&issuer, id)).is_ok());
    for token in [
        of(&issuer, other),
        of(&issuer, "common"),
        of("https://login.example.com/common/v2.0", "common"),
    ] {
        assert_eq!(judge_for(&rule, None, &signer, &token), Err(Fault::Issuer));
    }
    let answered = Some("https://login.example.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0");
    assert_eq!(
        judge_for(&rule, answered, &signer, &of(&issuer, id)),
        Err(Fault::Issuer)
    );
    assert!(rule.is_written_as("https://login.example.com/{tenantid}/v2.0"));
    assert!(rule.is_written_as(&issuer));
    assert!(!rule.is_written_as("https://login.example.com/evil/../x/v2.0"));
    assert!(!rule.is_written_as("https://evil.example/{tenantid}/v2.0"));
}

#[test]
fn the_answers_issuer_is_required_where_it_is_announced() {
    let rule = exact();
    assert_eq!(rule.check_answer(None, false), Ok(()));
    assert_eq!(rule.check_answer(Some(ISSUER), true), Ok(()));
    assert_eq!(rule.check_answer(None, true), Err(Fault::Issuer));
    assert_eq!(
        rule.check_answer(Some("https://evil.example"), false),
        Err(Fault::Issuer)
    );
}
