//! Links in mails lead to the configured place, whatever form the request has that asks for them. Headers that proxies
//! write are in `sign_in`; these are forms that a client library does not send.

use serde_json::json;

use crate::harness::{Setup, eventually, on_both};
use crate::log_in_load::exchange;

on_both! {
    a_request_for_another_host_gets_no_link_to_it;
}

const APP: &str = "https://app.acme.example";

async fn a_request_for_another_host_gets_no_link_to_it(setup: Setup) {
    let setup = setup.set("app_url", APP);
    let server = setup.start().await;
    let ada = server.founder("ada").await;
    let body = json!({ "email": ada.email }).to_string();
    let own = server.address();
    let path = "/v1/auth/reset-password/request";
    for (target, hosts) in [
        (format!("http://evil.example{path}"), vec!["evil.example"]),
        (format!("https://evil.example:8443{path}"), vec![own]),
        (path.to_owned(), vec!["evil.example", own]),
        (path.to_owned(), vec![own, "evil.example"]),
        (path.to_owned(), vec!["evil.example:80@app.acme.example"]),
    ] {
        let hosts = hosts.join("\r\nhost: ");
        let request = format!(
            "POST {target} HTTP/1.1\r\nhost: {hosts}\r\ncontent-type: application/json\r\nconnection: close\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let before = server.mails(&ada.email).len();
        let (status, answer) = exchange(own, &request).await;
        if status == 400 {
            continue;
        }
        assert_eq!(status, 202, "{request}\n{answer}");
        let mail = eventually("the mail", async || {
            let mails = server.mails(&ada.email);
            (mails.len() > before)
                .then(|| mails.into_iter().next_back())
                .flatten()
        })
        .await;
        assert!(
            mail.contains(&format!("{APP}/reset-password#token=")),
            "{request}\n{mail}"
        );
        assert!(!mail.contains("evil"), "{request}\n{mail}");
    }
}
