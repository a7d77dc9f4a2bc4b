//! The command line.

/// Prints a line for people. Whoever does not read on (`| head`) must not make the program fail.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout().lock(), $($text)*);
    }};
}

mod run;
mod settings;
mod show;
mod users;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use wisdom_adapters::config::{Config, TokenAlgorithm};
use wisdom_adapters::{Wisdom, WisdomBuilder};

use settings::Settings;
use users::UsersCommand;

/// The reference deployment of Wisdom. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "wisdom-server", version, about, arg_required_else_help = false)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT (the default).
    Serve,
    /// The configuration as flags, environment and file make it.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the OpenAPI document.
    Openapi,
    /// List all operations with who may run them and their route.
    Operations,
    /// The keys that tokens are signed with.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Move users in and out.
    #[command(subcommand)]
    Users(UsersCommand),
    /// Bring the database to this version's schema, and exit.
    Migrate,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum ConfigCommand {
    /// Say whether it can be used.
    Check,
    /// Print it, with passwords hidden.
    Show,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum KeysCommand {
    /// Make a new signing key; the old one goes on being accepted while tokens of it live.
    Rotate {
        /// What it signs with: `EdDSA`, `ES256`, `RS256` or `HS256`. Default: `auth.algorithm`.
        #[arg(long, value_parser = algorithm)]
        algorithm: Option<TokenAlgorithm>,
        /// The old keys got out: they are worth nothing from now on.
        #[arg(long)]
        at_once: bool,
    },
}

fn algorithm(text: &str) -> Result<TokenAlgorithm, Trouble> {
    serde_json::from_value(text.into()).map_err(|_| "it is EdDSA, ES256, RS256 or HS256".to_owned())
}

/// What went wrong, in one line for people.
type Trouble = String;

/// Runs the program with the process's arguments. Exit code 0: done; 2: it could not be done, and standard error says why.
#[must_use]
pub fn main() -> ExitCode {
    // Several crates bring rustls; it refuses to choose a provider by itself. Set already is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = Cli::parse();
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("wisdom-server: {trouble}");
            ExitCode::from(2)
        }
    }
}

fn execute(cli: Cli) -> Result<(), Trouble> {
    let config = cli.settings.read()?;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => run::serve(config),
        Command::Config(ConfigCommand::Check) => show::check(&config),
        Command::Config(ConfigCommand::Show) => show::config(&config),
        Command::Openapi => run::block_on(&config, async {
            show::openapi(&*assemble(Config::in_memory()).await?)
        }),
        Command::Operations => run::block_on(&config, async {
            show::operations(&*assemble(Config::in_memory()).await?);
            Ok(())
        }),
        Command::Keys(KeysCommand::Rotate { algorithm, at_once }) => {
            show::rotate(&config, algorithm, at_once)
        }
        Command::Users(command) => {
            let settings = config.clone();
            run::block_on(&config, async {
                let wisdom = assemble(settings).await?;
                match command {
                    UsersCommand::Import(args) => users::import(&wisdom, &args).await,
                    UsersCommand::Export { hashes } => users::export(&wisdom, hashes).await,
                }
            })
        }
        Command::Migrate => {
            let settings = config.clone();
            run::block_on(&config, async {
                assemble(settings).await?;
                say!("The database has this version's schema.");
                Ok(())
            })
        }
    }
}

async fn assemble(config: Config) -> Result<Arc<Wisdom>, Trouble> {
    WisdomBuilder::new(config)
        .build()
        .await
        .map_err(|error| error.to_string())
}
