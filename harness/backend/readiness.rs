//! When one of Ory's servers is ready, and why it is not: its health, its early exit, its log's own words.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use reqwest::StatusCode;
use serde_json::Value;

use super::service::Service;
use crate::wait::wait_until;

/// How long a server may take until it is ready. Eight Kratos at once on two cores took 3.6 s.
pub(super) const READY_LIMIT: Duration = Duration::from_secs(30);

/// How often it is asked.
const READY_EVERY: Duration = Duration::from_millis(25);

/// How many inotify instances all programs of one user may have (inotify(7)). Each server and each browser has one or two.
const INSTANCES: &str = "/proc/sys/fs/inotify/max_user_instances";

/// How often other ports are chosen when a program took one before the server did.
pub(crate) const PORT_CHOICES: usize = 3;

/// Whether a start failed because another program was quicker to take a port, which says nothing about the server.
pub(super) fn lost_its_port(error: &anyhow::Error) -> bool {
    error.to_string().contains("address already in use")
}

/// Waits until both of its APIs answer 200 at these paths.
///
/// # Errors
/// When the server exits early or is not ready in time; the error quotes what it refuses, or its log's last words. When
/// another program answers in its place, it has lost its port ([`lost_its_port`]).
pub(super) async fn ready(service: &mut Service, http: &reqwest::Client, [public, admin]: [&str; 2]) -> Result<()> {
    for (address, path) in [(service.public(), public), (service.admin(), admin)] {
        let url = format!("http://{address}{path}");
        answers(service, http, &url, READY_LIMIT, |status| status == StatusCode::OK).await?;
    }
    if !service.listens() {
        bail!("another program answers on a port of {}: address already in use", service.name());
    }
    Ok(())
}

/// Waits until a URL of it answers with a status that will do.
///
/// # Errors
/// As [`ready`].
pub(super) async fn answers(
    service: &mut Service,
    http: &reqwest::Client,
    url: &str,
    limit: Duration,
    will_do: fn(StatusCode) -> bool,
) -> Result<()> {
    let name = service.name().to_owned();
    let log = service.log().to_owned();
    let what = format!("GET {url} of {name}");
    let answers = wait_until(&what, limit, READY_EVERY, || async move {
        match http.get(url).send().await {
            Ok(answer) if will_do(answer.status()) => Ok(()),
            Ok(answer) => Err(format!("status {}", answer.status())),
            Err(error) if error.is_connect() => Err("connection refused".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    });
    tokio::select! {
        answered = answers => answered.map_err(|error| anyhow!("{error}; its log: {}", last_words(&log))),
        exit = service.exited() => {
            let code = exit?.brief();
            let words = fs::read_to_string(&log).unwrap_or_default();
            let refused = refused_keys(&words);
            if refused.is_empty() {
                bail!("{name} exited ({code}) before it was ready; its log: {}{}", last_words(&log), watchers(&words))
            }
            bail!("{name} exited ({code}): it refuses its configuration\n  {}", refused.join("\n  "))
        }
    }
}

/// What a server lacks that watches its files: the kernel says the same of file handles and of inotify instances, but names
/// the file only of the former (fsnotify v1.7).
fn watchers(log: &str) -> String {
    if !log.lines().any(|line| line.trim() == "Error: too many open files") {
        return String::new();
    }
    let limit = fs::read_to_string(INSTANCES).unwrap_or_default();
    format!(
        "\n  (hint: all programs of a user share {} inotify instances; fewer with `--jobs`, \
         or more with `sysctl fs.inotify.max_user_instances=1024`)",
        limit.trim()
    )
}

/// The last line of a log that says something, for an error's text.
pub(super) fn last_words(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let telling = |line: &&str| {
        let line = line.to_ascii_lowercase();
        ["error", "fatal", "panic", "unable", "failed"].iter().any(|word| line.contains(word))
    };
    let line = text.lines().rev().find(telling).or_else(|| text.lines().last()).unwrap_or("(empty)");
    match serde_json::from_str::<Value>(line) {
        Ok(entry) => [&entry["msg"], &entry["error"]["message"], &entry["error"]["reason"]]
            .iter()
            .filter_map(|it| it.as_str())
            .collect::<Vec<_>>()
            .join(": "),
        Err(_) => line.to_owned(),
    }
}

/// The keys that Kratos refuses, in dots, with its reason. Kratos prints one line a key such as
/// `I[#/serve/public/port] S[#/properties/...] expected integer, but got string` (ory/jsonschema v3.0.8).
fn refused_keys(log: &str) -> Vec<String> {
    let mut keys: Vec<String> = log
        .lines()
        .filter_map(|line| {
            let (pointer, rest) = line.trim_start().strip_prefix("I[#")?.split_once(']')?;
            let (schema, reason) = rest.trim_start().strip_prefix("S[#")?.split_once(']')?;
            if schema.is_empty() {
                return None;
            }
            let key = pointer.trim_start_matches('/').replace('/', ".");
            let reason = reason.trim();
            Some(if key.is_empty() { reason.to_owned() } else { format!("{key}: {reason}") })
        })
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_keys_are_named_once() {
        let log = "msg=Unable error=map[message:I[#] S[#] validation failed\n  \
                   I[#/serve/public/port] S[#/properties/serve/type] expected integer, but got string\n  \
                   I[#] S[#/additionalProperties] additionalProperties \"foo\" not allowed] service_name=Ory Kratos\n\
                   Error: I[#] S[#] validation failed\n  \
                   I[#/serve/public/port] S[#/properties/serve/type] expected integer, but got string\n";

        let keys = refused_keys(log);

        assert!(keys.contains(&"serve.public.port: expected integer, but got string".to_owned()), "{keys:?}");
        assert!(keys.iter().any(|key| key.starts_with("additionalProperties \"foo\" not allowed")), "{keys:?}");
    }
}
