//! A Selenium Grid of a test's own, by scripts/grid.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kratos_repro::backend::cache;
use kratos_repro::client;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Running, Sandbox};

/// A running grid. It ends when this is dropped, with every browser on it.
#[derive(Debug)]
pub(crate) struct Grid {
    sandbox: Sandbox,
    script: Running,
    url: String,
}

/// A session on the grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GridSession {
    pub(crate) id: String,
    /// Where its node listens.
    node: String,
}

impl Grid {
    /// Starts one whose nodes each run so many browsers at once; nothing where it is not installed, which is said.
    pub(crate) fn start(slots: u16) -> Result<Option<Self>> {
        if let Some(lacking) = lacks()? {
            let _ = writeln!(std::io::stderr(), "not run: {lacking} (hint: run scripts/setup --grid)");
            return Ok(None);
        }
        let sandbox = Sandbox::new()?;
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/grid"));
        command.args(["--port", "0", "--slots", &slots.to_string()]).env("TMPDIR", sandbox.tmp()).stdin(Stdio::null());
        let mut script = sandbox.start(command)?;
        let url = script.wait_for("grid", Duration::from_secs(180), |script| {
            let said = script.stderr();
            let line = said.lines().find(|line| line.contains(" is ready"))?;
            Some(line.split(' ').find(|word| word.starts_with("http://"))?.to_owned())
        })?;
        Ok(Some(Self { sandbox, script, url }))
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What it answers to a GET, as JSON.
    fn ask(&self, path: &str) -> Result<Value> {
        self.send(|client| client.get(format!("{}{path}", self.url)))
    }

    fn send(&self, request: impl FnOnce(reqwest::Client) -> reqwest::RequestBuilder) -> Result<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let text = request(client::plain()?).send().await?.text().await?;
            serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
        })
    }

    /// The sessions that it has.
    pub(crate) fn sessions(&self) -> Result<Vec<GridSession>> {
        let status = self.ask("/status")?;
        let mut sessions = Vec::new();
        for node in status["value"]["nodes"].as_array().into_iter().flatten() {
            for slot in node["slots"].as_array().into_iter().flatten() {
                let id = slot["session"]["sessionId"].as_str().unwrap_or_default();
                if !["", "reserved"].contains(&id) {
                    let node = node["uri"].as_str().context("a node without an address")?.to_owned();
                    sessions.push(GridSession { id: id.to_owned(), node });
                }
            }
        }
        Ok(sessions)
    }

    /// How many requests for a session wait for a slot.
    pub(crate) fn queued(&self) -> Result<usize> {
        let queue = self.ask("/se/grid/newsessionqueue/queue")?;
        queue["value"].as_array().map(Vec::len).context("no queue")
    }

    /// Ends a session, as the grid's owner may.
    pub(crate) fn end_session(&self, session: &GridSession) -> Result<()> {
        self.send(|client| client.delete(format!("{}/session/{}", self.url, session.id))).map(|_| ())
    }

    /// Kills the node that a session is on, with all that runs on it.
    pub(crate) fn kill_node_of(&self, session: &GridSession) -> Result<()> {
        let port = session.node.rsplit(':').next().context("no port")?.to_owned();
        let seen = super::process::naming(&self.sandbox.tmp());
        let node =
            seen.iter().find(|it| it.command.contains(&format!(" --port {port} ")) && it.command.contains(" node "));
        let node = node.with_context(|| format!("no node on port {port}: {seen:#?}"))?;
        let stat = fs::read_to_string(format!("/proc/{}/stat", node.id))?;
        // The process group is the third field after the name (proc(5)).
        let group = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(2)).context("no group")?;
        Ok(killpg(Pid::from_raw(group.parse()?), Signal::SIGKILL)?)
    }

    /// Ends it as by Ctrl-C; nothing of it may be left.
    pub(crate) fn end(self) -> Result<()> {
        self.script.signal(Signal::SIGTERM)?;
        let ended = self.script.end(Duration::from_secs(20))?;
        ensure!(ended.code() == Some(0), "the grid ended with {}: {}", ended.status, ended.stderr);
        self.sandbox.ensure_nothing_is_left()
    }
}

/// What is not here for a grid.
fn lacks() -> Result<Option<String>> {
    let pom = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/grid/pom.xml"))?;
    let hash = format!("{:x}", Sha256::digest(pom));
    let installed = cache::entry_at(&format!("selenium-grid-{}", &hash[..16]));
    let search: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    Ok(match installed {
        None => Some("Selenium Grid is not installed".to_owned()),
        Some(_) if !search.iter().any(|folder| folder.join("java").is_file()) => Some("java was not found".to_owned()),
        Some(_) => None,
    })
}
