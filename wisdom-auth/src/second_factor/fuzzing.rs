//! What must hold for any issuer, account, secret and code.

#![expect(clippy::unwrap_used, reason = "a property that does not hold stops the run")]

use url::Url;
use wisdom_core::time::Timestamp;

use super::totp::{TotpSecret, step_at};

/// The input is a byte that cuts the rest into a secret and a text of two lines, the issuer and the account; the text is
/// tried as a code as well. Answers whether the secret is long enough to be one.
///
/// # Panics
/// When it does not hold.
#[must_use]
pub fn totp(data: &[u8]) -> bool {
    let Some((cut, rest)) = data.split_first() else {
        return false;
    };
    let (secret, text) = rest.split_at(rest.len().min(usize::from(*cut)));
    let text = String::from_utf8_lossy(text);
    let Some(shared) = TotpSecret::from_bytes(secret.to_vec()) else {
        assert!(secret.len() < 16);
        return false;
    };
    assert_eq!(from_base32(shared.base32().expose()), secret);
    let (issuer, account) = text.split_once('\n').unwrap_or((&text, ""));
    check_uri(&shared, secret, issuer, account);

    let mut number = [0; 8];
    number.copy_from_slice(&secret[..8]);
    let step = i64::from_be_bytes(number);
    assert!(shared.code(step).iter().all(u8::is_ascii_digit));
    // Any time there is: the first, the last, and one of the secret's choice.
    for now in [
        Timestamp::EPOCH,
        Timestamp::MAX,
        Timestamp::from_micros_saturating(step),
    ] {
        let present = step_at(now);
        let around: Vec<_> = (present - 1..=present + 1)
            .map(|step| shared.code(step))
            .collect();
        let found = shared.matching_step(&text, now, i64::MIN);
        assert_eq!(found.is_some(), around.iter().any(|code| code == text.as_bytes()));
        let code = shared.code(present);
        let code = std::str::from_utf8(&code).unwrap();
        assert!(shared.matching_step(code, now, present - 2).is_some());
        assert_eq!(
            shared.matching_step(code, now, present + 1),
            None,
            "a code of an earlier step"
        );
    }
    true
}

/// Reads the URI as an authenticator does, with the `url` crate's parser.
fn check_uri(shared: &TotpSecret, secret: &[u8], issuer: &str, account: &str) {
    let uri = shared.uri(issuer, account);
    let read = Url::parse(uri.expose()).unwrap();
    assert_eq!((read.scheme(), read.host_str()), ("otpauth", Some("totp")));
    assert_eq!((read.fragment(), read.username(), read.port()), (None, "", None));
    let label: Vec<&str> = read.path().strip_prefix('/').unwrap().split(':').collect();
    assert_eq!(
        label.iter().map(|part| from_percent(part)).collect::<Vec<_>>(),
        [issuer, account]
    );
    let said: Vec<_> = read.query_pairs().collect();
    let said: Vec<_> = said.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(said[0].0, "secret");
    assert_eq!(from_base32(said[0].1), secret);
    assert_eq!(
        said[1..],
        [
            ("issuer", issuer),
            ("algorithm", "SHA1"),
            ("digits", "6"),
            ("period", "30")
        ]
    );
}

fn from_percent(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let hex = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// RFC 4648, section 6, without padding: a decoder that shares nothing with the encoder.
fn from_base32(text: &str) -> Vec<u8> {
    let mut bits = String::new();
    for c in text.chars() {
        let value = match c {
            'A'..='Z' => u32::from(c) - u32::from('A'),
            '2'..='7' => u32::from(c) - u32::from('2') + 26,
            other => unreachable!("{other} in base32"),
        };
        bits.extend(
            (0..5)
                .rev()
                .map(|bit| if value >> bit & 1 == 1 { '1' } else { '0' }),
        );
    }
    let whole = bits.len() / 8 * 8;
    assert!(bits[whole..].bytes().all(|bit| bit == b'0') && bits.len() - whole < 5);
    let bytes = (0..whole).step_by(8);
    bytes
        .map(|at| u8::from_str_radix(&bits[at..at + 8], 2).unwrap())
        .collect()
}
