//! The command line of `kratos-repro`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kratos_repro::command::main()
}
