//! The browser engines: where their programs lie, and the capabilities that keep them quiet and behind the edge.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::backend::Missing;

/// A browser engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Chromium with chromedriver.
    Chromium,
}

/// What no Chromium of ours may do on its own; found by running it beside a packet sniffer (Chromium 156).
const CHROMIUM_FLAGS: [&str; 21] = [
    // Pages come from the world alone, and as root Chromium starts in no other way.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--disable-default-apps",
    "--disable-breakpad",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--window-size=1200,900",
    // The last two draw the address bar's suggestions, which nobody sees here, for a second of processor time.
    "--disable-features=NetworkTimeServiceQuerying,OptimizationHints,MediaRouter,Translate,\
     AutofillServerCommunication,WebUIOmniboxPopup,WebUIOmniboxAimPopup",
    "--gaia-url=http://127.0.0.1:9",
    "--allow-browser-signin=false",
    "--disable-client-side-phishing-detection",
    "--component-updater=url-source=http://127.0.0.1:9/",
    // Without this Chromium goes around the proxy for loopback addresses.
    "--proxy-bypass-list=<-loopback>",
    "--password-store=basic",
];

impl Engine {
    /// Every engine that the harness knows.
    pub const ALL: [Self; 1] = [Self::Chromium];

    /// The name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
        }
    }

    /// The browser's program, by its variable or on the usual paths.
    pub fn binary(self) -> Option<PathBuf> {
        match self {
            // Debian's `chromium` is a shell wrapper; the program itself starts faster and in our process group.
            Self::Chromium => {
                find("KRATOS_REPRO_CHROMIUM", &["/usr/lib/chromium/chromium"], &["chromium", "google-chrome"])
            }
        }
    }

    /// The driver's program, by its variable or on the usual paths.
    pub fn driver(self) -> Option<PathBuf> {
        match self {
            Self::Chromium => find("KRATOS_REPRO_CHROMEDRIVER", &[], &["chromedriver"]),
        }
    }

    /// What the machine lacks to run it; nothing when both programs are here.
    pub fn lacks(self) -> Option<Missing> {
        let (what, variable) = if self.binary().is_none() {
            (self.to_string(), "KRATOS_REPRO_CHROMIUM")
        } else if self.driver().is_none() {
            (format!("the WebDriver server of {self}"), "KRATOS_REPRO_CHROMEDRIVER")
        } else {
            return None;
        };
        Some(match std::env::var(variable).ok().filter(|path| !path.is_empty()) {
            Some(path) => Missing::new(
                format!("{what} was not found: `{path}` is no file"),
                format!("correct {variable}, or unset it and run scripts/setup"),
            ),
            None => Missing::new(
                format!("{what} was not found on PATH"),
                format!("run scripts/setup, or set {variable} to the program"),
            ),
        })
    }

    /// What a New Session asks for: quiet, headless unless `window`, every request through the listener.
    pub(super) fn capabilities(self, binary: &Path, listener: SocketAddr, window: Window) -> Map<String, Value> {
        let proxy = listener.to_string();
        let capabilities = match self {
            Self::Chromium => {
                // No --user-data-dir: the profile that chromedriver makes below TMPDIR is quieter than an empty one,
                // with which Debian's Chromium asks for its start page.
                let mut flags: Vec<String> = CHROMIUM_FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
                if window == Window::Hidden {
                    flags.push("--headless".to_owned());
                }
                json!({
                    "browserName": "chrome",
                    "acceptInsecureCerts": true,
                    "proxy": { "proxyType": "manual", "httpProxy": proxy, "sslProxy": proxy },
                    "timeouts": { "pageLoad": 15_000, "script": 10_000 },
                    "goog:chromeOptions": {
                        "binary": binary,
                        // 2 allows third-party cookies; without the preference Debian's Chromium blocks them.
                        "prefs": { "profile.cookie_controls_mode": 2, "credentials_enable_service": false },
                        "args": flags,
                    },
                })
            }
        };
        match capabilities {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }
}

/// Whether a person can see the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Headless.
    Hidden,
    /// A real window on the display.
    Shown,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|engine| engine.name() == text)
            .ok_or(format!("unknown engine `{text}` (known: {known})"))
    }
}

fn find(variable: &str, paths: &[&str], names: &[&str]) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let search: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let named = names.iter().flat_map(|name| search.iter().map(move |folder| folder.join(name)));
    paths.iter().map(PathBuf::from).chain(named).find(|path| path.is_file())
}
