//! Single changes of what authenticators and browsers answer, each of which is to be refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use wisdom_adapters::testkit::authenticator::{
    Assertion, BACKED_UP, BACKUP_ELIGIBLE, ClientData, Creation, USER_PRESENT, USER_VERIFIED,
};

use super::ADA;

pub(super) type Change<T> = (String, Box<dyn Fn(&mut T) + Send + Sync>);

fn change<T>(what: impl Into<String>, apply: impl Fn(&mut T) + Send + Sync + 'static) -> Change<T> {
    (what.into(), Box::new(apply))
}

/// Changes of what the browser says; `kind` is the right type.
pub(super) fn of_client_data(kind: &'static str) -> Vec<Change<ClientData>> {
    let mut changes: Vec<Change<ClientData>> = Vec::new();
    for member in ["type", "challenge", "origin"] {
        changes.push(change(format!("no {member}"), move |data: &mut ClientData| {
            data.0.remove(member);
        }));
        for (what, value) in [
            ("null", Value::Null),
            ("a number", json!(7)),
            ("a list", json!([])),
            ("empty", json!("")),
        ] {
            changes.push(change(
                format!("{member} {what}"),
                move |data: &mut ClientData| {
                    data.0.insert(member.to_owned(), value.clone());
                },
            ));
        }
    }
    let other = if kind == "webauthn.get" {
        "webauthn.create"
    } else {
        "webauthn.get"
    };
    for wrong in [
        other,
        "payment.get",
        "webauthn.GET",
        "navigator.id.getAssertion",
        "webauthn.get ",
    ] {
        changes.push(change(format!("type {wrong}"), move |data: &mut ClientData| {
            data.0.insert("type".to_owned(), wrong.into());
        }));
    }
    for at in [0, 1, 7, 20, 31] {
        changes.push(change(
            format!("challenge byte {at}"),
            move |data: &mut ClientData| {
                let text = data.0["challenge"].as_str().unwrap();
                let mut bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
                bytes[at] ^= 1 << (at % 8);
                data.0
                    .insert("challenge".to_owned(), URL_SAFE_NO_PAD.encode(bytes).into());
            },
        ));
    }
    changes.push(change("challenge cut", |data: &mut ClientData| {
        let text = data.0["challenge"].as_str().unwrap()[..42].to_owned();
        data.0.insert("challenge".to_owned(), text.into());
    }));
    changes.push(change("challenge longer", |data: &mut ClientData| {
        let text = format!("{}AAAA", data.0["challenge"].as_str().unwrap());
        data.0.insert("challenge".to_owned(), text.into());
    }));
    for wrong in [
        "http://app.acme.example",
        "https://app.acme.example/",
        "https://app.acme.example/evil",
        "https://app.acme.example?x",
        "https://app.acme.example:443",
        "https://app.acme.example:8443",
        "https://APP.acme.example",
        "https://app.acme.example.",
        "https://acme.example",
        "https://evil.app.acme.example",
        "https://app.acme.example.evil.example",
        "https://evilacme.example",
        "https://user@app.acme.example",
        "https://evil.example",
        "https://app.acme.example\u{0}",
        " https://app.acme.example",
        "android:apk-key-hash:AAAA",
        "null",
    ] {
        changes.push(change(
            format!("origin {wrong:?}"),
            move |data: &mut ClientData| {
                data.0.insert("origin".to_owned(), wrong.into());
            },
        ));
    }
    for wrong in [json!(true), json!("true"), json!(1), json!([])] {
        changes.push(change(
            format!("crossOrigin {wrong}"),
            move |data: &mut ClientData| {
                data.0.insert("crossOrigin".to_owned(), wrong.clone());
            },
        ));
    }
    changes.push(change("topOrigin", |data: &mut ClientData| {
        data.0
            .insert("topOrigin".to_owned(), "https://evil.example".into());
    }));
    changes
}

const RP_IDS: [&str; 7] = [
    "",
    "app.acme.example",
    "evil.example",
    "ACME.example",
    "acme.example.",
    "https://acme.example",
    "example",
];

/// Changes of a proof that is then signed properly.
pub(super) fn of_assertion() -> Vec<Change<Assertion>> {
    let mut changes: Vec<Change<Assertion>> = Vec::new();
    for (what, apply) in of_client_data("webauthn.get") {
        changes.push(change(what, move |one: &mut Assertion| {
            apply(&mut one.client_data);
        }));
    }
    for wrong in RP_IDS {
        changes.push(change(
            format!("rpIdHash of {wrong:?}"),
            move |one: &mut Assertion| {
                wrong.clone_into(&mut one.rp_id);
            },
        ));
    }
    for flags in [
        0,
        USER_PRESENT,
        USER_VERIFIED,
        USER_PRESENT | USER_VERIFIED | BACKED_UP,
        USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE,
        USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE | BACKED_UP,
        // Extensions and attested data are announced and do not follow.
        USER_PRESENT | USER_VERIFIED | 0x80,
        USER_PRESENT | USER_VERIFIED | 0x40,
    ] {
        changes.push(change(format!("flags {flags:#x}"), move |one: &mut Assertion| {
            one.flags = flags;
        }));
    }
    for kind in ["", "PUBLIC-KEY", "password", "public-key "] {
        changes.push(change(format!("kind {kind:?}"), move |one: &mut Assertion| {
            kind.clone_into(&mut one.kind);
        }));
    }
    for at in [0, 15, 31] {
        changes.push(change(format!("id byte {at}"), move |one: &mut Assertion| {
            one.shown_id[at] ^= 1;
        }));
    }
    changes.push(change("id empty", |one: &mut Assertion| one.shown_id.clear()));
    changes.push(change("id cut", |one: &mut Assertion| one.shown_id.truncate(31)));
    changes.push(change("id longer", |one: &mut Assertion| one.shown_id.push(0)));
    changes.push(change("no user handle", |one: &mut Assertion| {
        one.user_handle = None;
    }));
    changes.push(change("user handle empty", |one: &mut Assertion| {
        one.user_handle = Some(Vec::new());
    }));
    for at in 0..16 {
        changes.push(change(
            format!("user handle byte {at}"),
            move |one: &mut Assertion| {
                one.user_handle.as_mut().unwrap()[at] ^= 0x80;
            },
        ));
    }
    changes.push(change("user handle longer", |one: &mut Assertion| {
        one.user_handle.as_mut().unwrap().push(0);
    }));
    changes.push(change(
        "the e-mail address as user handle",
        |one: &mut Assertion| {
            one.user_handle = Some(ADA.as_bytes().to_vec());
        },
    ));
    changes
}

/// Changes of what was signed already: every byte of the signature and of the authenticator data, and the form around.
pub(super) fn of_signed() -> Vec<Change<Value>> {
    let mut changes: Vec<Change<Value>> = Vec::new();
    for (member, bytes) in [("signature", 70), ("authenticatorData", 37)] {
        for at in 0..bytes {
            changes.push(change(
                format!("{member} byte {at}"),
                move |answer: &mut Value| {
                    let text = answer["response"][member].as_str().unwrap();
                    let mut bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
                    let at = at.min(bytes.len() - 1);
                    bytes[at] ^= 1;
                    answer["response"][member] = URL_SAFE_NO_PAD.encode(bytes).into();
                },
            ));
        }
    }
    for member in ["signature", "authenticatorData", "clientDataJSON"] {
        for (what, value) in [
            ("missing", Value::Null),
            ("empty", json!("")),
            ("a number", json!(1)),
            ("a list", json!([1, 2, 3])),
            ("not base64url", json!("a+/=")),
            (
                "zeros",
                json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            ),
        ] {
            changes.push(change(format!("{member} {what}"), move |answer: &mut Value| {
                answer["response"][member] = value.clone();
            }));
        }
        changes.push(change(format!("{member} cut"), move |answer: &mut Value| {
            let text = answer["response"][member].as_str().unwrap();
            let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
            answer["response"][member] = URL_SAFE_NO_PAD.encode(&bytes[..bytes.len() - 1]).into();
        }));
    }
    changes.push(change("clientDataJSON with a space", |answer: &mut Value| {
        let text = answer["response"]["clientDataJSON"].as_str().unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
        bytes.push(b' ');
        answer["response"]["clientDataJSON"] = URL_SAFE_NO_PAD.encode(bytes).into();
    }));
    for wrong in [Value::Null, json!(""), json!(7), json!({}), json!("AAAA")] {
        for member in ["id", "rawId", "type", "response"] {
            let wrong = wrong.clone();
            changes.push(change(format!("{member} {wrong}"), move |answer: &mut Value| {
                answer[member] = wrong.clone();
            }));
        }
    }
    for wrong in [Value::Null, json!([]), json!(1), json!("x")] {
        changes.push(change(format!("the whole {wrong}"), move |answer: &mut Value| {
            *answer = wrong.clone();
        }));
    }
    changes
}

/// Changes of a new credential, signed by itself where it signs.
pub(super) fn of_creation() -> Vec<Change<Creation>> {
    let mut changes: Vec<Change<Creation>> = Vec::new();
    for (what, apply) in of_client_data("webauthn.create") {
        changes.push(change(what, move |one: &mut Creation| {
            apply(&mut one.client_data);
        }));
    }
    for wrong in RP_IDS {
        changes.push(change(
            format!("rpIdHash of {wrong:?}"),
            move |one: &mut Creation| {
                wrong.clone_into(&mut one.rp_id);
            },
        ));
    }
    for (what, flags) in [
        ("nothing", 0x40),
        ("not verified", 0x41),
        ("not present", 0x44),
        ("no attested data", 0x05),
        ("backed up and not eligible", 0x55),
        ("extensions that do not follow", 0xc5),
    ] {
        changes.push(change(format!("flags: {what}"), move |one: &mut Creation| {
            one.flags = flags;
        }));
    }
    // EdDSA, ES384 and HS256-like numbers, and one that means nothing.
    for algorithm in [-8, -35, -36, -37, 5, 0, 127] {
        changes.push(change(
            format!("algorithm {algorithm}"),
            move |one: &mut Creation| {
                one.algorithm = algorithm;
            },
        ));
    }
    changes.push(change("another id outside", |one: &mut Creation| {
        one.shown_id[0] ^= 1;
    }));
    changes.push(change("another id inside", |one: &mut Creation| {
        one.credential_id[0] ^= 1;
    }));
    changes.push(change("an id that is too short", |one: &mut Creation| {
        one.credential_id.truncate(15);
        one.shown_id.truncate(15);
    }));
    changes.push(change("an id that is too long", |one: &mut Creation| {
        one.credential_id = vec![7; 1024];
        one.shown_id = vec![7; 1024];
    }));
    changes.push(change("no id", |one: &mut Creation| {
        one.credential_id.clear();
        one.shown_id.clear();
    }));
    changes.push(change("kind", |one: &mut Creation| {
        "password".clone_into(&mut one.kind);
    }));
    changes
}
