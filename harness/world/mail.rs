//! The mail sink: Kratos's HTTP courier posts every mail here, and a waiter is told when one arrives.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::wait::within;

/// What Kratos posts for each mail. Its default body lacks login and registration codes
/// (`courier/http_channel.go` of v1.3.1), so the template's data goes along whole. Kratos v1.0.0 calls all of it by the
/// names that it has in Go (`courier/http.go` there).
const BODY: &str = "
local renamed = {
  Recipient: 'recipient', TemplateType: 'template_type', Subject: 'subject', Body: 'body', TemplateData: 'template_data',
  RecoveryCode: 'recovery_code', RecoveryURL: 'recovery_url',
  VerificationCode: 'verification_code', VerificationURL: 'verification_url',
};
local rename(it) = { [if std.objectHas(renamed, key) then renamed[key] else key]: it[key] for key in std.objectFields(it) };
function(ctx) local mail = rename(ctx); {
  recipient: mail.recipient,
  template_type: mail.template_type,
  subject: mail.subject,
  body: mail.body,
  template_data: rename(mail.template_data),
}";

/// A mail as Kratos posted it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// To whom.
    pub recipient: String,
    /// Kratos's template type, such as `login_code_valid`.
    pub template_type: String,
    /// The subject line.
    pub subject: String,
    /// The text.
    pub body: String,
    /// The template's data: among others the code, and the link of a verification.
    pub template_data: Value,
    /// When it arrived.
    #[serde(skip, default = "Instant::now")]
    pub arrived: Instant,
}

impl Mail {
    /// The one-time code in it, whatever flow it belongs to.
    pub fn code(&self) -> Option<&str> {
        ["login_code", "registration_code", "recovery_code", "verification_code"]
            .iter()
            .find_map(|key| self.template_data.get(key)?.as_str())
    }

    /// The link in it: a verification's.
    pub fn link(&self) -> Option<&str> {
        ["verification_url", "recovery_url"].iter().find_map(|key| self.template_data.get(key)?.as_str())
    }
}

/// The mails of one world, in the order of their arrival.
#[derive(Debug)]
#[must_use = "the sink closes when it is dropped"]
pub struct MailSink {
    url: String,
    mails: Arc<Mutex<Vec<Mail>>>,
    count: watch::Sender<usize>,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Shelf {
    mails: Arc<Mutex<Vec<Mail>>>,
    count: watch::Sender<usize>,
}

impl MailSink {
    /// Starts to listen on a free port of an address of this machine, at which Kratos reaches it. Others may reach that
    /// too, so the sink takes mails at a path that nobody can guess.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(address: IpAddr) -> Result<Self> {
        let socket = TcpListener::bind((address, 0)).await.context("failed to open the mail sink")?;
        let address: SocketAddr = socket.local_addr().context("failed to read the mail sink's address")?;
        let path = secret_path()?;
        let mails = Arc::default();
        let count = watch::Sender::new(0);
        let shelf = Shelf { mails: Arc::clone(&mails), count: count.clone() };
        let router = Router::new().route(&path, post(receive)).with_state(shelf);
        let server = tokio::spawn(async move {
            let _ = axum::serve(socket, router).await;
        });
        Ok(Self { url: format!("http://{address}{path}"), mails, count, server })
    }

    /// The `courier` block of a Kratos configuration that sends here.
    pub fn courier(&self) -> Value {
        let body = base64::engine::general_purpose::STANDARD.encode(BODY);
        json!({
            "delivery_strategy": "http",
            "http": { "request_config": {
                "url": self.url,
                "method": "POST",
                "headers": { "Content-Type": "application/json" },
                "body": format!("base64://{body}"),
            }},
            // The default of one second would be most of a trial.
            "worker": { "pull_wait": "100ms", "pull_count": 10 },
        })
    }

    /// All mails so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until there are more mails than these.
    pub async fn changed(&self, known: usize) {
        // The sender lives as long as the sink, so the wait ends by a mail only.
        let _ = self.count.subscribe().wait_for(|count| *count > known).await;
    }

    /// Waits for a mail to this recipient beyond the first `read` ones.
    ///
    /// # Errors
    /// When none arrives within `limit`; the error says which mails did.
    pub async fn next(&self, recipient: &str, read: usize, limit: Duration) -> Result<Mail> {
        let mut count = self.count.subscribe();
        let arrival = async {
            loop {
                count.borrow_and_update();
                let found = self.mails().into_iter().filter(|mail| mail.recipient == recipient).nth(read);
                if let Some(mail) = found {
                    return mail;
                }
                if count.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        match within(limit, arrival).await {
            Ok(mail) => Ok(mail),
            Err(deadline) => {
                let seen: Vec<String> =
                    self.mails().iter().map(|mail| format!("{} to {}", mail.template_type, mail.recipient)).collect();
                let seen = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
                bail!("no mail to `{recipient}` within {deadline} (mails so far: {seen})")
            }
        }
    }
}

impl Drop for MailSink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn secret_path() -> Result<String> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).ok().context("the system gives no random bytes for a path")?;
    Ok(format!("/{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)))
}

async fn receive(State(shelf): State<Shelf>, Json(mail): Json<Mail>) -> StatusCode {
    let count = {
        let mut mails = shelf.mails.lock().unwrap_or_else(PoisonError::into_inner);
        mails.push(mail);
        mails.len()
    };
    shelf.count.send_replace(count);
    StatusCode::OK
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn send(sink: &MailSink, recipient: &str, code: &str) -> Result<()> {
        let mail = json!({
            "recipient": recipient, "template_type": "login_code_valid", "subject": "Use code", "body": "...",
            "template_data": { "login_code": code },
        });
        reqwest::Client::builder()
            .no_proxy()
            .tls_backend_preconfigured(crate::client::trust(None)?)
            .build()?
            .post(&sink.url)
            .json(&mail)
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }

    #[tokio::test]
    async fn a_waiter_gets_the_mail_of_its_recipient() -> Result<()> {
        let sink = MailSink::start(IpAddr::from([127, 0, 0, 1])).await?;
        let waiter = sink.next("ada@example.test", 0, Duration::from_secs(5));
        let sender = async {
            send(&sink, "bob@example.test", "111111").await?;
            send(&sink, "ada@example.test", "222222").await
        };

        let (mail, sent) = tokio::join!(waiter, sender);

        sent?;
        assert_eq!(mail?.code(), Some("222222"));
        Ok(())
    }

    #[tokio::test]
    async fn a_waiter_passes_over_what_was_read() -> Result<()> {
        let sink = MailSink::start(IpAddr::from([127, 0, 0, 1])).await?;
        send(&sink, "ada@example.test", "111111").await?;
        send(&sink, "ada@example.test", "222222").await?;

        let second = sink.next("ada@example.test", 1, Duration::from_secs(5)).await?;

        assert_eq!(second.code(), Some("222222"));
        Ok(())
    }

    #[tokio::test]
    async fn a_mail_that_never_comes_is_an_error_that_names_the_others() -> Result<()> {
        let sink = MailSink::start(IpAddr::from([127, 0, 0, 1])).await?;
        send(&sink, "bob@example.test", "111111").await?;

        let waited = sink.next("ada@example.test", 0, Duration::from_millis(30)).await;

        let error = waited.expect_err("there is no mail").to_string();
        assert!(
            error.contains("ada@example.test") && error.contains("login_code_valid to bob@example.test"),
            "{error}"
        );
        Ok(())
    }
}
