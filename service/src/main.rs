//! The `lamassu` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::cli::main()
}
