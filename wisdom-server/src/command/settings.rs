//! Where the configuration comes from: flags over environment over file over defaults.

use std::path::PathBuf;

use clap::Args;
use wisdom_adapters::config::{Config, Document, Format};

use super::Trouble;

#[derive(Debug, Default, Args)]
pub(super) struct Settings {
    /// A TOML or JSON file.
    #[arg(long, env = "WISDOM_CONFIG", value_name = "PATH", global = true)]
    config: Option<PathBuf>,
    /// Where to listen, as address:port (`server.listen`).
    #[arg(long, value_name = "ADDRESS", global = true)]
    listen: Option<String>,
    /// The database (`storage.url`): sqlite:PATH, postgres://…, memory:, or a reference such as env:NAME.
    #[arg(long, value_name = "URL", global = true)]
    database: Option<String>,
    /// Where embedded adapters keep files (`data_dir`).
    #[arg(long, value_name = "PATH", global = true)]
    data_dir: Option<String>,
    /// Any key of the configuration, for example `--set auth.access_token_seconds=300`.
    #[arg(long, value_name = "KEY=VALUE", global = true)]
    set: Vec<String>,
}

impl Settings {
    pub(super) fn read(&self) -> Result<Config, Trouble> {
        let file = match &self.config {
            None => None,
            Some(path) => {
                Some(std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?)
            }
        };
        self.combine(file.as_deref(), &environment())
    }

    /// Where nothing else is said, a server on this machine is reached where it listens.
    fn combine(&self, file: Option<&str>, environment: &[(String, String)]) -> Result<Config, Trouble> {
        let config = self.layer(Document::new(), file, environment)?;
        let listen = config.server.listen;
        if !listen.ip().is_loopback() || listen.port() == 0 {
            return Ok(config);
        }
        let mut base = Document::new();
        base.set("public_url", &format!("http://{listen}"));
        self.layer(base, file, environment)
    }

    fn layer(
        &self,
        mut document: Document,
        file: Option<&str>,
        environment: &[(String, String)],
    ) -> Result<Config, Trouble> {
        if let Some(text) = file {
            document
                .layer(text, Format::Guess)
                .map_err(|error| error.to_string())?;
        }
        document.layer_environment(environment.iter().cloned());
        let named = [
            ("server.listen", &self.listen),
            ("storage.url", &self.database),
            ("data_dir", &self.data_dir),
        ];
        for (key, value) in named {
            if let Some(value) = value {
                document.set(key, value);
            }
        }
        for pair in &self.set {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("--set {pair}: write it as KEY=VALUE"))?;
            document.set(key.trim(), value);
        }
        document.finish().map_err(|error| error.to_string())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is where the environment becomes configuration"
)]
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_environment_over_file() {
        let file = "data_dir = 'file'\n[storage]\nurl = 'sqlite:file.db'\n[log]\nlevel = 'debug'";
        let environment = [
            ("WISDOM_STORAGE__URL", "sqlite:environment.db"),
            ("WISDOM_DATA_DIR", "environment"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = Settings {
            database: Some("memory:".to_owned()),
            set: vec!["auth.access_token_seconds=300".to_owned()],
            ..Settings::default()
        };
        let config = settings.combine(Some(file), &environment).unwrap();
        assert_eq!(config.storage.url, "memory:");
        assert_eq!(config.data_dir, PathBuf::from("environment"));
        assert_eq!(config.log.level, "debug");
        assert_eq!(config.auth.access_token_seconds, 300);
    }

    #[test]
    fn a_server_on_this_machine_is_reached_where_it_listens() {
        let settings = Settings {
            listen: Some("127.0.0.1:9090".to_owned()),
            ..Settings::default()
        };
        let url = |file| settings.combine(file, &[]).unwrap().public_url.to_string();
        assert_eq!(url(None), "http://127.0.0.1:9090");
        assert_eq!(
            url(Some("public_url = 'https://api.example.com'")),
            "https://api.example.com"
        );
        let settings = Settings {
            listen: Some("0.0.0.0:9090".to_owned()),
            ..Settings::default()
        };
        assert_eq!(
            settings.combine(None, &[]).unwrap().public_url,
            Config::default().public_url
        );
    }

    #[test]
    fn what_is_misspelled_is_said() {
        let settings = Settings {
            set: vec!["storage.ulr=memory:".to_owned()],
            ..Settings::default()
        };
        assert_eq!(
            settings.combine(None, &[]).unwrap_err(),
            "unknown key `storage.ulr`; did you mean `url`?"
        );
        let settings = Settings {
            set: vec!["storage.url".to_owned()],
            ..Settings::default()
        };
        assert!(settings.combine(None, &[]).unwrap_err().contains("KEY=VALUE"));
    }
}
