//! The header in the tree is the one this crate generates, and the library exports what the header declares.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that reads one switch of its own"
)]

use std::path::PathBuf;
use std::process::Command;

fn generated() -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let mut text = Vec::new();
    cbindgen::Builder::new()
        .with_crate(&root)
        .with_config(config)
        .generate()
        .unwrap()
        .write(&mut text);
    String::from_utf8(text).unwrap()
}

fn header_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("include/wisdom.h")
}

#[test]
fn the_header_is_up_to_date() {
    let fresh = generated();
    if std::env::var_os("WISDOM_UPDATE_HEADER").is_some() {
        std::fs::write(header_path(), &fresh).unwrap();
    }
    let stored = std::fs::read_to_string(header_path()).unwrap();
    assert!(
        stored == fresh,
        "ffi/include/wisdom.h is old: WISDOM_UPDATE_HEADER=1 cargo test -p wisdom-ffi --test header"
    );
}

#[test]
fn the_header_compiles_alone_in_every_dialect() {
    let dir = tempfile::tempdir().unwrap();
    let include = header_path().parent().unwrap().to_owned();
    for (compiler, language, standards) in [
        ("gcc", "c", ["c99", "c11"].as_slice()),
        ("g++", "c++", ["c++11", "c++17"].as_slice()),
    ] {
        for standard in standards {
            let source = dir.path().join(format!("alone.{language}"));
            std::fs::write(
                &source,
                "#include \"wisdom.h\"\nint main(void) { return (int)wisdom_abi_version() * 0; }\n",
            )
            .unwrap();
            let status = Command::new(compiler)
                .args([
                    "-x",
                    language,
                    &format!("-std={standard}"),
                    "-Wall",
                    "-Wextra",
                    "-Wpedantic",
                    "-Werror",
                ])
                .args(["-fsyntax-only", "-I"])
                .arg(&include)
                .arg(&source)
                .status()
                .expect("gcc and g++ are needed: apt-get install build-essential");
            assert!(status.success(), "{compiler} -std={standard}");
        }
    }
}

/// Every function the header declares is listed here once: a new one must be added on purpose, and none may vanish.
const FUNCTIONS: [&str; 19] = [
    "wisdom_abi_version",
    "wisdom_buf_free",
    "wisdom_call",
    "wisdom_close",
    "wisdom_config_check",
    "wisdom_describe",
    "wisdom_error_code",
    "wisdom_error_free",
    "wisdom_error_json",
    "wisdom_error_message",
    "wisdom_error_retry_after_ms",
    "wisdom_error_status",
    "wisdom_free",
    "wisdom_health",
    "wisdom_in_flight",
    "wisdom_open",
    "wisdom_open_file",
    "wisdom_token_check",
    "wisdom_version",
];

#[test]
fn functions_are_only_ever_added() {
    let header = std::fs::read_to_string(header_path()).unwrap();
    let mut declared: Vec<&str> = header
        .lines()
        .filter(|line| !line.starts_with("//") && !line.starts_with(" *"))
        .flat_map(|line| line.match_indices("wisdom_").map(move |(at, _)| &line[at..]))
        .filter_map(|rest| rest.split_once('(').map(|(name, _)| name))
        .filter(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        .collect();
    declared.sort_unstable();
    declared.dedup();
    assert_eq!(declared, FUNCTIONS);
}
