//! Pictures of a page: taken when it is at rest, with what must not be seen hidden.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::Browser;
use crate::wait::wait_until;

/// Hides what must not be seen in a picture: one-time codes and passwords, and what a second factor is made from, by the
/// names of its nodes (`ui/node/identifiers.go` of v1.3.1). The page is as before afterwards.
const MASK: &str = r#"
    const style = document.createElement('style');
    style.id = 'kratos-repro-mask';
    const typed = ['code', 'password', 'totp_code', 'lookup_secret'].map(it => `input[name=${it}]`);
    const shown = ['totp_qr', 'totp_secret_key', 'lookup_secret_codes']
        .flatMap(it => [`[id*=${it}]`, `[data-testid*=${it}]`]);
    style.textContent = `${typed} { -webkit-text-security: disc !important }
        ${[...shown, 'img[src^="data:"]']} { visibility: hidden !important }`;
    document.documentElement.append(style);
"#;

const UNMASK: &str = "document.getElementById('kratos-repro-mask')?.remove();";

/// Waits until the page was painted anew: WebKitGTK's picture is of what was painted last. A hidden page never is.
const PAINTED: &str = r#"
    const done = arguments[arguments.length - 1];
    if (document.hidden) done();
    else requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));
"#;

/// Whether a page shows all that it is going to show.
const AT_REST: &str = r#"return document.readyState === 'complete' && !document.querySelector('[aria-busy="true"]');"#;

/// How long a picture waits for that.
const REST_LIMIT: Duration = Duration::from_secs(2);

impl Browser {
    /// A picture of the page as PNG, with codes, passwords and keys hidden.
    ///
    /// # Errors
    /// When the browser gives none.
    pub async fn screenshot(&self) -> Result<Vec<u8>> {
        // A page that stays busy is shown as it is.
        let _ = self.at_rest().await;
        self.script(MASK, vec![]).await?;
        self.call("paint its page", self.client().execute_async(PAINTED, vec![])).await?;
        let picture = self.call("take a screenshot", self.client().screenshot()).await;
        self.script(UNMASK, vec![]).await?;
        picture
    }

    /// Waits until the page is loaded and says of nothing that it is still being fetched (`aria-busy`, WAI-ARIA 1.2,
    /// section 6.6): an answer that has crossed the edge is not on the page yet.
    async fn at_rest(&self) -> Result<()> {
        let what = format!("the page of browser `{}` to be at rest", self.name());
        wait_until(&what, REST_LIMIT, Duration::from_millis(20), || async {
            match self.script(AT_REST, vec![]).await {
                Ok(Value::Bool(true)) => Ok(()),
                Ok(_) => Err("it is busy".to_owned()),
                Err(error) => Err(format!("{error:#}")),
            }
        })
        .await
    }
}
