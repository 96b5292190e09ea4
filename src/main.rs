//! Entry point of the `crow` binary; all code is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    crow::cli::run()
}
