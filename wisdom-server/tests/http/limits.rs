//! Bounds: what is too much, too slow or not HTTP is refused, and how.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{Reply, Server, Setup};

/// Every refusal is a problem document that says the same status as the answer.
#[track_caller]
fn problem(reply: Reply, status: u16) -> Reply {
    let reply = reply.expect(status);
    assert_eq!(reply.headers["content-type"], "application/problem+json");
    assert_eq!(reply.body["status"], status);
    assert_eq!(
        reply.body["instance"],
        reply.headers["x-request-id"].to_str().unwrap()
    );
    reply
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_refused_with_a_problem() {
    let server = Setup::sqlite().start().await;
    let log_in = || server.call(Method::POST, "/v1/auth/log-in");
    let tenants = || server.call(Method::POST, "/v1/tenants");
    let big = |size: usize| json!({ "name": "x".repeat(size) }).to_string().into_bytes();
    let ada = server.founder("ada").await;

    problem(log_in().raw("application/json", big(5 * 1024)).send().await, 413);
    problem(
        tenants()
            .token(&ada.access)
            .raw("application/json", big(1024 * 1024))
            .send()
            .await,
        413,
    );
    // Below the limit it is the field that is too long, not the body.
    problem(
        tenants()
            .token(&ada.access)
            .raw("application/json", big(900 * 1024))
            .send()
            .await,
        400,
    );
    let long = server
        .call(Method::GET, "/v1/me")
        .header("x-long", &"x".repeat(17 * 1024))
        .send()
        .await;
    problem(long, 431);
    let mut many = server.call(Method::GET, "/v1/me");
    for n in 0..101 {
        many = many.header(&format!("x-{n}"), "x");
    }
    problem(many.send().await, 431);
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    assert_eq!(
        problem(
            log_in().raw("application/json", deep.into_bytes()).send().await,
            400
        )
        .code(),
        "json.depth"
    );
    problem(log_in().raw("text/plain", b"{}".to_vec()).send().await, 415);
    problem(
        log_in()
            .raw("application/x-www-form-urlencoded", b"a=b".to_vec())
            .send()
            .await,
        415,
    );
    let wrong = problem(server.call(Method::PUT, "/v1/tenants").send().await, 405);
    assert_eq!(wrong.headers["allow"], "POST, GET, HEAD");
    problem(server.call(Method::GET, "/v1/nothing-here").send().await, 404);
    let twice = log_in().raw(
        "application/json",
        br#"{"email":"a@b.example","email":"c@d.example"}"#.to_vec(),
    );
    assert_eq!(problem(twice.send().await, 400).code(), "json.duplicate");
    let field = problem(
        log_in().body(&json!({ "email": "ada@example.com" })).send().await,
        400,
    );
    assert_eq!(field.body["fields"][0]["field"], "password");
    assert_eq!(field.body["fields"][0]["rule"], "required");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_headers_of_the_house() {
    let server = Setup::sqlite().start().await;
    let reply = server.call(Method::GET, "/healthz").send().await.expect(200);
    assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    assert_eq!(reply.headers["cache-control"], "no-store");
    assert!(
        reply.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
    assert!(
        !reply.headers.contains_key("strict-transport-security"),
        "plain HTTP must not ask for TLS"
    );
    let reply = server.call(Method::GET, "/v1/me").send().await.expect(401);
    assert_eq!(
        reply.headers["ratelimit-policy"],
        r#""address";q=1000000;w=60, "user";q=1000000;w=60"#
    );
    assert!(
        reply.headers["ratelimit"]
            .to_str()
            .unwrap()
            .starts_with(r#""address";r=999999;t="#)
    );
    let malformed = server
        .call(Method::GET, "/v1/me")
        .header("authorization", "Basic eDp5")
        .send()
        .await
        .expect(401);
    assert_eq!(
        malformed.headers["www-authenticate"],
        r#"Bearer error="invalid_token""#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_are_told_when_to_come_back() {
    let server = Setup::sqlite().set("rate_limit.per_address", "5").start().await;
    let from = |address: &'static str| {
        server
            .call(Method::GET, "/v1/me")
            .header("x-forwarded-for", address)
            .send()
    };
    for _ in 0..5 {
        from("2001:db8::1").await.expect(401);
    }
    let refused = problem(from("2001:db8::2").await, 429);
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=12).contains(&wait), "{wait}");
    assert_eq!(refused.headers["ratelimit"], format!(r#""address";r=0;t={wait}"#));
    // Another network is another client, and what watches the service is not counted.
    from("2001:db8:0:1::1").await.expect(401);
    server.call(Method::GET, "/readyz").send().await.expect(200);
}

async fn speak(server: &Server, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// What comes until the server closes, and how long that took.
async fn until_closed(mut stream: TcpStream) -> (String, Duration) {
    #[expect(clippy::disallowed_methods, reason = "measures the server")]
    let started = Instant::now();
    let mut bytes = Vec::new();
    let read = timeout(Duration::from_secs(30), stream.read_to_end(&mut bytes))
        .await
        .expect("is not closed");
    let _ = read;
    (String::from_utf8_lossy(&bytes).into_owned(), started.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_headers_are_cut_off_after_ten_seconds() {
    let server = Setup::sqlite().start().await;
    let started = [
        "",
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ",
        "PRI * HTTP/2.0\r\n",
    ];
    let cut = started.map(async |text| until_closed(speak(&server, text).await).await.1);
    for time in futures_util::future::join_all(cut).await {
        assert!(
            (Duration::from_secs(9)..Duration::from_secs(13)).contains(&time),
            "{time:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_body_is_cut_off_with_the_request() {
    let server = Setup::sqlite()
        .set("server.request_timeout_seconds", "2")
        .start()
        .await;
    let head = "POST /v1/auth/log-in HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{";
    let (answer, time) = until_closed(speak(&server, head).await).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(
        answer.contains("application/problem+json") && answer.contains("body.timeout"),
        "{answer}"
    );
    assert!(
        (Duration::from_secs(1)..Duration::from_secs(6)).contains(&time),
        "{time:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_http_or_smuggles_gets_a_400_and_no_more() {
    let server = Setup::sqlite().start().await;
    for text in [
        "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
        "GET /healthz HTTP/9.9\r\n\r\n",
        "POST /v1/auth/log-in HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        "GET /healthz HTTP/1.1\r\nhost: x\r\nbad header: x\r\n\r\n",
    ] {
        let (answer, _) = until_closed(speak(&server, text).await).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
            "{text:?}: {answer}"
        );
    }
    server.call(Method::GET, "/healthz").send().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_this_machine_only() {
    let server = Setup::sqlite().start().await;
    server.call(Method::GET, "/metrics").send().await.expect(200);
    server
        .call(Method::GET, "/metrics")
        .header("x-forwarded-for", "127.0.0.1")
        .send()
        .await
        .expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_configured_origins_may_call_from_browsers() {
    let server = Setup::sqlite()
        .set("server.cors_origins", "https://app.example.com")
        .start()
        .await;
    let ask = |origin: &'static str| {
        let call = server
            .call(Method::OPTIONS, "/v1/tenants")
            .header("origin", origin);
        call.header("access-control-request-method", "POST").send()
    };
    let allowed = ask("https://app.example.com").await;
    assert_eq!(
        allowed.headers["access-control-allow-origin"],
        "https://app.example.com"
    );
    assert!(
        !ask("https://evil.example.com")
            .await
            .headers
            .contains_key("access-control-allow-origin")
    );
    let plain = server
        .call(Method::GET, "/healthz")
        .header("origin", "https://app.example.com")
        .send()
        .await;
    assert_eq!(
        plain.headers["access-control-allow-origin"],
        "https://app.example.com"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_is_spoken_too() {
    let server = Setup::sqlite().start().await;
    #[expect(clippy::disallowed_methods, reason = "a client that speaks HTTP/2 only")]
    let client = reqwest::Client::builder()
        .no_proxy()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let asked = (0..50).map(|_| client.get(format!("{}/v1/me", server.url)).send());
    for answer in futures_util::future::join_all(asked).await {
        let answer = answer.unwrap();
        assert_eq!(
            (answer.version(), answer.status().as_u16()),
            (reqwest::Version::HTTP_2, 401)
        );
    }
}
