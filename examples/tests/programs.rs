//! The programs keep their promises.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

use wisdom_adapters::testkit;

fn run(program: &str, arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(program).args(arguments).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{status}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

fn quickstart(folder: &Path) -> String {
    run(env!("CARGO_BIN_EXE_quickstart"), &[folder.to_str().unwrap()])
}

#[test]
fn quickstart_founds_a_tenant_and_a_second_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let first = quickstart(folder.path());
    assert_eq!(first.matches("is \"owner\" of").count(), 2, "{first}");
    let second = quickstart(folder.path());
    assert_eq!(second.matches("is \"owner\" of").count(), 3, "{second}");
}

#[test]
fn orders_keep_their_promises_on_sqlite() {
    let said = run(env!("CARGO_BIN_EXE_orders"), &[]);
    assert!(said.contains("All promises kept."), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_keep_their_promises_on_postgresql() {
    let database = testkit::require_or_skip!(testkit::postgres().await);
    testkit::assert_not_superuser(database.url()).await;
    // Twice: the second run opens a database that has the tables already.
    for _ in 0..2 {
        let said = run(env!("CARGO_BIN_EXE_orders"), &["--database", database.url()]);
        assert!(said.contains("All promises kept."), "{said}");
        assert!(said.contains("row-level security"), "{said}");
    }
}

#[test]
fn orders_refuse_what_they_do_not_understand() {
    let output = Command::new(env!("CARGO_BIN_EXE_orders"))
        .arg("--databse")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("usage:"));
}
