//! Where a browser may be sent: to what comes through the edge, and to no file of this machine.

use anyhow::{Context, Result, ensure};
use url::Url;

/// Refuses an address that no listener of the edge would see: a picture of a `file:` would go into the report.
pub(super) fn must_be_of_the_web(text: &str) -> Result<()> {
    let url = Url::parse(text).with_context(|| format!("`{text}` is no address"))?;
    ensure!(
        ["http", "https"].contains(&url.scheme()),
        "a browser goes to addresses of http and https only, not to `{text}`"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::file("file:///etc/passwd")]
    #[case::file_after_a_space(" FILE:///etc/passwd")]
    #[case::page_of_its_own("data:text/html,<script></script>")]
    #[case::browser("about:config")]
    #[case::source("view-source:https://ui.example.test/")]
    #[case::path("/etc/passwd")]
    fn what_is_not_of_the_web_is_refused(#[case] address: &str) {
        assert!(must_be_of_the_web(address).is_err(), "{address}");
    }

    #[rstest]
    #[case::secure("https://ui.example.test/welcome")]
    #[case::plain("http://127.0.0.1:4455/")]
    fn what_is_of_the_web_is_not(#[case] address: &str) -> Result<()> {
        must_be_of_the_web(address)
    }
}
