//! The browser engines: where their programs lie, what each session asks for, and how each driver is started.

mod chromium;
mod firefox;
mod webkitgtk;

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::program::Program;
use crate::backend::Missing;

/// How long a browser itself lets a page take to load, which is less than a command may take: so it says why.
pub(super) const PAGE_LIMIT: Duration = Duration::from_secs(15);

/// The same for a script.
pub(super) const SCRIPT_LIMIT: Duration = Duration::from_secs(10);

fn timeouts() -> Value {
    json!({ "pageLoad": PAGE_LIMIT.as_millis() as u64, "script": SCRIPT_LIMIT.as_millis() as u64 })
}

/// A browser engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Chromium with chromedriver.
    #[default]
    Chromium,
    /// Firefox with geckodriver.
    Firefox,
    /// WebKitGTK's `MiniBrowser` with WebKitWebDriver, on a display of its own.
    WebKitGtk,
}

/// Whether a page may store and send the cookies of another site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThirdPartyCookies {
    /// It may, in every engine.
    #[default]
    Allow,
    /// It may not: neither are they stored, nor are those sent that were stored at a visit of the other site itself.
    Block,
}

/// Whether a person can see the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Headless, or on a display that nobody sees.
    Hidden,
    /// A real window on the display.
    Shown,
}

/// What a browser is to be.
#[derive(Debug, Clone, Copy)]
pub struct BrowserSettings {
    /// The engine.
    pub engine: Engine,
    /// The listener that all its requests go through.
    pub listener: SocketAddr,
    /// Whether it has a window.
    pub window: Window,
    /// Third-party cookies; every engine has a default of its own, so that this is always said.
    pub third_party_cookies: ThirdPartyCookies,
    /// Whether its own Intelligent Tracking Prevention is on, which WebKitGTK alone has.
    pub tracking_prevention: bool,
}

impl BrowserSettings {
    /// The browser's program, by its variable or on the usual paths.
    pub fn binary(&self) -> Option<PathBuf> {
        match self.engine {
            Engine::Chromium => chromium::binary(self),
            Engine::Firefox | Engine::WebKitGtk => self.engine.programs().first()?.find(),
        }
    }

    /// The command by which a person opens such a browser on a page.
    pub fn by_hand(&self, profile: &Path, page: &str) -> String {
        let binary = self.binary().unwrap_or_else(|| self.engine.name().into());
        let (binary, profile, listener) = (binary.display(), profile.display(), self.listener);
        match self.engine {
            Engine::Chromium => format!(
                "{binary} --proxy-server=http://{listener} '--proxy-bypass-list=<-loopback>' \
                 --ignore-certificate-errors --user-data-dir={profile} {page}"
            ),
            // Firefox takes a proxy from its settings alone: those of a `user.js` in the profile.
            Engine::Firefox => format!(
                "echo '{}' > {profile}/user.js; {binary} --no-remote --profile {profile} {page}",
                firefox::user_settings(listener)
            ),
            Engine::WebKitGtk => {
                format!("{binary} {} --ignore-tls-errors {page}", webkitgtk::arguments(self).join(" "))
            }
        }
    }
}

/// How a driver tells that it listens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ready {
    /// It writes a line that has this.
    Says(&'static str),
    /// It says nothing: its port is looked at.
    Listens,
}

/// How a driver is started.
#[derive(Debug)]
pub(super) struct DriverStart {
    /// Its arguments.
    pub(super) arguments: Vec<OsString>,
    /// Its variables, besides those that keep its files together.
    pub(super) environment: Vec<(&'static str, OsString)>,
    /// What the command lines of helpers have that leave the process group.
    pub(super) helpers: Option<OsString>,
    /// How it tells that it listens.
    pub(super) ready: Ready,
    /// What its last words have where another program has the port.
    pub(super) port_taken: &'static str,
}

impl Engine {
    /// Every engine that the harness knows.
    pub const ALL: [Self; 3] = [Self::Chromium, Self::Firefox, Self::WebKitGtk];

    /// The name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::WebKitGtk => "webkitgtk",
        }
    }

    /// The programs that it needs: the browser, its driver, and what else.
    pub fn programs(self) -> &'static [Program] {
        match self {
            Self::Chromium => &chromium::PROGRAMS,
            Self::Firefox => &firefox::PROGRAMS,
            Self::WebKitGtk => &webkitgtk::PROGRAMS,
        }
    }

    /// The programs that it does without.
    pub fn optional_programs(self) -> &'static [Program] {
        match self {
            Self::Chromium => &[chromium::HEADLESS],
            Self::Firefox | Self::WebKitGtk => &[],
        }
    }

    /// The driver's program, by its variable or on the usual paths.
    pub fn driver(self) -> Option<PathBuf> {
        self.programs().get(1)?.find()
    }

    /// What the machine lacks to run it; nothing when all its programs are here.
    pub fn lacks(self) -> Option<Missing> {
        self.programs().iter().find_map(Program::lacks)
    }

    /// The engines that can run on this machine.
    pub fn installed() -> Vec<Self> {
        Self::ALL.into_iter().filter(|engine| engine.lacks().is_none()).collect()
    }

    /// Whether its browser runs only on a display.
    pub(super) fn needs_display(self) -> bool {
        self == Self::WebKitGtk
    }

    /// What a New Session asks for: quiet, every request through the listener, one policy of third-party cookies.
    /// Firefox may be given a profile that was made for it.
    pub(super) fn capabilities(
        self,
        binary: &Path,
        settings: &BrowserSettings,
        profile: Option<&Path>,
    ) -> Map<String, Value> {
        let capabilities = match self {
            Self::Chromium => chromium::capabilities(binary, settings),
            Self::Firefox => firefox::capabilities(binary, settings, profile),
            Self::WebKitGtk => webkitgtk::capabilities(binary, settings),
        };
        match capabilities {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// The same for a browser elsewhere: its own driver finds it, and no path of this machine is told.
    pub(super) fn remote_capabilities(self, settings: &BrowserSettings) -> Map<String, Value> {
        let mut all = self.capabilities(Path::new(""), settings, None);
        for options in ["goog:chromeOptions", "moz:firefoxOptions"] {
            if let Some(Value::Object(options)) = all.get_mut(options) {
                options.remove("binary");
            }
        }
        if self == Self::Firefox {
            // The driver's environment is not ours to set; Firefox's is.
            let variables = firefox::VARIABLES.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
            if let Some(Value::Object(options)) = all.get_mut("moz:firefoxOptions") {
                options.insert("env".to_owned(), Value::Object(variables.collect()));
            }
        }
        all
    }

    /// The name that a New Session asks for it by.
    pub(super) fn browser_name(self) -> &'static str {
        match self {
            Self::Chromium => "chrome",
            Self::Firefox => "firefox",
            Self::WebKitGtk => "MiniBrowser",
        }
    }

    /// How its driver is started on this port, with everything that it writes below `folder`.
    pub(super) fn driver_start(self, port: u16, folder: &Path) -> DriverStart {
        match self {
            Self::Chromium => chromium::driver_start(port, folder),
            Self::Firefox => firefox::driver_start(port, folder),
            Self::WebKitGtk => webkitgtk::driver_start(port),
        }
    }
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
