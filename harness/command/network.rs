//! `--network`: on which network a run is.

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::arguments::RunArguments;
use super::{WrongCall, place};
use crate::backend::{estate, network};

/// On which network a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum NetworkName {
    /// One of its own where that can be had and nothing of the run is elsewhere, else the machine's; which is said.
    Auto,
    /// One of its own, which nobody else reaches and which has no way out.
    Own,
    /// That of the machine, where every user of it reaches the drivers of browsers and Kratos's admin API.
    Machine,
}

/// What of a run a network of its own would keep out.
enum Beyond {
    /// It cannot do without the machine's.
    Certain(&'static str),
    /// Only who calls can know.
    Possible(&'static str),
}

/// Puts this process on the network that the run is to be on. Only a process without a second thread can change it.
///
/// # Errors
/// [`WrongCall`] where a network of its own is asked for and the run cannot do with it; [`Missing`] where it cannot be had;
/// [`UnfitServer`](crate::backend::version::UnfitServer) where the Kratos that is asked for cannot be.
///
/// [`Missing`]: crate::backend::Missing
pub(super) fn enter(run: &RunArguments) -> Result<()> {
    // First, so that a wrong choice is refused before anything is said that follows from it.
    run.backend.ensure_known(&place::fixtures()?, &run.server.kratos, run.interface.image_flag())?;
    if run.network == NetworkName::Machine {
        return Ok(());
    }
    let own = run.network == NetworkName::Own;
    match beyond(run)? {
        Some(Beyond::Certain(what)) if own => Err(WrongCall(format!("`--network own` has no way to {what}")).into()),
        Some(Beyond::Certain(what) | Beyond::Possible(what)) if !own => {
            place::say(&format!("network: the machine's, for {what}"));
            Ok(())
        }
        _ => {
            let program = std::env::current_exe().context("this program does not know where it is")?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            match runtime.block_on(network::probe(&program)) {
                Err(lacking) if !own => {
                    place::say(&format!("network: the machine's, as {lacking:#}"));
                    Ok(())
                }
                allowed => {
                    allowed?;
                    // From a user namespace the processes of earlier runs cannot be told any more.
                    place::say_swept(Ok(runtime.block_on(estate::sweep(&std::env::temp_dir()))));
                    drop(runtime);
                    Ok(network::enter().map_err(|error| network::lacking(&format!("{error:#}")))?)
                }
            }
        }
    }
}

fn beyond(run: &RunArguments) -> Result<Option<Beyond>> {
    let endpoint = std::env::var_os("SELENIUM_REMOTE_URL").is_some_and(|url| !url.is_empty());
    Ok(if run.webdriver.is_some() || run.edge_address.is_some() || endpoint {
        Some(Beyond::Certain("browsers elsewhere"))
    } else if run.interface.image_flag().is_some()
        || run.backend.in_containers(&place::fixtures()?, &run.server.kratos)?
    {
        // Where the backend is chosen later, a network of its own leaves one.
        let what = "servers in containers";
        Some(if run.backend.is_chosen() { Beyond::Certain(what) } else { Beyond::Possible(what) })
    } else if run.interface.is_another() {
        Some(Beyond::Possible("what the command of another login page may need (hint: `--network own` does without)"))
    } else {
        None
    })
}
