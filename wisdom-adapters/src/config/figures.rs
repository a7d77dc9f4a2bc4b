//! Every figure of the configuration with its bounds, found out by asking the configuration itself, and written down in
//! `docs/security-figures.md`. `WISDOM_WRITE_DOCS=1` writes the page anew.

use std::fmt::Write as _;
use std::path::Path;

use schemars::schema_for;
use serde_json::Value;

use super::{Config, Format};

const HEAD: &str = "# Figures\n\nEvery number that the configuration holds: lifetimes, limits, permits. A value out of \
bounds stops the start and is named. This page is made by a test from the configuration itself; the bounds are those that \
hold while all other figures are at their defaults.\n\n| key | default | least | most | meaning |\n|---|---|---|---|---|\n";

/// A figure: its key, and what the configuration says of it.
struct Figure {
    key: String,
    meaning: String,
}

/// Collects the whole numbers below a schema.
fn collect(schema: &Value, root: &Value, key: &str, figures: &mut Vec<Figure>) {
    let resolved = schema["$ref"]
        .as_str()
        .and_then(|reference| root.pointer(reference.trim_start_matches('#')));
    let schema = resolved.unwrap_or(schema);
    if let Some(properties) = schema["properties"].as_object() {
        for (name, property) in properties {
            let below = if key.is_empty() {
                name.clone()
            } else {
                format!("{key}.{name}")
            };
            if property["type"] == "integer" {
                let meaning = property["description"].as_str().unwrap_or_default();
                figures.push(Figure {
                    key: below,
                    meaning: meaning.replace('\n', " "),
                });
            } else {
                collect(property, root, &below, figures);
            }
        }
    }
}

fn pointer(key: &str) -> String {
    format!("/{}", key.replace('.', "/"))
}

fn accepts(key: &str, value: u32) -> bool {
    let mut config = serde_json::to_value(Config::default()).unwrap();
    *config.pointer_mut(&pointer(key)).unwrap() = Value::from(value);
    Config::from_text(&config.to_string(), Format::Json).is_ok()
}

/// The value next to `outside` that is accepted, on the way from `inside`, which is.
fn bound(key: &str, inside: u32, outside: u32) -> u32 {
    if accepts(key, outside) {
        return outside;
    }
    let (mut good, mut bad) = (inside, outside);
    while good.abs_diff(bad) > 1 {
        let middle = good.midpoint(bad);
        if accepts(key, middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    good
}

fn page() -> String {
    let schema = serde_json::to_value(schema_for!(Config)).unwrap();
    let defaults = serde_json::to_value(Config::default()).unwrap();
    let mut figures = Vec::new();
    collect(&schema, &schema, "", &mut figures);
    figures.sort_by(|a, b| a.key.cmp(&b.key));
    let mut page = HEAD.to_owned();
    for Figure { key, meaning } in figures {
        let default = defaults.pointer(&pointer(&key)).and_then(Value::as_u64).unwrap();
        let default = u32::try_from(default).unwrap();
        assert!(!meaning.is_empty(), "{key} has no meaning written down");
        let least = bound(&key, default, 0);
        let most = match bound(&key, default, u32::MAX) {
            u32::MAX => "any".to_owned(),
            most => most.to_string(),
        };
        writeln!(page, "| `{key}` | {default} | {least} | {most} | {meaning} |").unwrap();
    }
    page
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a switch of this test, and no setting")]
fn every_figure_is_written_down_with_its_bounds() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/security-figures.md");
    let page = page();
    if std::env::var_os("WISDOM_WRITE_DOCS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(
        written, page,
        "run this test with WISDOM_WRITE_DOCS=1, and read what changed"
    );
}

#[test]
fn every_figure_of_identity_has_two_bounds() {
    for line in page().lines().filter(|line| line.starts_with("| `auth.")) {
        assert!(!line.contains("| any |"), "{line}");
    }
}
