//! Firefox, by geckodriver. Debian's packages have no geckodriver, so setup builds it from the Rust registry.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{BrowserSettings, DriverStart, Ready, ThirdPartyCookies, Window};
use crate::backend::geckodriver;
use crate::browser::program::Program;

pub(super) const PROGRAMS: [Program; 2] = [
    Program {
        name: "firefox",
        variable: "KRATOS_REPRO_FIREFOX",
        paths: &["/usr/lib/firefox-esr/firefox-esr"],
        entry: None,
        names: &["firefox-esr", "firefox"],
        package: "`apt-get install firefox-esr` on Debian",
    },
    Program {
        name: "geckodriver",
        variable: "KRATOS_REPRO_GECKODRIVER",
        paths: &[],
        entry: Some(geckodriver::entry),
        names: &["geckodriver"],
        package: "`cargo install geckodriver --locked`",
    },
];

/// What no Firefox of ours may do on its own: found by running it beside a packet sniffer (Firefox ESR 153). The first
/// four keep every request behind the listener, those to loopback names too.
const SETTINGS: [(&str, Setting); 37] = [
    ("network.proxy.failover_direct", Setting::Is(false)),
    ("network.proxy.allow_bypass", Setting::Is(false)),
    ("network.proxy.allow_hijacking_localhost", Setting::Is(true)),
    ("network.proxy.no_proxies_on", Setting::Text("")),
    ("services.settings.server", Setting::Text("data:,#remote-settings-dummy/v1")),
    ("network.captive-portal-service.enabled", Setting::Is(false)),
    ("network.connectivity-service.enabled", Setting::Is(false)),
    ("network.trr.mode", Setting::Number(5)),
    ("network.prefetch-next", Setting::Is(false)),
    ("network.dns.disablePrefetch", Setting::Is(true)),
    ("network.http.speculative-parallel-limit", Setting::Number(0)),
    ("app.update.enabled", Setting::Is(false)),
    ("app.normandy.enabled", Setting::Is(false)),
    ("datareporting.policy.dataSubmissionEnabled", Setting::Is(false)),
    ("toolkit.telemetry.enabled", Setting::Is(false)),
    ("dom.push.connection.enabled", Setting::Is(false)),
    ("extensions.update.enabled", Setting::Is(false)),
    ("extensions.getAddons.cache.enabled", Setting::Is(false)),
    ("browser.safebrowsing.malware.enabled", Setting::Is(false)),
    ("browser.safebrowsing.phishing.enabled", Setting::Is(false)),
    ("browser.region.network.url", Setting::Text("")),
    ("browser.startup.homepage", Setting::Text("about:blank")),
    ("browser.aboutwelcome.enabled", Setting::Is(false)),
    ("media.gmp-manager.updateEnabled", Setting::Is(false)),
    ("signon.autofillForms", Setting::Is(false)),
    ("signon.rememberSignons", Setting::Is(false)),
    ("security.OCSP.enabled", Setting::Number(0)),
    // The names of a test never lie on the person's own network.
    ("network.lna.enabled", Setting::Is(false)),
    // Processes and pages that no test comes to see; without them a start takes a fifth less processor time.
    ("dom.ipc.processPrelaunch.enabled", Setting::Is(false)),
    ("browser.tabs.remote.separatePrivilegedContentProcess", Setting::Is(false)),
    ("browser.newtabpage.enabled", Setting::Is(false)),
    ("browser.newtab.preload", Setting::Is(false)),
    ("browser.topsites.contile.enabled", Setting::Is(false)),
    ("extensions.webextensions.remote", Setting::Is(false)),
    ("media.rdd-process.enabled", Setting::Is(false)),
    ("media.utility-process.enabled", Setting::Is(false)),
    // Nor the extensions that come with it, none of which is for a page of a world: 1.6 s in place of 2.2 s (153 ESR).
    ("extensions.enabledScopes", Setting::Number(0)),
];

#[derive(Debug, Clone, Copy)]
enum Setting {
    Is(bool),
    Number(u32),
    Text(&'static str),
}

impl Setting {
    fn value(self) -> Value {
        match self {
            Self::Is(value) => value.into(),
            Self::Number(value) => value.into(),
            Self::Text(value) => value.into(),
        }
    }
}

/// The variables of a Firefox of ours.
pub(super) const VARIABLES: [(&str, &str); 4] = [
    // Without it Firefox ignores `services.settings.server`.
    ("MOZ_REMOTE_SETTINGS_DEVTOOLS", "1"),
    // Its crash helper would leave the process group.
    ("MOZ_CRASHREPORTER_DISABLE", "1"),
    ("MOZ_HEADLESS_WIDTH", "1200"),
    ("MOZ_HEADLESS_HEIGHT", "900"),
];

pub(super) fn capabilities(binary: &Path, settings: &BrowserSettings, profile: Option<&Path>) -> Value {
    let proxy = settings.listener.to_string();
    let mut all: Map<String, Value> =
        SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), value.value())).collect();
    // 0 accepts all, 1 rejects those of other sites; the default 5 keeps a jar for each pair of sites.
    let cookies = match settings.third_party_cookies {
        ThirdPartyCookies::Allow => 0,
        ThirdPartyCookies::Block => 1,
    };
    all.insert("network.cookie.cookieBehavior".to_owned(), cookies.into());
    let mut arguments = Vec::new();
    if settings.window == Window::Hidden {
        arguments.push("-headless".to_owned());
    }
    if let Some(profile) = profile {
        arguments.extend(["-profile".to_owned(), profile.display().to_string()]);
    }
    json!({
        "browserName": "firefox",
        "acceptInsecureCerts": true,
        "proxy": { "proxyType": "manual", "httpProxy": proxy, "sslProxy": proxy },
        "timeouts": super::timeouts(),
        "moz:firefoxOptions": { "binary": binary, "args": arguments, "prefs": all },
    })
}

pub(super) fn driver_start(port: u16, folder: &Path) -> DriverStart {
    DriverStart {
        arguments: vec![
            "--host".into(),
            "127.0.0.1".into(),
            "--port".into(),
            port.to_string().into(),
            // Else Firefox takes port 9222, which a second Firefox cannot.
            "--websocket-port".into(),
            "0".into(),
            "--profile-root".into(),
            folder.into(),
        ],
        environment: VARIABLES.map(|(name, value)| (name, value.into())).to_vec(),
        helpers: Some(folder.into()),
        ready: Ready::Says("Listening on 127.0.0.1:"),
        port_taken: "Address already in use",
    }
}

/// The lines of a `user.js` that put a Firefox behind a listener.
pub(super) fn user_settings(listener: SocketAddr) -> String {
    let (host, port) = (json!(listener.ip().to_string()), listener.port());
    let settings = [
        ("network.proxy.type", "1".to_owned()),
        ("network.proxy.http", host.to_string()),
        ("network.proxy.http_port", port.to_string()),
        ("network.proxy.ssl", host.to_string()),
        ("network.proxy.ssl_port", port.to_string()),
        ("network.proxy.allow_hijacking_localhost", "true".to_owned()),
    ];
    settings.map(|(name, value)| format!("user_pref(\"{name}\", {value});")).join(" ")
}
