//! WebKitGTK: its own `MiniBrowser`, by WebKitWebDriver. It has no headless mode, so it gets a display of its own.

use std::path::Path;

use serde_json::{Value, json};

use super::{BrowserSettings, DriverStart, Ready, ThirdPartyCookies};
use crate::browser::program::Program;

pub(super) const PROGRAMS: [Program; 3] = [
    Program {
        name: "MiniBrowser",
        variable: "KRATOS_REPRO_MINIBROWSER",
        paths: &[
            "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
            "/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
            "/usr/lib/webkit2gtk-4.1/MiniBrowser",
            "/usr/libexec/webkit2gtk-4.1/MiniBrowser",
        ],
        entry: None,
        names: &[],
        package: "`apt-get install webkit2gtk-driver` on Debian",
    },
    Program {
        name: "WebKitWebDriver",
        variable: "KRATOS_REPRO_WEBKITWEBDRIVER",
        paths: &[],
        entry: None,
        names: &["WebKitWebDriver"],
        package: "`apt-get install webkit2gtk-driver` on Debian",
    },
    Program {
        name: "Xvfb",
        variable: "KRATOS_REPRO_XVFB",
        paths: &[],
        entry: None,
        names: &["Xvfb"],
        package: "`apt-get install xvfb` on Debian",
    },
];

/// What makes a MiniBrowser as it is to be, whoever drives it.
pub(super) fn arguments(settings: &BrowserSettings) -> Vec<String> {
    let policy = match settings.third_party_cookies {
        ThirdPartyCookies::Allow => "always",
        ThirdPartyCookies::Block => "no-third-party",
    };
    // The `proxy` capability does not do: WebKit would speak TLS to the proxy.
    let mut arguments = vec![format!("--proxy=http://{}", settings.listener), format!("--cookies-policy={policy}")];
    // The policy alone would still send those that were stored at a visit of the other site.
    if settings.tracking_prevention || settings.third_party_cookies == ThirdPartyCookies::Block {
        arguments.push("--enable-itp".to_owned());
    }
    arguments
}

pub(super) fn capabilities(binary: &Path, settings: &BrowserSettings) -> Value {
    let mut arguments = vec!["--automation".to_owned()];
    arguments.extend(self::arguments(settings));
    json!({
        "acceptInsecureCerts": true,
        "timeouts": super::timeouts(),
        "webkitgtk:browserOptions": { "binary": binary, "args": arguments },
    })
}

pub(super) fn driver_start(port: u16) -> DriverStart {
    DriverStart {
        arguments: vec!["--host=127.0.0.1".into(), format!("--port={port}").into()],
        environment: vec![
            // Else GTK starts a message bus, which would outlive us.
            ("DBUS_SESSION_BUS_ADDRESS", "disabled:".into()),
            ("NO_AT_BRIDGE", "1".into()),
            ("GSETTINGS_BACKEND", "memory".into()),
            // Without a graphics card the shaders of a page's first frames cost 0.9 s of processor time, which made the
            // first click of a browser take 30 s on a busy machine. Compositing stays: without it no picture comes.
            ("WEBKIT_SKIA_ENABLE_CPU_RENDERING", "1".into()),
            // No page here plays anything; looking for what could takes 0.1 s of processor time at each start.
            ("GST_PLUGIN_SYSTEM_PATH_1_0", "".into()),
        ],
        helpers: None,
        ready: Ready::Listens,
        port_taken: "Unable to listen",
    }
}
