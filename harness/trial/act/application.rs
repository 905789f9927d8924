//! Runs what a person saved in an application.

use anyhow::Result;

use super::{Actor, QUIET, SETTLE_LIMIT};
use crate::case::RunClient;
use crate::client::{AppRun, Jar};
use crate::world::World;

impl Actor {
    /// Runs it to its end; all that it sent is in the record then.
    pub(super) async fn run_client(&self, run: &RunClient, world: &World) -> Result<()> {
        let values = self.resolved(&run.values)?.0;
        let headers = self.resolved(&run.headers)?.0;
        let jar = run.cookie_jar.map(|kept| if kept { Jar::Kept } else { Jar::None });
        let kratos = world.kratos(run.at.as_deref())?.url_of("");
        let run_of =
            AppRun { name: &run.runs, kratos: kratos.trim_end_matches('/'), values: &values, headers: &headers, jar };
        world.client(&run.by)?.run(&run_of).await?;
        world.edge().record().settle(QUIET, SETTLE_LIMIT).await
    }
}
