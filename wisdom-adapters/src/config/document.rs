//! Reading a configuration: layers of TOML or JSON, and errors that help.

use serde_json::{Map, Value};
use thiserror::Error;

use super::{Config, bounds};

/// The format of a configuration's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON when the text begins with `{`, else TOML.
    Guess,
    /// JSON.
    Json,
    /// TOML.
    Toml,
}

/// The configuration is not one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Neither TOML nor JSON.
    #[error("the configuration cannot be read: {0}")]
    Syntax(String),
    /// A key that does not exist.
    #[error("unknown key `{key}`{}", suggestion.as_ref().map(|s| format!("; did you mean `{s}`?")).unwrap_or_default())]
    UnknownKey {
        /// The key with its path.
        key: String,
        /// The nearest key there is.
        suggestion: Option<String>,
    },
    /// A value that breaks a rule.
    #[error("`{key}` {rule}")]
    Value {
        /// The key with its path.
        key: String,
        /// The rule.
        rule: String,
    },
}

/// A configuration in the making: later layers win over earlier ones, key by key.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Document(Map<String, Value>);

impl Document {
    /// An empty document: all defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lays a text over what is there.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`].
    pub fn layer(&mut self, text: &str, format: Format) -> Result<(), ConfigError> {
        let json = match format {
            Format::Json => true,
            Format::Toml => false,
            Format::Guess => text.trim_start().starts_with('{'),
        };
        let value: Value = if json {
            serde_json::from_str(text).map_err(|e| ConfigError::Syntax(e.to_string()))?
        } else {
            toml::from_str(text).map_err(|e| ConfigError::Syntax(e.message().to_owned()))?
        };
        match value {
            Value::Object(map) => {
                merge(&mut self.0, map);
                Ok(())
            }
            _ => Err(ConfigError::Syntax("it must be a table of keys".to_owned())),
        }
    }

    /// Sets one key, given as a path such as `storage.url`. The text is read as a number or truth value where it is one
    /// and the key takes one.
    pub fn set(&mut self, path: &str, text: &str) {
        let mut table = &mut self.0;
        let mut parts = path.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                table.insert(part.to_owned(), Value::String(text.to_owned()));
                return;
            }
            let slot = table.entry(part).or_insert_with(|| Value::Object(Map::new()));
            if !slot.is_object() {
                *slot = Value::Object(Map::new());
            }
            let Value::Object(inner) = slot else { return };
            table = inner;
        }
    }

    /// Lays environment variables over what is there: `WISDOM_STORAGE__URL` is `storage.url`. Only names with this
    /// prefix count; `WISDOM_TEST_…` are the test kit's and are passed over.
    pub fn layer_environment(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        for (name, value) in variables {
            if let Some(rest) = name.strip_prefix("WISDOM_")
                && !rest.starts_with("TEST_")
                && !matches!(rest, "CONFIG" | "SHARED" | "TOOLS" | "PG_BIN")
            {
                self.set(&rest.to_lowercase().replace("__", "."), &value);
            }
        }
    }

    /// The configuration, checked key by key.
    ///
    /// # Errors
    /// The first unknown key or value that breaks a rule.
    pub fn finish(self) -> Result<Config, ConfigError> {
        let mut value = Value::Object(self.0);
        // Texts from flags and environment become numbers and truth values where the key takes one.
        for _ in 0..64 {
            let error = match serde_path_to_error::deserialize::<_, Config>(value.clone()) {
                Ok(config) => return bounds::check(config),
                Err(error) => error,
            };
            let path = error.path().to_string();
            let text = error.into_inner().to_string();
            let takes_list = text.contains("expected a sequence");
            if !(text.contains("invalid type: string") && retype(&mut value, &path, takes_list)) {
                return Err(explain(&path, &text));
            }
        }
        Err(ConfigError::Syntax(
            "too many values of the wrong type".to_owned(),
        ))
    }
}

fn merge(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => merge(inner, more),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Reads a text where the key takes something else. Where that is a list, a single text is a list of one.
fn retype(root: &mut Value, path: &str, takes_list: bool) -> bool {
    let pointer = format!("/{}", path.replace('.', "/"));
    let Some(slot) = root.pointer_mut(&pointer) else {
        return false;
    };
    let Some(text) = slot.as_str() else { return false };
    let typed = if takes_list {
        text.split(',').map(|t| Value::from(t.trim())).collect()
    } else if let Ok(number) = text.parse::<i64>() {
        Value::from(number)
    } else if let Ok(truth) = text.parse::<bool>() {
        Value::from(truth)
    } else {
        return false;
    };
    *slot = typed;
    true
}

fn explain(path: &str, text: &str) -> ConfigError {
    let path = if path == "." { "" } else { path };
    if text.starts_with("unknown field") {
        let mut quoted = text.split('`').skip(1).step_by(2);
        let unknown = quoted.next().unwrap_or_default();
        let suggestion = quoted
            .map(|known| (closeness(unknown, known), known))
            .filter(|(score, _)| *score > 0.75)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, known)| known.to_owned());
        let key = if path.is_empty() || path == unknown || path.ends_with(&format!(".{unknown}")) {
            if path.is_empty() {
                unknown.to_owned()
            } else {
                path.to_owned()
            }
        } else {
            format!("{path}.{unknown}")
        };
        return ConfigError::UnknownKey { key, suggestion };
    }
    let rule = text
        .split_once("expected ")
        .map_or_else(|| text.to_owned(), |(_, e)| format!("must be {e}"));
    ConfigError::Value {
        key: path.to_owned(),
        rule,
    }
}

/// How near two words are, 0 to 1. One letter wrong, or two exchanged, is a slip of the fingers, however short the word.
fn closeness(a: &str, b: &str) -> f64 {
    let slip = if strsim::osa_distance(a, b) <= 1 { 0.9 } else { 0.0 };
    strsim::jaro_winkler(a, b).max(slip)
}

impl Config {
    /// Reads a configuration from one text.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_text(text: &str, format: Format) -> Result<Self, ConfigError> {
        let mut document = Document::new();
        document.layer(text, format)?;
        document.finish()
    }
}

impl std::str::FromStr for Config {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::from_text(text, Format::Guess)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelled_key_is_refused_with_a_suggestion() {
        let error = "[storage]\nulr = 'memory:'".parse::<Config>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown key `storage.ulr`; did you mean `url`?"
        );
        let error = r#"{"storge":{}}"#.parse::<Config>().unwrap_err();
        assert_eq!(error.to_string(), "unknown key `storge`; did you mean `storage`?");
    }

    #[test]
    fn later_layers_win_and_texts_become_numbers() {
        let mut document = Document::new();
        document
            .layer("[auth]\naccess_token_seconds = 300\naudience = 'a'", Format::Toml)
            .unwrap();
        document.layer_environment([
            ("WISDOM_AUTH__ACCESS_TOKEN_SECONDS".to_owned(), "120".to_owned()),
            ("WISDOM_LOG__REQUESTS".to_owned(), "false".to_owned()),
            (
                "WISDOM_SERVER__CORS_ORIGINS".to_owned(),
                "https://a.example, https://b.example".to_owned(),
            ),
            ("WISDOM_TEST_DATABASE_URL".to_owned(), "x".to_owned()),
            ("OTHER".to_owned(), "x".to_owned()),
        ]);
        let config = document.finish().unwrap();
        assert_eq!(config.auth.access_token_seconds, 120);
        assert_eq!(config.auth.audience, "a");
        assert!(!config.log.requests);
        assert_eq!(config.server.cors_origins.len(), 2);
    }

    #[test]
    fn one_text_is_a_list_of_one_wherever_a_list_is_taken() {
        let mut document = Document::new();
        for (key, value) in [
            ("auth.passkeys.origins", "https://app.acme.example"),
            ("auth.impersonation.readers", "ada@acme.example"),
            ("auth.password.context_words", "2026"),
            ("server.trusted_proxies", "127.0.0.1"),
        ] {
            document.set(key, value);
        }
        let config = document.finish().unwrap();
        assert_eq!(
            config.auth.passkeys.origins.unwrap(),
            ["https://app.acme.example"]
        );
        assert_eq!(config.auth.impersonation.readers, ["ada@acme.example"]);
        assert_eq!(config.auth.password.context_words, ["2026"]);
        assert_eq!(config.server.trusted_proxies.len(), 1);
    }

    #[test]
    fn figures_out_of_bounds_are_refused_by_name() {
        let error = "[auth]\naccess_token_seconds = 3600"
            .parse::<Config>()
            .unwrap_err();
        assert_eq!(error.to_string(), "`auth.access_token_seconds` must be 60 to 900");
        let error = "[auth.mailed_proof]\nreset_password_seconds = 3601"
            .parse::<Config>()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`auth.mailed_proof.reset_password_seconds` must be 300 to 3600"
        );
        let error = "public_url = 'https://a.example/path'"
            .parse::<Config>()
            .unwrap_err();
        assert!(
            error.to_string().starts_with("`public_url` must be an origin"),
            "{error}"
        );
    }

    #[test]
    fn short_passwords_need_a_second_factor() {
        let short = "[auth.password]\nmin_length = 14";
        assert_eq!(
            short.parse::<Config>().unwrap_err().to_string(),
            "`auth.password.min_length` must be at least 15 unless `auth.second_factor.required` is true"
        );
        let with_second = format!("{short}\n[auth.second_factor]\nrequired = true");
        assert_eq!(
            with_second.parse::<Config>().unwrap().auth.password.min_length,
            14
        );
    }

    #[test]
    fn the_default_reads_back_from_its_own_text() {
        let text = serde_json::to_string(&Config::default()).unwrap();
        assert_eq!(text.parse::<Config>().unwrap(), Config::default());
    }
}
