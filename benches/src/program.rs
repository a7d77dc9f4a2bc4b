//! Programs under measurement: starting them, what the system says of them, ending them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::Trouble;

/// Ticks of a second in `/proc`; the same on every Linux of today.
const TICKS: u32 = 100;

/// A running program that listens on loopback. Killed when dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    address: SocketAddr,
    _out: BufReader<ChildStdout>,
}

impl Program {
    /// Starts a program that says `listening on http://ADDRESS` on standard output, on this processor only if one is
    /// named, and waits until it does.
    ///
    /// # Errors
    /// When it does not.
    pub fn start(path: &Path, processor: Option<u32>, arguments: &[String]) -> Result<Self, Trouble> {
        let mut command = match processor {
            None => Command::new(path),
            Some(processor) => {
                let mut command = Command::new("taskset");
                command.args(["-c", &processor.to_string()]).arg(path);
                command
            }
        };
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let mut out = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut line = String::new();
        while out.read_line(&mut line)? > 0 {
            if let Some((_, address)) = line.trim_end().split_once("listening on http://") {
                let address = address.parse()?;
                return Ok(Self {
                    child,
                    address,
                    _out: out,
                });
            }
            line.clear();
        }
        let status = child.wait()?;
        Err(format!("{} ended before it listened: {status}", path.display()).into())
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Memory in RAM, in KiB.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn resident_kib(&self) -> Result<u64, Trouble> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse()?)
    }

    /// Processor time so far, of all its threads, in user and kernel mode, to a hundredth of a second.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn processor_time(&self) -> Result<Duration, Trouble> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field is the name in parentheses, which may hold spaces; `utime` and `stime` are fields 14 and 15.
        let (_, rest) = text.rsplit_once(')').ok_or("no name in stat")?;
        let ticks = rest
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(str::parse::<u32>)
            .sum::<Result<u32, _>>()?;
        Ok(Duration::from_secs(1) * ticks / TICKS)
    }

    /// Asks it to end and waits.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn stop(mut self) -> Result<(), Trouble> {
        Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
