//! The API clients that a case drives. Each goes through its own listener of the edge.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use tokio::io::AsyncReadExt;

use super::{AppClient, AppRun, ask};
use crate::backend::{Launch, Missing, Output};
use crate::wait::{crowding, within};

/// How long a client program may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// How long curl itself waits, for its own words to be the first that tell of it.
const OWN_LIMIT: Duration = Duration::from_secs(20);

/// Case files that would get there are refused when they are read.
const NO_SINGLE_REQUEST: &str = "this client sends no single requests; it runs what was saved in it";

/// What came back: the status, and the body where it is JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The JSON body; `null` where it is none.
    pub body: Value,
}

/// An API client.
#[derive(Debug)]
pub enum ApiClient {
    /// A plain HTTP client of the harness.
    Http(reqwest::Client),
    /// The real curl.
    Curl(Curl),
    /// An application, which runs what a person saved in it.
    App(AppClient),
}

/// The real curl, started anew for each request, as a person does.
#[derive(Debug)]
pub struct Curl {
    program: PathBuf,
    listener: SocketAddr,
    authority: PathBuf,
    folder: PathBuf,
    jar: Option<PathBuf>,
}

impl ApiClient {
    /// A plain HTTP client, with a cookie jar or without.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn http(listener: SocketAddr, authority_pem: &str, jar: Jar) -> Result<Self> {
        Ok(Self::Http(super::through(listener, authority_pem, jar)?))
    }

    /// The real curl, with a cookie jar (`-b` and `-c`) or without.
    ///
    /// # Errors
    /// When there is none on PATH.
    pub fn curl(listener: SocketAddr, authority: &Path, folder: &Path, jar: Jar) -> Result<Self> {
        let program = curl_program()
            .ok_or_else(|| Missing::new("curl was not found on PATH", "apt-get install curl, or scripts/setup"))?;
        Ok(Self::Curl(Curl {
            program,
            listener,
            authority: authority.to_owned(),
            folder: folder.to_owned(),
            jar: (jar == Jar::Kept).then(|| folder.join("cookies.txt")),
        }))
    }

    /// GETs a URL as JSON.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn get(&self, url: &str) -> Result<Reply> {
        match self {
            Self::Http(client) => reply(ask(client.get(url).header("Accept", "application/json")).await).await,
            Self::Curl(curl) => curl.run(url, None, &[]).await,
            Self::App(_) => bail!(NO_SINGLE_REQUEST),
        }
    }

    /// POSTs JSON to a URL, with more headers.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn post(&self, url: &str, body: &Value, headers: &[(String, String)]) -> Result<Reply> {
        match self {
            Self::Http(client) => {
                let mut request = client.post(url).header("Accept", "application/json").json(body);
                for (name, value) in headers {
                    request = request.header(name, value);
                }
                reply(ask(request).await).await
            }
            Self::Curl(curl) => curl.run(url, Some(body), headers).await,
            Self::App(_) => bail!(NO_SINGLE_REQUEST),
        }
    }

    /// Runs what a person saved in an application.
    ///
    /// # Errors
    /// When it is none, or the run fails.
    pub async fn run(&self, run: &AppRun<'_>) -> Result<()> {
        match self {
            Self::App(app) => app.run(run).await,
            Self::Http(_) | Self::Curl(_) => bail!("this client runs nothing that was saved; it sends single requests"),
        }
    }
}

/// Whether a client keeps cookies and sends them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jar {
    /// It does.
    Kept,
    /// It does not.
    None,
}

/// Where curl lies.
pub fn curl_program() -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join("curl")).find(|path| path.is_file())
}

async fn reply(answer: Result<reqwest::Response>) -> Result<Reply> {
    let answer = answer.context("the HTTP client got no answer")?;
    let status = answer.status().as_u16();
    let text = answer.text().await.context("the HTTP client could not read the answer")?;
    Ok(Reply { status, body: serde_json::from_str(&text).unwrap_or(Value::Null) })
}

impl Curl {
    /// An argument that has curl read this from a file, so that no secret shows in a list of processes.
    fn file(&self, name: &str, text: &str) -> Result<String> {
        let path = self.folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))?;
        Ok(format!("@{}", path.display()))
    }

    async fn run(&self, url: &str, body: Option<&Value>, headers: &[(String, String)]) -> Result<Reply> {
        // It counts real seconds.
        let limit = OWN_LIMIT.mul_f64(crowding()).as_secs().to_string();
        let mut arguments: Vec<String> = [
            // First of all: no ~/.curlrc.
            "--disable",
            // The address is one, whatever brackets are in it.
            "--globoff",
            "--silent",
            "--show-error",
            "--max-time",
            &limit,
            "--write-out",
            "\n%{http_code}",
            "--header",
            "Accept: application/json",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.extend(["--proxy".to_owned(), format!("http://{}", self.listener)]);
        arguments.extend(["--cacert".to_owned(), self.authority.display().to_string()]);
        if let Some(jar) = &self.jar {
            let jar = jar.display().to_string();
            arguments.extend(["--cookie".to_owned(), jar.clone(), "--cookie-jar".to_owned(), jar]);
        }
        if !headers.is_empty() {
            let lines = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect::<String>();
            arguments.extend(["--header".to_owned(), self.file("headers", &lines)?]);
        }
        if let Some(body) = body {
            arguments.extend(["--header".to_owned(), "Content-Type: application/json".to_owned()]);
            arguments.extend(["--data-binary".to_owned(), self.file("body.json", &body.to_string())?]);
        }
        arguments.push(url.to_owned());

        let log = self.folder.join("curl.log");
        let mut process =
            Launch::new(&self.program, &self.folder, Output::Piped(log.clone())).args(&arguments).start()?;
        let mut stdout = process.take_stdout().context("curl's output is not piped")?;
        let mut text = String::new();
        let ended = async {
            stdout.read_to_string(&mut text).await.context("failed to read curl's output")?;
            process.exited().await
        };
        let exit = match within(ANSWER_LIMIT, ended).await {
            Ok(exit) => exit?,
            Err(deadline) => bail!("curl did not end within {deadline}"),
        };
        process.close().await?;
        if !exit.success() {
            let words = std::fs::read_to_string(&log).unwrap_or_default();
            bail!("curl failed ({exit}): {}", words.trim().lines().last().unwrap_or("it said nothing"));
        }
        let (body, status) = text.rsplit_once('\n').ok_or_else(|| anyhow!("curl wrote no status"))?;
        Ok(Reply {
            status: status.trim().parse().with_context(|| format!("curl's status `{status}` is no number"))?,
            body: serde_json::from_str(body).unwrap_or(Value::Null),
        })
    }
}
