//! What every [`HttpClient`] must do, one function a case.
//!
//! The suite brings its own server: a loopback listener with canned bytes. Expand it for an adapter with
//! [`http_client_conformance!`](crate::http_client_conformance), in a crate that has `tokio` with `macros` and `rt`.

#![expect(clippy::missing_panics_doc, reason = "a case fails by panicking")]
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a suite for tests: what can't be set up is a failure of the test"
)]

mod server;

use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};
use tokio::net::TcpListener;
use url::Url;

use self::server::{Answer, Server};
use super::{AddressPolicy, HttpClient, IncomingResponse, OutgoingRequest};
use crate::port::{PortError, PortErrorKind, Retry};

/// Expands to one named `#[tokio::test]` a case. The argument is called for a new client in every case:
/// an expression that is callable without arguments and returns `impl HttpClient`.
#[macro_export]
macro_rules! http_client_conformance {
    ($make:expr) => {
        $crate::http_client_conformance!(@cases $make;
            sends_method_target_headers_and_body
            keeps_header_values
            every_status_is_an_answer
            does_not_follow_redirects
            keeps_no_cookies
            does_not_decompress
            reads_a_body_of_exactly_the_cap
            refuses_a_body_over_the_cap
            refuses_a_chunked_body_over_the_cap
            cuts_a_body_over_the_cap
            refuses_oversized_headers
            times_out_without_an_answer
            times_out_while_the_body_drips
            a_cut_off_answer_is_unavailable
            garbage_is_a_protocol_error
            a_closed_port_is_unavailable
            loopback_policy_reaches_loopback
            any_policy_reaches_loopback
            public_only_refuses_loopback
            public_only_refuses_odd_spellings_of_loopback
            public_only_refuses_ipv6_loopback
            public_only_refuses_localhost_by_name
            public_only_refuses_cloud_metadata
            loopback_policy_refuses_private_networks
            a_connection_of_another_policy_is_not_reused
            refuses_other_schemes_and_userinfo
        );
    };
    (@cases $make:expr; $($case:ident)+) => {
        $(
            #[::tokio::test]
            async fn $case() {
                $crate::port::http_client::conformance::$case(($make)()).await;
            }
        )+
    };
}

fn refused(result: Result<IncomingResponse, PortError>, what: &str) {
    let error = result.expect_err(what);
    assert_eq!(error.kind, PortErrorKind::Refused, "{what}: {error}");
    assert_eq!(error.retry, Retry::Never, "{what}");
}

/// Method, path, query, header and body arrive as given.
pub async fn sends_method_target_headers_and_body(client: impl HttpClient) {
    let server = Server::text("200 OK", "hello").await;
    let mut request = OutgoingRequest::new(Method::PUT, server.url("/a%20b/c?x=1&y=%2F"))
        .to_addresses(AddressPolicy::AllowLoopback)
        .with_header(
            HeaderName::from_static("content-type"),
            HeaderValue::from_static("text/plain"),
        )
        .with_body("body\0bytes");
    request.headers.append("x-many", HeaderValue::from_static("one"));
    request.headers.append("x-many", HeaderValue::from_static("two"));
    let response = client.send(request).await.unwrap();
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.body, "hello");
    assert!(!response.truncated);
    let seen = server.requests().remove(0);
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("PUT /a%20b/c?x=1&y=%2F HTTP/1.1\r\n"), "{head}");
    let lines: Vec<String> = head.lines().map(str::to_ascii_lowercase).collect();
    for line in [
        "content-type: text/plain",
        "x-many: one",
        "x-many: two",
        "content-length: 10",
    ] {
        assert_eq!(lines.iter().filter(|l| *l == line).count(), 1, "{line} in {head}");
    }
    assert!(!lines.iter().any(|l| l.starts_with("accept-encoding:")), "{head}");
    assert_eq!(body, "body\0bytes");
}

/// Values with odd but allowed bytes survive both ways, and repeated headers of the answer stay apart.
pub async fn keeps_header_values(client: impl HttpClient) {
    let answer =
        b"HTTP/1.1 200 OK\r\nx-odd: caf\xe9 \"a;b\"\r\nx-two: 1\r\nx-two: 2\r\ncontent-length: 0\r\n\r\n"
            .to_vec();
    let server = Server::start(Answer::Bytes(answer)).await;
    let value = HeaderValue::from_bytes(b"t=1,v1=\xe9 x").unwrap();
    let response = client
        .send(
            server
                .get("/")
                .with_header(HeaderName::from_static("x-sent"), value),
        )
        .await
        .unwrap();
    assert_eq!(
        response.headers.get("x-odd").unwrap().as_bytes(),
        b"caf\xe9 \"a;b\""
    );
    let two: Vec<_> = response
        .headers
        .get_all("x-two")
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    assert_eq!(two, [b"1", b"2"]);
    assert!(server.requests()[0].contains("x-sent: t=1,v1=\u{e9} x\r\n"));
}

/// A refusal by the other side is its answer, not an error of the port.
pub async fn every_status_is_an_answer(client: impl HttpClient) {
    for status in [204, 400, 404, 410, 429, 500, 503] {
        let server = Server::start(Answer::Bytes(
            format!("HTTP/1.1 {status} X\r\nconnection: close\r\n\r\n").into(),
        ))
        .await;
        assert_eq!(
            client.send(server.get("/")).await.unwrap().status.as_u16(),
            status
        );
    }
}

/// A redirect is handed to the caller, whatever its kind.
pub async fn does_not_follow_redirects(client: impl HttpClient) {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::text(&format!("{status} Moved\r\nlocation: /elsewhere"), "").await;
        let response = client.send(server.get("/first")).await.unwrap();
        assert_eq!(response.status.as_u16(), status);
        assert_eq!(server.requests().len(), 1);
    }
}

/// What one answer set is not sent with the next request.
pub async fn keeps_no_cookies(client: impl HttpClient) {
    let server = Server::text("200 OK\r\nset-cookie: a=b; Path=/", "").await;
    for _ in 0..2 {
        client.send(server.get("/")).await.unwrap();
    }
    assert!(!server.requests()[1].to_ascii_lowercase().contains("\r\ncookie:"));
}

/// A compressed body arrives as it was sent, so that a small answer can't grow.
pub async fn does_not_decompress(client: impl HttpClient) {
    let server = Server::text("200 OK\r\ncontent-encoding: gzip", "not really gzip").await;
    assert_eq!(
        client.send(server.get("/")).await.unwrap().body,
        "not really gzip"
    );
}

/// The cap itself is allowed.
pub async fn reads_a_body_of_exactly_the_cap(client: impl HttpClient) {
    let server = Server::text("200 OK", &"x".repeat(100)).await;
    let response = client.send(server.get("/").truncating_at(100)).await.unwrap();
    assert_eq!((response.body.len(), response.truncated), (100, false));
    assert_eq!(
        client
            .send(server.get("/").refusing_over(100))
            .await
            .unwrap()
            .body
            .len(),
        100
    );
}

/// One byte more is refused.
pub async fn refuses_a_body_over_the_cap(client: impl HttpClient) {
    let server = Server::text("200 OK", &"x".repeat(101)).await;
    refused(
        client.send(server.get("/").refusing_over(100)).await,
        "body over the cap",
    );
}

/// A body without a stated length is counted while it is read.
pub async fn refuses_a_chunked_body_over_the_cap(client: impl HttpClient) {
    let mut answer = String::from("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    for _ in 0..11 {
        answer.push_str("a\r\n0123456789\r\n");
    }
    answer.push_str("0\r\n\r\n");
    let server = Server::start(Answer::Bytes(answer.into_bytes())).await;
    refused(
        client.send(server.get("/").refusing_over(100)).await,
        "chunked body over the cap",
    );
}

/// With `truncate` the first bytes are kept and the answer says that it was cut, also when it never ends.
pub async fn cuts_a_body_over_the_cap(client: impl HttpClient) {
    let server = Server::text("500 Broken", &"x".repeat(101)).await;
    let response = client.send(server.get("/").truncating_at(100)).await.unwrap();
    assert_eq!(
        (response.status.as_u16(), response.body.len(), response.truncated),
        (500, 100, true)
    );
    let endless = Server::start(Answer::Drip("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")).await;
    let response = client.send(endless.get("/").truncating_at(3)).await.unwrap();
    assert_eq!((&response.body[..], response.truncated), (&b"..."[..], true));
}

/// Headers are bounded as well: 16 KiB.
pub async fn refuses_oversized_headers(client: impl HttpClient) {
    let server = Server::text(&format!("200 OK\r\nx-long: {}", "x".repeat(20_000)), "").await;
    refused(client.send(server.get("/")).await, "headers over 16 KiB");
}

/// A peer that says nothing.
pub async fn times_out_without_an_answer(client: impl HttpClient) {
    let server = Server::start(Answer::Silence).await;
    let request = server.get("/").with_timeout(Duration::from_millis(200));
    let result = tokio::time::timeout(Duration::from_secs(5), client.send(request))
        .await
        .unwrap();
    assert_eq!(result.unwrap_err().kind, PortErrorKind::Timeout);
}

/// A peer that always says a little: the limit is on the whole exchange.
pub async fn times_out_while_the_body_drips(client: impl HttpClient) {
    let server = Server::start(Answer::Drip("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")).await;
    let request = server.get("/").with_timeout(Duration::from_millis(400));
    let result = tokio::time::timeout(Duration::from_secs(5), client.send(request))
        .await
        .unwrap();
    let error = result.unwrap_err();
    assert_eq!(
        (error.kind, error.retry),
        (PortErrorKind::Timeout, Retry::Backoff)
    );
}

/// A connection that ends in the middle of head or body.
pub async fn a_cut_off_answer_is_unavailable(client: impl HttpClient) {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\ncont",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
    ] {
        let server = Server::start(Answer::Bytes(answer.into())).await;
        let error = client.send(server.get("/")).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Unavailable, "{answer:?}");
        assert!(error.is_transient(), "{answer:?}");
    }
}

/// A peer that does not speak HTTP.
pub async fn garbage_is_a_protocol_error(client: impl HttpClient) {
    let server = Server::start(Answer::Bytes(b"220 mail.example.test ESMTP\r\n\r\n".to_vec())).await;
    let error = client.send(server.get("/")).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (PortErrorKind::Protocol, Retry::Never));
}

/// Nobody listens.
pub async fn a_closed_port_is_unavailable(client: impl HttpClient) {
    let address = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        listener.local_addr().unwrap()
    };
    let url = Url::parse(&format!("http://{address}/")).unwrap();
    let error = client
        .send(OutgoingRequest::get(url).to_addresses(AddressPolicy::AllowLoopback))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.retry),
        (PortErrorKind::Unavailable, Retry::Backoff)
    );
}

/// Control for the refusals below.
pub async fn loopback_policy_reaches_loopback(client: impl HttpClient) {
    let server = Server::text("200 OK", "").await;
    client.send(server.get("/")).await.unwrap();
    let mut by_name = server.url("/");
    by_name.set_host(Some("localhost")).unwrap();
    client
        .send(OutgoingRequest::get(by_name).to_addresses(AddressPolicy::AllowLoopback))
        .await
        .unwrap();
}

/// Control for the refusals below.
pub async fn any_policy_reaches_loopback(client: impl HttpClient) {
    let server = Server::text("200 OK", "").await;
    client
        .send(server.get("/").to_addresses(AddressPolicy::Any))
        .await
        .unwrap();
}

async fn refuses_host(client: impl HttpClient, hosts: &[&str]) {
    let server = Server::text("200 OK", "").await;
    for host in hosts {
        let url = Url::parse(&format!("http://{host}:{}/", server.address.port())).unwrap();
        let request = OutgoingRequest::get(url).with_timeout(Duration::from_secs(2));
        refused(client.send(request).await, host);
    }
    assert_eq!(server.connections(), 0, "a refused request reached the server");
}

/// `127.0.0.1` and its block.
pub async fn public_only_refuses_loopback(client: impl HttpClient) {
    refuses_host(client, &["127.0.0.1", "127.8.9.10", "0.0.0.0"]).await;
}

/// The same address in decimal, octal, hexadecimal, shortened and IPv4-in-IPv6 forms.
pub async fn public_only_refuses_odd_spellings_of_loopback(client: impl HttpClient) {
    refuses_host(
        client,
        &[
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "127.1",
            "[::ffff:127.0.0.1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
        ],
    )
    .await;
}

/// `[::1]` and the unspecified address.
pub async fn public_only_refuses_ipv6_loopback(client: impl HttpClient) {
    refuses_host(client, &["[::1]", "[::]"]).await;
}

/// A name that means this machine.
pub async fn public_only_refuses_localhost_by_name(client: impl HttpClient) {
    refuses_host(client, &["localhost", "LocalHost.", "x.localhost"]).await;
}

/// The address at which clouds hand out credentials.
pub async fn public_only_refuses_cloud_metadata(client: impl HttpClient) {
    refuses_host(
        client,
        &["169.254.169.254", "[fd00:ec2::254]", "[::ffff:169.254.169.254]"],
    )
    .await;
}

/// Allowing this machine does not open the network around it.
pub async fn loopback_policy_refuses_private_networks(client: impl HttpClient) {
    for host in ["10.0.0.1", "192.168.0.1", "169.254.169.254", "[fe80::1]"] {
        let url = Url::parse(&format!("http://{host}/")).unwrap();
        let request = OutgoingRequest::get(url)
            .to_addresses(AddressPolicy::AllowLoopback)
            .with_timeout(Duration::from_secs(2));
        refused(client.send(request).await, host);
    }
}

/// A connection opened under a wider policy does not serve a narrower one.
pub async fn a_connection_of_another_policy_is_not_reused(client: impl HttpClient) {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec();
    let server = Server::start(Answer::KeepAlive(answer)).await;
    client
        .send(server.get("/").to_addresses(AddressPolicy::Any))
        .await
        .unwrap();
    refused(
        client.send(OutgoingRequest::get(server.url("/"))).await,
        "reused connection",
    );
    assert_eq!(server.requests().len(), 1);
}

/// Only `http` and `https`, and no credentials in the URL.
pub async fn refuses_other_schemes_and_userinfo(client: impl HttpClient) {
    for text in [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://a:b@127.0.0.1/",
    ] {
        let request = OutgoingRequest::get(Url::parse(text).unwrap()).to_addresses(AddressPolicy::Any);
        refused(client.send(request).await, text);
    }
}
