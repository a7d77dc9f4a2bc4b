//! Users moved in and out by the command line, who then sign in.

use std::process::Output;

use serde_json::{Value, json};

use crate::harness::{Setup, on_both};

const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu3SFdFhSVnshMEpTN2dmv4xyeXJebAJO";
const PASSWORD: &str = "violet harbour seven lanterns";

on_both! {
    imported_users_sign_in_with_their_old_passwords;
}

fn run(setup: &Setup, args: &[&str]) -> (Output, String, String) {
    let output = setup.command().args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

async fn imported_users_sign_in_with_their_old_passwords(setup: Setup) {
    let file = setup.data().with_file_name("users.ndjson");
    let lines = [
        json!({ "email": "ada@example.com", "encrypted_password": BCRYPT, "email_confirmed_at": "2024-01-01T00:00:00Z" }),
        json!({ "email": "not an address", "encrypted_password": BCRYPT }),
        json!({ "email": "bob@example.com", "encrypted_password": "$2b$31$abcdefghijklmnopqrstuu3SFdFhSVnshMEpTN2dmv4xyeXJebAJO" }),
        json!({ "email": "ADA@example.com", "encrypted_password": BCRYPT }),
        json!({ "email": "eve@example.com", "encrypted_password": BCRYPT, "banned_until": "2099-01-01" }),
    ];
    let text = lines
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n");
    std::fs::write(&file, text).unwrap();
    let args = ["users", "import", file.to_str().unwrap(), "--format", "supabase"];
    let (output, out, err) = run(&setup, &args);
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(
        out.contains("2 users were taken in, 3 lines were refused."),
        "{out}"
    );
    for named in [
        "line 2: email: ",
        "line 3: password_hash: ",
        "line 4: email: belongs to a user already",
    ] {
        assert!(err.contains(named), "{err}");
    }
    assert!(!err.contains("not an address") && !err.contains("$2b$"), "{err}");

    let server = setup.start().await;
    let log_in = async |email: &str| {
        server
            .post_public(
                "/v1/auth/log-in",
                &json!({ "email": email, "password": PASSWORD }),
            )
            .await
    };
    log_in("ada@example.com").await.expect(200);
    log_in("eve@example.com").await.expect(401);
    log_in("bob@example.com").await.expect(401);
    server.kill().await;

    let (_, plain, err) = run(&setup, &["users", "export"]);
    let users: Vec<Value> = plain
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(users.len(), 2, "{plain} {err}");
    assert_eq!(
        (&users[0]["email"], &users[0]["email_verified"]),
        (&json!("ada@example.com"), &json!(true))
    );
    assert_eq!(
        (&users[1]["email"], &users[1]["disabled"]),
        (&json!("eve@example.com"), &json!(true))
    );
    assert!(
        !plain.contains("password_hash") && !plain.contains('$'),
        "{plain}"
    );
    let (_, full, _) = run(&setup, &["users", "export", "--hashes"]);
    let users: Vec<Value> = full
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        users[0]["password_hash"]
            .as_str()
            .unwrap()
            .starts_with("$argon2id$"),
        "made our own at the sign-in"
    );
    assert_eq!(users[1]["password_hash"], json!(BCRYPT));
    let again = setup.data().with_file_name("export.ndjson");
    std::fs::write(&again, full).unwrap();
    let elsewhere = Setup::sqlite();
    let (output, out, err) = run(&elsewhere, &["users", "import", again.to_str().unwrap()]);
    assert!(output.status.success(), "{err}");
    assert!(
        out.contains("2 users were taken in, 0 lines were refused."),
        "{out}"
    );
    let server = elsewhere.start().await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD });
    server.post_public("/v1/auth/log-in", &body).await.expect(200);
}
