//! Reading a request's body within its bounds.

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use http_body::Body;
use http_body_util::BodyExt as _;
use wisdom_core::failure::{Failure, FailureKind, PublicMessage};

/// The body, if it is not larger than the limit.
pub(crate) async fn read<B: Body>(headers: &HeaderMap, body: B, limit: usize) -> Result<Bytes, Failure> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let mut body = std::pin::pin!(body);
    // Bodies mostly come in one piece, which then is passed on as it is.
    let mut one = Bytes::new();
    let mut many = BytesMut::new();
    while let Some(frame) = body.as_mut().frame().await {
        let Ok(frame) = frame else {
            return Err(Failure::new(
                FailureKind::InvalidArgument,
                "body.cut",
                "The body did not arrive whole.",
            ));
        };
        let Ok(mut data) = frame.into_data() else { continue };
        if one.len() + many.len() + data.remaining() > limit {
            return Err(too_large(limit));
        }
        let piece = data.copy_to_bytes(data.remaining());
        if one.is_empty() && many.is_empty() {
            one = piece;
        } else {
            many.extend_from_slice(&std::mem::take(&mut one));
            many.extend_from_slice(&piece);
        }
    }
    Ok(if many.is_empty() { one } else { many.freeze() })
}

fn too_large(limit: usize) -> Failure {
    let text = format!("The body is larger than {limit} bytes.");
    Failure::new(
        FailureKind::TooLarge,
        "body.too_large",
        PublicMessage::composed(text),
    )
}

/// Whether the body is plain JSON, by its headers.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Failure> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let good = match (types.next().map(HeaderValue::as_bytes), types.next()) {
        // What practically every client sends.
        (Some(b"application/json"), None) => true,
        (Some(value), None) => is_json(value),
        _ => false,
    };
    if good && !headers.contains_key(CONTENT_ENCODING) {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::MediaType,
        "body.media_type",
        "The body must be JSON: Content-Type: application/json, without a Content-Encoding.",
    ))
}

/// `application/json`, with no parameter but UTF-8 (RFC 8259, section 11, defines none; many clients send that one).
fn is_json(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    let mut parts = text.split(';').map(str::trim);
    parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                name.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8")
            })
        })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    async fn pieces(sizes: &[usize], limit: usize) -> Result<usize, &'static str> {
        let frames: Vec<Result<_, Infallible>> = sizes
            .iter()
            .map(|size| Ok(Frame::data(Bytes::from(vec![b'x'; *size]))))
            .collect();
        let body = StreamBody::new(futures_util::stream::iter(frames));
        read(&HeaderMap::new(), body, limit)
            .await
            .map(|bytes| bytes.len())
            .map_err(|failure| failure.code)
    }

    #[tokio::test]
    async fn the_limit_holds_however_the_body_is_cut() {
        assert_eq!(pieces(&[], 4).await, Ok(0));
        assert_eq!(pieces(&[4], 4).await, Ok(4));
        assert_eq!(pieces(&[1, 2, 1], 4).await, Ok(4));
        assert_eq!(pieces(&[0, 2, 0, 2], 4).await, Ok(4));
        for sizes in [&[5][..], &[4, 1], &[1, 1, 1, 2]] {
            assert_eq!(pieces(sizes, 4).await, Err("body.too_large"), "{sizes:?}");
        }
    }

    #[tokio::test]
    async fn an_announced_length_is_refused_before_a_byte_is_read() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, 100.into());
        let failure = read(&headers, Full::new(Bytes::from_static(b"x")), 99)
            .await
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::TooLarge);
    }

    #[test]
    fn only_json_counts() {
        let check = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_TYPE, value.parse().unwrap());
            }
            require_json(&headers).is_ok()
        };
        assert!(check(&["application/json"]));
        assert!(check(&["Application/JSON; charset=\"UTF-8\""]));
        for bad in [
            &[][..],
            &["text/json"],
            &["application/json; charset=latin1"],
            &["application/json", "text/plain"],
        ] {
            assert!(!check(bad), "{bad:?}");
        }
    }
}
