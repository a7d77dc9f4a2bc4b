//! The text of cookies, read and written (RFC 6265, sections 4.1 and 4.2). Of a request's cookies only our own are
//! looked at; what other applications of the host keep beside them need not even be text.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// A cookie came twice: only one of the two can be ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Twice;

/// The value of the cookie of this name, if there is one and it is text.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Twice> {
    let lines = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    let mut values = lines
        .flat_map(|line| line.split(|byte| *byte == b';'))
        .filter_map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=')?;
            (pair[..at].trim_ascii() == name.as_bytes()).then(|| pair[at + 1..].trim_ascii())
        });
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Twice),
        (value, None) => Ok(value
            .and_then(|value| std::str::from_utf8(value).ok())
            .filter(|value| !value.is_empty())),
    }
}

/// The line that sets a cookie for this host only; `None` for a value that would end early or say more than a value.
pub(crate) fn write(name: &str, value: &str, seconds: u64, same_site: &str) -> Option<HeaderValue> {
    // Tokens are made of these.
    let plain = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~'));
    let text = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite={same_site}; Max-Age={seconds}");
    let mut line = HeaderValue::try_from(text).ok().filter(|_| plain)?;
    line.set_sensitive(true);
    Some(line)
}

/// What must hold for any cookies: the input is lines of the header `Cookie`, and as a whole a value to be kept. Answers
/// whether it holds the cookie `s` once, with a value.
///
/// The fuzz target `cookie` calls it with inputs it looks for, the test below with the stored ones.
#[cfg(any(test, fuzzing))]
pub(crate) fn holds(data: &[u8]) -> bool {
    let mut headers = HeaderMap::new();
    let mut model = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else {
            continue;
        };
        headers.append(COOKIE, value);
        // Read once more, byte by byte: name up to the first '=', value up to ';', blanks around both left out.
        let (mut name, mut text, mut in_value) = (Vec::new(), Vec::new(), false);
        for byte in line.iter().chain(b";") {
            match byte {
                b';' => {
                    let pair: (Vec<u8>, Vec<u8>) = (std::mem::take(&mut name), std::mem::take(&mut text));
                    if in_value && pair.0.trim_ascii() == b"s" {
                        model.push(pair.1.trim_ascii().to_vec());
                    }
                    in_value = false;
                }
                b'=' if !in_value => in_value = true,
                other if in_value => text.push(*other),
                other => name.push(*other),
            }
        }
    }
    let read = read(&headers, "s");
    match &model[..] {
        [] => assert_eq!(read, Ok(None)),
        [one] => {
            let text = std::str::from_utf8(one).ok().filter(|text| !text.is_empty());
            assert_eq!(read, Ok(text));
        }
        _ => assert_eq!(read, Err(Twice)),
    }

    if let Ok(value) = std::str::from_utf8(data) {
        if let Some(line) = write("s", value, 600, "Lax") {
            let line = String::from_utf8_lossy(line.as_bytes());
            let parts: Vec<&str> = line.split("; ").collect();
            let first = format!("s={value}");
            assert_eq!(
                parts,
                [
                    &first,
                    "Path=/",
                    "Secure",
                    "HttpOnly",
                    "SameSite=Lax",
                    "Max-Age=600"
                ]
            );
            let mut headers = HeaderMap::new();
            headers.extend(HeaderValue::try_from(first).map(|first| (COOKIE, first)));
            let kept = (!value.is_empty()).then_some(value);
            assert_eq!(self::read(&headers, "s"), Ok(kept));
        } else {
            assert!(!value.is_empty());
        }
    }
    matches!(read, Ok(Some(_)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn stored_inputs_and_what_is_near_them() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wisdom-auth/fuzz/seeds/cookie");
        let mut seeds = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let seed = std::fs::read(&path).unwrap();
            let named_good = path.file_name().unwrap().to_str().unwrap().starts_with("good");
            assert_eq!(holds(&seed), named_good, "{}", path.display());
            for at in 0..seed.len() {
                holds(&seed[..at]);
                let mut changed = seed.clone();
                changed[at] ^= 1 << (at % 8);
                holds(&changed);
            }
            seeds += 1;
        }
        assert!(seeds >= 5);
    }

    #[test]
    fn a_neighbours_cookie_that_is_no_ascii_hides_none_of_ours() {
        let mut headers = HeaderMap::new();
        let line = HeaderValue::from_bytes("theme=größer; s=a.b.c".as_bytes()).unwrap();
        headers.append(COOKIE, line);
        assert_eq!(read(&headers, "s"), Ok(Some("a.b.c")));
        let line = HeaderValue::from_bytes(b"s=x; theme=\xff").unwrap();
        headers.append(COOKIE, line);
        assert_eq!(read(&headers, "s"), Err(Twice), "nor a second one of ours");
    }
}
