//! A warm start for Firefox. At the first start of a profile it compiles its own scripts, a second of processor time;
//! what comes of that is kept in the cache and put into every fresh profile. No page has a part in it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use fantoccini::ClientBuilder;
use hyper_util::client::legacy::connect::HttpConnector;
use sha2::{Digest, Sha256};

use super::{BrowserSettings, Driver, Engine, ThirdPartyCookies, Window};
use crate::backend::cache::{self, Cache};
use crate::backend::progress::Progress;
use crate::backend::{Claim, identify};

/// The folder in a profile that holds the compiled scripts, and nothing else.
const SCRIPTS: &str = "startupCache";

/// What Firefox judges by whether that folder is its own: its version, build and place.
const OWNER: &str = "compatibility.ini";

/// How long one start and end of Firefox may take. It takes 4 s; on a machine with ten times more work than cores, 15 s.
const LIMIT: Duration = Duration::from_secs(120);

/// Starts Firefox once without a page and keeps what it compiled, unless that has been done or there is no Firefox.
/// Takes 4 s.
///
/// # Errors
/// When Firefox does not start, or the cache cannot be written.
pub async fn prepare(cache: &Cache, progress: &mut Progress) -> Result<()> {
    let Some(settings) = settings().filter(|_| Engine::Firefox.lacks().is_none()) else { return Ok(()) };
    let binary = settings.binary().context("Firefox is gone")?;
    let unfinished = match cache.claim(&entry(&binary)?, progress).await? {
        Claim::Ready(_) => return Ok(()),
        Claim::Unfinished(unfinished) => unfinished,
    };
    progress.begin("starting Firefox once, so that later starts are quick");
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let profile = folder.path().join("profile");
    fs::create_dir(&profile).context("cannot make a profile")?;
    let driver = Driver::start(Engine::Firefox, folder.path(), None).await?;
    let started = tokio::time::timeout(LIMIT, start_and_end(&driver, &settings, &binary, &profile)).await;
    driver.close().await?;
    started.map_err(|_| anyhow!("Firefox did not start and end within {} s", LIMIT.as_secs()))??;
    let keep = |name: &str| copy(&profile.join(name), &unfinished.folder().join(name));
    keep(SCRIPTS).and_then(|()| keep(OWNER)).map_err(|error| cache.explain(error))?;
    unfinished.finish()?;
    progress.finish("started Firefox once");
    Ok(())
}

/// A fresh profile for Firefox in `folder`, with what an earlier start compiled; nothing where none was kept.
///
/// # Errors
/// When the files cannot be copied.
pub(super) fn profile(binary: &Path, folder: &Path) -> Result<Option<PathBuf>> {
    let Some(kept) = entry(binary).ok().and_then(|name| cache::entry_at(&name)) else { return Ok(None) };
    let profile = folder.join("profile");
    let fill = || {
        fs::create_dir(&profile)?;
        copy(&kept.join(SCRIPTS), &profile.join(SCRIPTS))?;
        copy(&kept.join(OWNER), &profile.join(OWNER))
    };
    fill().with_context(|| format!("failed to make the profile `{}`", profile.display()))?;
    Ok(Some(profile))
}

/// A Firefox that has no way out: nobody listens on the port of its proxy.
fn settings() -> Option<BrowserSettings> {
    let settings = BrowserSettings {
        engine: Engine::Firefox,
        listener: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
        window: Window::Hidden,
        third_party_cookies: ThirdPartyCookies::Allow,
        tracking_prevention: false,
    };
    settings.binary().is_some().then_some(settings)
}

/// Firefox writes down what it compiled when it ends by itself.
async fn start_and_end(driver: &Driver, settings: &BrowserSettings, binary: &Path, profile: &Path) -> Result<()> {
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(Engine::Firefox.capabilities(binary, settings, Some(profile)));
    let client = builder.connect(driver.url()).await.map_err(|error| anyhow!("failed to start Firefox: {error}"))?;
    client.close().await.map_err(|error| anyhow!("failed to end Firefox: {error}"))
}

/// The entry of the cache, another one for another Firefox.
fn entry(binary: &Path) -> Result<String> {
    let hash = format!("{:x}", Sha256::digest(identify(binary)?));
    Ok(format!("firefox-start-{}", &hash[..16]))
}

/// Copies a file, or a folder of files.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_file() {
        return fs::copy(from, to).map(|_| ());
    }
    fs::create_dir(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        fs::copy(file.path(), to.join(file.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_fresh_where_nothing_was_kept() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let binary = folder.path().join("firefox");
        fs::write(&binary, "another Firefox")?;

        assert_eq!(profile(&binary, folder.path())?, None);
        assert!(!folder.path().join("profile").exists(), "no folder was made");
        Ok(())
    }

    #[test]
    fn a_folder_is_copied_with_its_files() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir(&from)?;
        fs::write(from.join("a"), "1")?;

        copy(&from, &to)?;

        assert_eq!(fs::read_to_string(to.join("a"))?, "1");
        Ok(())
    }
}
