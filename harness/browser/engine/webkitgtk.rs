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

pub(super) fn capabilities(binary: &Path, settings: &BrowserSettings) -> Value {
    // The `proxy` capability does not do: WebKit would speak TLS to the proxy.
    let mut arguments = vec!["--automation".to_owned(), format!("--proxy=http://{}", settings.listener)];
    match settings.third_party_cookies {
        ThirdPartyCookies::Allow => arguments.push("--cookies-policy=always".to_owned()),
        ThirdPartyCookies::Block => {
            arguments.push("--cookies-policy=no-third-party".to_owned());
            // The policy alone would still send those that were stored at a visit of the other site.
            arguments.push("--enable-itp".to_owned());
        }
    }
    json!({
        "acceptInsecureCerts": true,
        "timeouts": { "pageLoad": 15_000, "script": 10_000 },
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
        ],
        helpers: None,
        ready: Ready::Listens,
        port_taken: "Unable to listen",
    }
}
