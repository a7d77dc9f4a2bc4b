//! Tokens that are written otherwise than ours.

use super::*;

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
