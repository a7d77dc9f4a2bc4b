//! The dialect of OAuth's endpoints: forms in, and refusals as RFC 6749, section 5.2, has them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Map, Value, json};
use wisdom_core::failure::{Failure, FailureKind};

use crate::service::Answer;

/// Parameters of one form.
const PARAMETERS: usize = 32;
const FORM: &[u8] = b"application/x-www-form-urlencoded";
const SCHEME: &[u8] = b"basic ";
const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Basic realm="oauth", charset="UTF-8""#);

fn invalid(text: &'static str) -> Failure {
    Failure::new(FailureKind::InvalidArgument, "oauth.invalid_request", text)
}

fn invalid_client() -> Failure {
    Failure::new(
        FailureKind::Unauthenticated,
        "oauth.invalid_client",
        "The client could not be authenticated.",
    )
}

/// The input of a form (RFC 6749, appendix B), and the client that HTTP Basic names.
pub(crate) fn read_form(head: &Parts, bytes: &[u8]) -> Result<Value, Failure> {
    if head.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(invalid("Parameters belong into the body."));
    }
    if !is_form(&head.headers) {
        return Err(invalid(
            "The body must be a form: Content-Type: application/x-www-form-urlencoded.",
        ));
    }
    if std::str::from_utf8(bytes).is_err() {
        return Err(invalid("The body must be a form in UTF-8."));
    }
    let mut input = Map::new();
    for (count, (name, value)) in url::form_urlencoded::parse(bytes).enumerate() {
        if count >= PARAMETERS {
            return Err(invalid("There are more than 32 parameters."));
        }
        if input.contains_key(&*name) {
            return Err(invalid("A parameter must come only once."));
        }
        input.insert(name.into_owned(), Value::String(value.into_owned()));
    }
    // A parameter without a value counts as left out (RFC 6749, section 3.1).
    input.retain(|_, value| value.as_str() != Some(""));
    if let Some((id, secret)) = basic(&head.headers)? {
        if input.contains_key("client_id") || input.contains_key("client_secret") {
            return Err(invalid("The client must say who it is in one way only."));
        }
        input.insert("client_id".to_owned(), Value::String(id));
        input.insert("client_secret".to_owned(), Value::String(secret));
    }
    Ok(Value::Object(input))
}

fn is_form(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else {
        return false;
    };
    let kind = value.as_bytes().split(|byte| *byte == b';').next();
    kind.is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(FORM))
        && !headers.contains_key(CONTENT_ENCODING)
}

/// Id and secret by HTTP Basic (RFC 6749, section 2.3.1): each was form-encoded before both were put together.
fn basic(headers: &HeaderMap) -> Result<Option<(String, String)>, Failure> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    let read = || {
        let (scheme, text) = line.as_bytes().split_at_checked(SCHEME.len())?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(text.trim_ascii()).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        Some((decoded(id)?, decoded(secret)?))
    };
    match (read(), lines.next()) {
        (Some(pair), None) => Ok(Some(pair)),
        _ => Err(invalid_client()),
    }
}

/// One form-encoded text. What would be several parameters is none.
fn decoded(text: &str) -> Option<String> {
    if text.is_empty() || text.contains(['&', '=']) {
        return None;
    }
    let (name, _) = url::form_urlencoded::parse(text.as_bytes()).next()?;
    Some(name.into_owned())
}

/// The answer to a refused call. What RFC 6749 has no code for stays a problem document: limits and faults of ours.
pub(crate) fn refuse(failure: Failure) -> Result<Answer, Failure> {
    let code = match failure.code.strip_prefix("oauth.") {
        Some(code) => code,
        None if is_request(failure.kind) => "invalid_request",
        None => return Err(failure),
    };
    let (status, challenge) = if code == "invalid_client" {
        (StatusCode::UNAUTHORIZED, Some(CHALLENGE))
    } else {
        (StatusCode::BAD_REQUEST, None)
    };
    let body = json!({ "error": code, "error_description": plain(failure.message.as_str()) });
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status;
    if let Some(challenge) = challenge {
        answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    Ok(answer)
}

/// Whether it is the request that is at fault.
const fn is_request(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::InvalidArgument | FailureKind::TooLarge | FailureKind::MediaType
    )
}

/// The characters that a description may have (RFC 6749, section 5.2).
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' | '\\' => '\'',
            ' '..='~' => c,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::post("/oauth/token");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn form(headers: &[(&str, &str)], body: &str) -> Result<Value, &'static str> {
        let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
        all.extend_from_slice(headers);
        read_form(&head(&all), body.as_bytes()).map_err(|failure| failure.code)
    }

    #[test]
    fn a_form_is_read_and_empty_parameters_are_left_out() {
        let read = form(&[], "grant_type=client_credentials&scope=a.b+c%2Ed&x=&y").unwrap();
        assert_eq!(
            read,
            json!({ "grant_type": "client_credentials", "scope": "a.b c.d" })
        );
    }

    #[test]
    fn basic_is_decoded_twice() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let line = basic("svc%5F1:a%3Ab+c");
        let read = form(&[("authorization", &line)], "token=x").unwrap();
        assert_eq!(
            read,
            json!({ "token": "x", "client_id": "svc_1", "client_secret": "a:b c" })
        );
        assert_eq!(
            form(&[("authorization", &line)], "client_id=svc_1"),
            Err("oauth.invalid_request")
        );
        for bad in [
            basic("no colon"),
            basic(":secret"),
            basic("id:"),
            basic("id:a&b"),
            "Basic !".to_owned(),
            "Bearer x".to_owned(),
        ] {
            assert_eq!(
                form(&[("authorization", &bad)], ""),
                Err("oauth.invalid_client"),
                "{bad}"
            );
        }
        let twice = [("authorization", &*line), ("authorization", &*line)];
        assert_eq!(form(&twice, ""), Err("oauth.invalid_client"));
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for body in ["a=1&a=2", "a=&a=2"] {
            assert_eq!(form(&[], body), Err("oauth.invalid_request"), "{body}");
        }
        let many: Vec<String> = (0..=PARAMETERS).map(|n| format!("p{n}=1")).collect();
        assert_eq!(form(&[], &many.join("&")), Err("oauth.invalid_request"));
        for headers in [
            &[][..],
            &[("content-type", "application/json")],
            &[
                ("content-type", "application/x-www-form-urlencoded"),
                ("content-encoding", "gzip"),
            ],
        ] {
            let read = read_form(&head(headers), b"a=1").map_err(|failure| failure.code);
            assert_eq!(read, Err("oauth.invalid_request"), "{headers:?}");
        }
    }

    #[test]
    fn refusals_have_the_codes_of_the_rfc() {
        let cases = [
            (invalid_client(), Some(401)),
            (invalid("x"), Some(400)),
            (Failure::field("scope", "type", "must be text"), Some(400)),
            (
                Failure::new(FailureKind::RateLimited, "rate_limited", "Slower."),
                None,
            ),
            (Failure::internal("boom"), None),
        ];
        for (failure, status) in cases {
            let code = failure.code;
            let answer = refuse(failure).ok();
            assert_eq!(answer.as_ref().map(|a| a.status().as_u16()), status, "{code}");
            if status == Some(401) {
                assert_eq!(answer.unwrap().headers()[WWW_AUTHENTICATE], CHALLENGE);
            }
        }
        assert_eq!(plain("say \"é\" \\ now"), "say '?' ' now");
    }
}
