//! A browser's jar of cookies, and how time is moved in it: no engine lets its clock be set by WebDriver, but each
//! takes a cookie with another end.
//!
//! The commands are given as they stand in WebDriver (section 14): a type for cookies between would lose the dot that
//! tells a domain's cookie from a host's, and add a `SameSite` that was not there.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fantoccini::wd::WebDriverCompatibleCommand;
use hyper::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;

use super::Browser;

/// An end may differ by this from what was asked for, in s: engines keep it to the second.
const SLACK: u64 = 2;

/// What tells a cookie from all others of a jar (RFC 6265, section 5.3): its name, domain and path. The domain begins
/// with a dot where the cookie is the whole domain's.
pub type CookieIdentity = (String, String, String);

/// The session's cookies, asked for or added to.
#[derive(Debug)]
enum Jar {
    List,
    Add(Value),
}

impl WebDriverCompatibleCommand for Jar {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, url::ParseError> {
        base_url.join(&format!("session/{}/cookie", session_id.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        match self {
            Self::List => (Method::GET, None),
            Self::Add(cookie) => (Method::POST, Some(json!({ "cookie": cookie }).to_string())),
        }
    }
}

impl Browser {
    /// Brings the cookies that this address gets so much nearer to their ends. A cookie whose end is past then, the
    /// browser itself forgets. `seen` says which have been moved already: a cookie of a domain is met at several hosts.
    ///
    /// # Errors
    /// When the browser does not take a cookie, or keeps one that is over.
    pub async fn age_cookies(&self, url: &str, by: Duration, seen: &mut Vec<CookieIdentity>) -> Result<()> {
        let by = i64::try_from(by.as_secs()).context("so much time cannot pass")?;
        self.in_new_tab(url, async || {
            let mut moved: Vec<(CookieIdentity, i64)> = Vec::new();
            for mut cookie in self.jar().await? {
                let identity = identity(&cookie);
                let Some(end) = cookie["expiry"].as_i64().filter(|_| !seen.contains(&identity)) else { continue };
                cookie["expiry"] = json!(end - by);
                if let Some(cookie) = cookie.as_object_mut().filter(|_| !identity.1.starts_with('.')) {
                    // With a domain in it, it would become the domain's and stand beside the host's.
                    cookie.remove("domain");
                }
                self.call("take a cookie", self.client().issue_cmd(Jar::Add(cookie))).await?;
                seen.push(identity.clone());
                moved.push((identity, end - by));
            }
            self.check_moved(&moved).await
        })
        .await
    }

    /// Deletes the cookies that this address gets, and says how many that were.
    ///
    /// # Errors
    /// When the browser keeps one.
    pub async fn delete_cookies(&self, url: &str) -> Result<usize> {
        self.in_new_tab(url, async || {
            let there = self.jar().await?.len();
            self.call("delete its cookies", self.client().delete_all_cookies()).await?;
            let left = self.jar().await?;
            ensure!(left.is_empty(), "browser `{}` keeps {} cookies that were to be deleted", self.name(), left.len());
            Ok(there)
        })
        .await
    }

    /// Whether the browser goes by the new ends.
    async fn check_moved(&self, moved: &[(CookieIdentity, i64)]) -> Result<()> {
        let left = self.jar().await?;
        let now = Timestamp::now().as_second();
        for (cookie, end) in moved {
            let (browser, name) = (self.name(), &cookie.0);
            let Some(kept) = left.iter().find(|it| identity(it) == *cookie) else {
                ensure!(*end <= now, "browser `{browser}` forgot the cookie {name}, whose end is not past");
                continue;
            };
            ensure!(*end > now, "browser `{browser}` keeps the cookie {name}, whose end is past");
            match kept["expiry"].as_i64() {
                Some(kept) if kept.abs_diff(*end) <= SLACK => {}
                kept => bail!("browser `{browser}` ends the cookie {name} at {kept:?} in place of {end}"),
            }
        }
        Ok(())
    }

    /// The cookies that the page's address gets, as WebDriver has them.
    async fn jar(&self) -> Result<Vec<Value>> {
        match self.call("list its cookies", self.client().issue_cmd(Jar::List)).await? {
            Value::Array(cookies) => Ok(cookies),
            other => bail!("browser `{}` gave no list of cookies: {other}", self.name()),
        }
    }
}

fn identity(cookie: &Value) -> CookieIdentity {
    let text = |key: &str| cookie[key].as_str().unwrap_or_default().to_owned();
    (text("name"), text("domain"), text("path"))
}
