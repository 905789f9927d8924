//! A stand-in for the command line, with `setup` and `doctor` only.

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use kratos_repro::backend::{
    cache::Cache, doctor, kratos_binary::KratosChoice, missing::Missing, progress::Progress, setup, version::NotKratos,
};

/// Stand-in.
#[derive(Debug, Parser)]
enum Call {
    /// Makes everything ready.
    Setup {
        /// A version or a path.
        #[arg(long, env = "KRATOS_REPRO_KRATOS", default_value_t)]
        kratos: KratosChoice,
    },
    /// Says what is there.
    Doctor {
        /// A version or a path.
        #[arg(long, env = "KRATOS_REPRO_KRATOS", default_value_t)]
        kratos: KratosChoice,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let call = Call::parse();
    let outcome = tokio::select! {
        outcome = run(call) => outcome,
        _ = tokio::signal::ctrl_c() => return ExitCode::from(130),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            if error.downcast_ref::<Missing>().is_some() {
                ExitCode::from(3)
            } else if error.downcast_ref::<NotKratos>().is_some() {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

async fn run(call: Call) -> Result<ExitCode> {
    let cache = Cache::open()?;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    match call {
        Call::Setup { kratos } => {
            let ready = setup::prepare(&cache, &fixtures, &kratos, &mut Progress::on_stderr()).await?;
            eprintln!("Kratos {} is ready: {}", ready.version, ready.path.display());
            Ok(ExitCode::SUCCESS)
        }
        Call::Doctor { kratos } => {
            let findings = doctor::examine(&cache, &fixtures, &kratos).await;
            eprint!("{}", doctor::render(&findings));
            let blocked = findings.iter().any(doctor::Finding::blocks);
            Ok(if blocked { ExitCode::from(3) } else { ExitCode::SUCCESS })
        }
    }
}
