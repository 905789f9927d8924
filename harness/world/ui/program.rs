//! An interface that somebody else wrote, in the place of ours: how its program is started and what it is told.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result};
use url::Url;

#[cfg(feature = "docker")]
use crate::backend::docker::Image;
use crate::backend::readiness::PORT_CHOICES;
use crate::backend::{Launch, Missing, Output, Process, free_port};
use crate::wait::{wait_until, within};

/// How often it is asked whether it answers.
const ANSWER_EVERY: Duration = Duration::from_millis(20);

/// How long a program that does not listen itself, though its port answers, may take to end because the port was taken.
const GRACE: Duration = Duration::from_secs(2);

/// How many of its last lines are quoted.
const QUOTED_LINES: usize = 5;

/// What interfaces sign their own cookies with. Nothing depends on it but a page for tests.
const SECRET: &str = "only-for-tests-not-a-secret-0003";

/// The name of the cookie that an interface of Ory's keeps its own anti-CSRF token in.
const CSRF_COOKIE: &str = "interface_csrf";

/// Which interface worlds have. It is named on the command line, never by a case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Interface {
    /// The fixture interface.
    #[default]
    Ours,
    /// A program, started anew in every world.
    Program(UiProgram),
    /// An image, a container of which is started in every world.
    #[cfg(feature = "docker")]
    Image(Image),
}

impl Interface {
    /// What reports call it; nothing for ours.
    #[must_use]
    pub fn label(&self) -> Option<String> {
        match self {
            Self::Ours => None,
            Self::Program(program) => Some(program.label()),
            #[cfg(feature = "docker")]
            Self::Image(image) => Some(format!("`{image}`")),
        }
    }
}

/// The program of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UiProgram {
    /// The command, for a shell.
    pub command: String,
    /// The folder that it is run in.
    pub folder: PathBuf,
    /// How long it may take until it answers.
    pub patience: Duration,
}

impl UiProgram {
    /// What reports call it: the command, without the values of variables that it sets. Reports are handed on.
    #[must_use]
    pub fn label(&self) -> String {
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let mut words = Vec::new();
        let mut within = None;
        for word in self.command.split(' ') {
            if let Some(quote) = within {
                // The rest of a value that has spaces.
                within = (!word.ends_with(quote)).then_some(quote);
                continue;
            }
            match word.split_once('=') {
                Some((name, value)) if is_name(name) => {
                    words.push(format!("{name}=..."));
                    let quote = value.chars().next().filter(|first| ['\'', '"'].contains(first));
                    within = quote.filter(|quote| value.len() == 1 || !value.ends_with(*quote));
                }
                _ => words.push(word.to_owned()),
            }
        }
        format!("`{}`", words.join(" "))
    }
}

/// What an interface is told of its world.
#[derive(Debug)]
pub struct Told {
    /// Kratos's public API, as the interface reaches it.
    pub kratos_public: Url,
    /// The same, as browsers reach it.
    pub kratos_browser: Url,
    /// Kratos's admin API.
    pub kratos_admin: String,
    /// Hydra's admin API, where the world has a Hydra.
    pub hydra_admin: Option<String>,
}

impl Told {
    /// Where to listen, and the variables that Ory's own interfaces read.
    /// (ory/kratos-selfservice-ui-node and ory/elements read these names.)
    pub(super) fn environment(&self, host: &str, port: u16) -> Vec<(&'static str, OsString)> {
        let bare = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        let mut all: Vec<(&'static str, OsString)> = vec![
            ("HOST", host.into()),
            ("PORT", port.to_string().into()),
            ("KRATOS_PUBLIC_URL", bare(&self.kratos_public).into()),
            ("KRATOS_BROWSER_URL", bare(&self.kratos_browser).into()),
            ("KRATOS_ADMIN_URL", self.kratos_admin.trim_end_matches("/admin").into()),
            ("ORY_SDK_URL", bare(&self.kratos_public).into()),
            ("COOKIE_SECRET", SECRET.into()),
            ("CSRF_COOKIE_NAME", CSRF_COOKIE.into()),
            ("CSRF_COOKIE_SECRET", SECRET.into()),
        ];
        all.extend(self.hydra_admin.as_ref().map(|url| ("HYDRA_ADMIN_URL", url.into())));
        all
    }
}

/// Starts the program on a free port and waits until it answers a request, whatever the answer.
///
/// Besides what it is told it gets what programs are found by.
pub(super) async fn start(program: &UiProgram, told: &Told, log: &Path) -> Result<(Process, SocketAddr)> {
    let http = crate::client::plain()?;
    let mut choices = 0;
    loop {
        choices += 1;
        let port = free_port()?;
        let mut launch = Launch::new("/bin/sh", &program.folder, Output::File(log.to_owned()))
            .args(["-c", program.command.as_str()]);
        let found_by = ["PATH", "HOME"].into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        for (name, value) in told.environment("127.0.0.1", port).into_iter().chain(found_by) {
            launch = launch.env(name, value);
        }
        let mut process = launch.start()?;
        let url = format!("http://127.0.0.1:{port}/");
        let (url, http) = (url.as_str(), &http);
        let answers = wait_until("an answer to GET /", program.patience, ANSWER_EVERY, || async move {
            match http.get(url).send().await {
                Ok(_) => Ok(()),
                Err(error) if error.is_connect() => Err("connection refused".to_owned()),
                Err(error) => Err(format!("{:#}", anyhow::Error::new(error))),
            }
        });
        let failed = tokio::select! {
            // One that has ended answers nothing: what answers then is somebody else on its port.
            biased;
            exit = process.exited() => how(exit?),
            answered = answers => match answered {
                // Who answers may be somebody who was quicker, or a program that this one has started elsewhere.
                Ok(()) => match within(GRACE, process.listening(port)).await.unwrap_or(Ok(None))? {
                    None => return Ok((process, ([127, 0, 0, 1], port).into())),
                    Some(exit) => how(exit),
                },
                Err(error) => format!("{error:#}"),
            },
        };
        let ended = process.close().await;
        let words = last_words(log);
        if choices < PORT_CHOICES && words.to_ascii_lowercase().contains("address already in use") {
            // Another program was quicker: that says nothing about this one.
            ended?;
            fs::remove_file(log).context("failed to remove the interface's log")?;
            continue;
        }
        let what = format!("the interface {} does not start: {failed}\n  log: {words}\n ", program.label());
        let cure = "it must listen on 127.0.0.1 and the port PORT; run it by hand with KRATOS_PUBLIC_URL and PORT set";
        return Err(Missing::new(what, cure).into());
    }
}

/// How it ended, in words. The codes are those of a shell (POSIX, Shell Command Language, section 2.8.2).
fn how(exit: ExitStatus) -> String {
    match exit.code() {
        Some(127) => "it exited (code 127: there is no such program)".to_owned(),
        Some(126) => "it exited (code 126: it cannot be executed)".to_owned(),
        Some(code) => format!("it exited (code {code}) before it answered"),
        None => format!("it ended ({exit}) before it answered"),
    }
}

/// The end of what it wrote, on one line for each of its own.
fn last_words(log: &Path) -> String {
    let text = fs::read(log).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return "(empty)".to_owned();
    }
    lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n       ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_keeps_what_the_command_sets_to_itself() {
        let command = "A=1 B='a secret' C=\"x\" npm start -- --port=$PORT".to_owned();
        let program = UiProgram { command, folder: PathBuf::from("/"), patience: Duration::ZERO };

        assert_eq!(program.label(), "`A=... B=... C=... npm start -- --port=$PORT`");
    }
}
