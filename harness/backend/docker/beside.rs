//! What is run in a container beside its program.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use futures_util::StreamExt;
use testcontainers::bollard::container::LogOutput;
use testcontainers::bollard::exec::{StartExecOptions, StartExecResults};
use testcontainers::bollard::models::ExecConfig;

use super::engine::{Engine, words};
use crate::wait::wait_until;

/// How long an engine may take to know that a command has ended whose output has.
const END_LIMIT: Duration = Duration::from_secs(10);

/// How often it is asked.
const END_EVERY: Duration = Duration::from_millis(5);

/// A container in which commands are run.
#[derive(Debug, Clone)]
pub struct Beside {
    engine: Engine,
    container: String,
}

/// What a command came to.
#[derive(Debug)]
pub(in crate::backend) struct Said {
    pub(in crate::backend) is_success: bool,
    pub(in crate::backend) stdout: String,
    pub(in crate::backend) stderr: String,
}

impl Beside {
    pub(super) fn new(engine: &Engine, container: String) -> Self {
        Self { engine: engine.clone(), container }
    }

    /// The id of the container.
    pub(in crate::backend) fn container(&self) -> &str {
        &self.container
    }

    /// Runs a command to its end, as the user that the image has.
    ///
    /// # Errors
    /// When the engine does not run it, or it does not end in time.
    pub(in crate::backend) async fn run(&self, command: &[&str], limit: Duration) -> Result<Said> {
        let name = command.first().copied().unwrap_or_default();
        let ran = tokio::time::timeout(limit, self.go(command)).await;
        ran.map_err(|_| anyhow!("no end of `{name}` in a container after {} ms", limit.as_millis()))?
    }

    async fn go(&self, command: &[&str]) -> Result<Said> {
        let api = self.engine.api();
        let cannot = |error| anyhow!("a container runs no command: {}", words(&error));
        let config = ExecConfig {
            cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..ExecConfig::default()
        };
        let id = api.create_exec(&self.container, config).await.map_err(cannot)?.id;
        let started = api.start_exec(&id, None::<StartExecOptions>).await.map_err(cannot)?;
        let StartExecResults::Attached { mut output, .. } = started else { bail!("a command says nothing") };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(part) = output.next().await {
            match part.map_err(cannot)? {
                LogOutput::StdErr { message } => stderr.extend_from_slice(&message),
                part => stdout.extend_from_slice(&part.into_bytes()),
            }
        }
        // Its output ends with it; an engine may be a moment late to know how.
        let code = wait_until("the end of a command in a container", END_LIMIT, END_EVERY, || async {
            let seen = api.inspect_exec(&id).await.map_err(|error| words(&error))?;
            seen.exit_code.filter(|_| seen.running != Some(true)).ok_or_else(|| "it runs".to_owned())
        })
        .await?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Said { is_success: code == 0, stdout: text(stdout), stderr: text(stderr) })
    }
}
