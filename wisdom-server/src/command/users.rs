//! Moving users in and out.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use wisdom_adapters::Wisdom;
use wisdom_adapters::config::resolve;
use wisdom_auth::password::FirebaseProject;
use wisdom_auth::user::transfer::export::ExportUsers;
use wisdom_auth::user::transfer::import::{ImportError, import_line};
use wisdom_auth::user::transfer::line::{MAX_LINE, UserFormat};
use wisdom_core::catalogue::Host as _;
use wisdom_core::context::{Caller, SystemReason};

use super::Trouble;

const IMPORT: SystemReason = SystemReason("auth.user.import");
const EXPORT: SystemReason = SystemReason("auth.user.export");

#[derive(Debug, Subcommand)]
pub(super) enum UsersCommand {
    /// Take users in, one JSON object a line. Bad lines are named and passed over.
    Import(ImportArgs),
    /// Print all users, one JSON object a line, in the form that `import` reads.
    Export {
        /// With the hashes of passwords. Whoever has them can try passwords without end.
        #[arg(long)]
        hashes: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The file, or `-` for standard input.
    file: PathBuf,
    /// Whose export it is.
    #[arg(long, value_enum, default_value_t = Form::Wisdom)]
    format: Form,
    /// Firebase: `base64_signer_key`, as a reference to an environment variable or a file.
    #[arg(long, value_name = "REFERENCE")]
    signer_key: Option<String>,
    /// Firebase: `base64_salt_separator`.
    #[arg(long, default_value = "Bw==")]
    salt_separator: String,
    /// Firebase: `rounds`.
    #[arg(long, default_value_t = 8)]
    rounds: u32,
    /// Firebase: `mem_cost`.
    #[arg(long, default_value_t = 14)]
    memory_cost: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Wisdom,
    Supabase,
    Auth0,
    Firebase,
}

impl ImportArgs {
    fn format(&self) -> Result<UserFormat, Trouble> {
        Ok(match self.format {
            Form::Wisdom => UserFormat::Wisdom,
            Form::Supabase => UserFormat::Supabase,
            Form::Auth0 => UserFormat::Auth0,
            Form::Firebase => {
                let reference = self.signer_key.as_deref().ok_or(
                    "--format firebase needs --signer-key, from the project's password hash parameters",
                )?;
                UserFormat::Firebase(FirebaseProject {
                    signer_key: resolve(reference).map_err(|error| format!("--signer-key: {error}"))?,
                    salt_separator: self.salt_separator.clone(),
                    rounds: self.rounds,
                    memory_cost: self.memory_cost,
                })
            }
        })
    }
}

/// Takes users in. What was taken in stays when a later line is refused; running it again refuses those that are there.
pub(super) async fn import(wisdom: &Wisdom, args: &ImportArgs) -> Result<(), Trouble> {
    let format = args.format()?;
    let caller = Caller::System(IMPORT, wisdom.request(None, None));
    let mut lines = open(&args.file)?;
    let (mut number, mut added, mut refused) = (0_u64, 0_u64, 0_u64);
    while let Some(line) =
        next_line(&mut lines).map_err(|error| format!("{}: {error}", args.file.display()))?
    {
        number += 1;
        if line.trim().is_empty() {
            continue;
        }
        match import_line(wisdom, &caller, &format, line.trim_end()).await {
            Ok(_) => added += 1,
            Err(ImportError::Failed(error)) => {
                return Err(format!(
                    "line {number}: {error}; {added} users were taken in before it"
                ));
            }
            Err(problem) => {
                refused += 1;
                eprintln!("line {number}: {problem}");
            }
        }
    }
    say!("{added} users were taken in, {refused} lines were refused.");
    if refused == 0 {
        Ok(())
    } else {
        Err(format!("{refused} lines were refused; they are named above"))
    }
}

/// Prints all users.
pub(super) async fn export(wisdom: &Wisdom, hashes: bool) -> Result<(), Trouble> {
    let caller = Caller::System(EXPORT, wisdom.request(None, None));
    let mut ask = ExportUsers { after: None, hashes };
    loop {
        let page = wisdom
            .runner()
            .on_behalf(&caller, &ask)
            .await
            .map_err(|error| error.to_string())?;
        for line in page.lines {
            say!(
                "{}",
                serde_json::to_string(&line).map_err(|error| error.to_string())?
            );
        }
        match page.last {
            Some(last) => ask.after = Some(last),
            None => return Ok(()),
        }
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Trouble> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Box::new(BufReader::new(file)))
}

/// The next line, of which no more is held than an import looks at.
fn next_line(lines: &mut dyn BufRead) -> io::Result<Option<String>> {
    let most = u64::try_from(MAX_LINE).unwrap_or(u64::MAX) + 2;
    let mut line = Vec::new();
    let read = lines.take(most).read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    // What is left of a line that is too long belongs to it.
    while line.last() != Some(&b'\n') {
        let rest = lines.fill_buf()?;
        if rest.is_empty() {
            break;
        }
        let end = rest
            .iter()
            .position(|b| *b == b'\n')
            .map_or(rest.len(), |at| at + 1);
        let ended = rest[..end].ends_with(b"\n");
        lines.consume(end);
        if ended {
            break;
        }
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_held_in_part_and_the_next_one_is_whole() {
        let text = format!("{}\nsecond\n\nlast", "x".repeat(3 * MAX_LINE));
        let mut lines = text.as_bytes();
        let mut next = || next_line(&mut lines).unwrap();
        assert_eq!(next().unwrap().len(), MAX_LINE + 2);
        assert_eq!(next().as_deref(), Some("second\n"));
        assert_eq!(next().as_deref(), Some("\n"));
        assert_eq!(next().as_deref(), Some("last"));
        assert_eq!(next(), None);
    }
}
