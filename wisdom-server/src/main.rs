//! The `wisdom-server` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    wisdom_server::command::main()
}
