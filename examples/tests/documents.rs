//! The guides say what the code says.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wisdom_adapters::config::{Config, ProviderConfig};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Without what indentation and empty lines add.
fn bare(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn code_in_the_embedding_guide_is_taken_from_the_examples() {
    let guide = read("docs/embedding.md");
    let mut blocks = 0;
    let mut lines = guide.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line != "```rust" {
            continue;
        }
        let source = lines.next().and_then(|line| line.strip_prefix("// ")).unwrap();
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let block = bare(&block.join("\n"));
        assert!(
            bare(&read(source)).contains(&block),
            "{source} does not hold\n{block}"
        );
        blocks += 1;
    }
    assert!(blocks >= 8, "{blocks}");
}

fn keys_of(value: &Value, path: &str, keys: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            keys_of(value, &path, keys);
        }),
        _ => drop(keys.insert(path.to_owned())),
    }
}

#[test]
fn the_configuration_guide_names_every_key_with_its_default() {
    let mut config = Config::default();
    // The guide's name for whatever providers are called.
    config
        .auth
        .providers
        .insert("NAME".to_owned(), ProviderConfig::default());
    let default = serde_json::to_value(config).unwrap();
    let mut keys = BTreeSet::new();
    keys_of(&default, "", &mut keys);
    let guide = read("docs/configuration.md");
    let rows = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let mut told = BTreeSet::new();
    for (key, rest) in rows {
        told.insert(key.to_owned());
        let said = rest.split(" | ").next().unwrap().trim_matches('`');
        let is = &default[key.split('.').next().unwrap()];
        let is = key.split('.').skip(1).fold(is, |value, part| &value[part]);
        let same = match is {
            Value::String(text) => text == said || (text.is_empty() && said == "none"),
            Value::Number(number) => number.to_string() == said,
            Value::Bool(truth) => truth.to_string() == said,
            Value::Array(items) => items.is_empty() && said == "none",
            // Where the default depends on something, the guide says so in words.
            _ => true,
        };
        assert!(same, "{key}: the guide says {said}, the code {is}");
    }
    assert_eq!(told, keys);
}

#[test]
fn the_configuration_guides_example_is_one() {
    let guide = read("docs/configuration.md");
    let example = guide
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    example.parse::<Config>().unwrap();
}
