//! Where a request comes from: whoever is no trusted proxy writes `X-Forwarded-For` and `Forwarded` in vain.

use std::net::{Ipv4Addr, Ipv6Addr};

use reqwest::Method;
use serde_json::json;
use tokio::time::Instant;

use crate::harness::{Call, Server, Setup};

/// Requests with headers of their own.
const WAYS: u32 = 1_000;
/// What one client may ask in a minute.
const LIMIT: u32 = 20;

/// A call that claims to come from elsewhere, in one of many ways.
fn forged(call: Call, way: u32) -> Call {
    let v4 = Ipv4Addr::from(0x0102_0304_u32.wrapping_add(way.wrapping_mul(0x9e37_79b9)));
    let v6 = Ipv6Addr::from(0x2001_0db8_u128 << 96 | u128::from(way) << 64);
    let list = "x-forwarded-for";
    match way % 12 {
        0 => call.header(list, &v4.to_string()),
        1 => call.header(list, &v6.to_string()),
        2 => call.header(list, &format!("{v4}, {v6}")),
        3 => call.header(list, &format!("{v4}:{}", 1024 + way)),
        4 => call.header(list, &format!("[{v6}]:443")),
        5 => call.header(list, &v4.to_string()).header(list, &v6.to_string()),
        6 => call.header(list, &format!("127.0.0.1, {v4}, 127.0.0.1")),
        7 => call.header(list, &format!("::ffff:{v4}")),
        8 => call.header("forwarded", &format!("for={v4};proto=https")),
        9 => call
            .header("forwarded", &format!("for=\"[{v6}]\""))
            .header(list, &v4.to_string()),
        10 => call
            .header("x-real-ip", &v4.to_string())
            .header("true-client-ip", &v4.to_string()),
        _ => call.header(list, &format!("unknown, _{way}, {v4}")),
    }
}

/// How many of the calls were let through, and how many one client may have made until now.
async fn let_through(server: &Server, ways: u32, make: impl Fn(Call, u32) -> Call) -> (u32, u32) {
    let began = Instant::now();
    let mut through = 0;
    for way in 0..ways {
        match make(server.call(Method::GET, "/v1/me"), way).send().await.status {
            401 => through += 1,
            429 => {}
            other => panic!("way {way}: {other}"),
        }
    }
    let refilled = u32::try_from(began.elapsed().as_secs()).unwrap() * LIMIT / 60 + 1;
    (through, LIMIT + refilled)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_one_client_whatever_the_headers_say() {
    let server = Setup::sqlite()
        .set("server.trusted_proxies", "192.0.2.1")
        .set("rate_limit.per_address", &LIMIT.to_string())
        .start()
        .await;
    let (through, most) = let_through(&server, WAYS, forged).await;
    assert!((LIMIT..=most).contains(&through), "{through} of at most {most}");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_the_address_it_saw_counts() {
    let server = Setup::sqlite()
        .set("server.trusted_proxies", "127.0.0.1")
        .set("rate_limit.per_address", &LIMIT.to_string())
        .start()
        .await;
    let seen_by_proxy = |client: &'static str| {
        move |call: Call, way: u32| {
            let v4 = Ipv4Addr::from(0x0102_0304_u32.wrapping_add(way.wrapping_mul(0x9e37_79b9)));
            match way % 3 {
                0 => call.header("x-forwarded-for", &format!("{v4}, {client}")),
                1 => call
                    .header("x-forwarded-for", &v4.to_string())
                    .header("x-forwarded-for", client),
                _ => call
                    .header("forwarded", &format!("for={v4}"))
                    .header("x-forwarded-for", &format!("{v4}, {client}, 127.0.0.1")),
            }
        }
    };
    // Each client has its own share, whatever stands left of the address that the proxy saw.
    for client in ["198.51.100.7", "198.51.100.8"] {
        let (through, most) = let_through(&server, 200, seen_by_proxy(client)).await;
        assert!(
            (LIMIT..=most).contains(&through),
            "{client}: {through} of at most {most}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_over_many_addresses_comes_from_one_source() {
    const TRIES: u32 = 30;
    const FAILURES: u32 = 5;
    let server = Setup::sqlite()
        .set("server.trusted_proxies", "192.0.2.1")
        .set("auth.attempts.per_source", &FAILURES.to_string())
        .set("auth.attempts.source_window_seconds", "86400")
        .start()
        .await;
    let mut heard = 0;
    for way in 0..TRIES {
        let body =
            json!({ "email": format!("nobody-{way}@example.com"), "password": "not it at all, sorry" });
        let call = forged(server.call(Method::POST, "/v1/auth/log-in"), way);
        match call.body(&body).send().await.status {
            401 => heard += 1,
            429 => {}
            other => panic!("way {way}: {other}"),
        }
    }
    assert!((FAILURES..=FAILURES + 1).contains(&heard), "{heard} of {TRIES}");
}
