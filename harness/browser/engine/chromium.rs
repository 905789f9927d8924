//! Chromium, by chromedriver.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{BrowserSettings, DriverStart, Ready, ThirdPartyCookies, Window};
use crate::browser::program::Program;

pub(super) const PROGRAMS: [Program; 2] = [
    Program {
        name: "chromium",
        variable: "KRATOS_REPRO_CHROMIUM",
        // Debian's `chromium` is a shell wrapper; the program itself starts faster and in our process group.
        paths: &["/usr/lib/chromium/chromium"],
        entry: None,
        names: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
        package: "`apt-get install chromium` on Debian",
    },
    Program {
        name: "chromedriver",
        variable: "KRATOS_REPRO_CHROMEDRIVER",
        paths: &[],
        entry: None,
        names: &["chromedriver"],
        package: "`apt-get install chromium-driver` on Debian",
    },
];

/// Chromium's headless build: the same engine and the same network code without what surrounds a page, which starts with
/// a third of the processor time (0.24 s in place of 0.76 s, Chromium 156). It has no preferences, so that it cannot be
/// told to block third-party cookies.
pub(super) const HEADLESS: Program = Program {
    name: "chromium-headless-shell",
    variable: "KRATOS_REPRO_CHROMIUM_HEADLESS_SHELL",
    paths: &["/usr/lib/chromium/chromium-headless-shell"],
    entry: None,
    names: &["chromium-headless-shell", "chrome-headless-shell"],
    package: "`apt-get install chromium-headless-shell` on Debian",
};

/// The headless build where it is here and does, else the whole program; that alone where a person names it.
pub(super) fn binary(settings: &BrowserSettings) -> Option<PathBuf> {
    let [whole, _] = &PROGRAMS;
    let does = settings.window == Window::Hidden && settings.third_party_cookies == ThirdPartyCookies::Allow;
    let headless = if does && !whole.is_named() { HEADLESS.find() } else { None };
    headless.or_else(|| whole.find())
}

/// What no Chromium of ours may do on its own; found by running it beside a packet sniffer (Chromium 156).
const FLAGS: [&str; 21] = [
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

pub(super) fn capabilities(binary: &Path, settings: &BrowserSettings) -> Value {
    // No --user-data-dir: the profile that chromedriver makes below TMPDIR is quieter than an empty one,
    // with which Debian's Chromium asks for its start page.
    let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
    if settings.window == Window::Hidden {
        flags.push("--headless".to_owned());
    }
    let proxy = settings.listener.to_string();
    // Without the preference Debian's Chromium blocks third-party cookies.
    let cookies = match settings.third_party_cookies {
        ThirdPartyCookies::Allow => 2,
        ThirdPartyCookies::Block => 1,
    };
    json!({
        "browserName": "chrome",
        "acceptInsecureCerts": true,
        "proxy": { "proxyType": "manual", "httpProxy": proxy, "sslProxy": proxy },
        "timeouts": super::timeouts(),
        "goog:chromeOptions": {
            "binary": binary,
            "prefs": { "profile.cookie_controls_mode": cookies, "credentials_enable_service": false },
            "args": flags,
        },
    })
}

/// With port 0 chromedriver takes a port that is free on IPv4 and then ends if it is not free on IPv6 too, which on a
/// busy machine happens once in some thousand starts. So it is given one that no outgoing connection can have.
pub(super) fn driver_start(port: u16, folder: &Path) -> DriverStart {
    DriverStart {
        arguments: vec![format!("--port={port}").into()],
        environment: Vec::new(),
        // Chromium's crash handlers leave the process group.
        helpers: Some(format!("--database={}", folder.display()).into()),
        // "ChromeDriver was started successfully on port 38765."
        ready: Ready::Says("started successfully on port "),
        port_taken: "Address already in use",
    }
}
