//! `ui` and `legacy`: the servers of a world as programs of their own, until they are asked to end.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as WordError;
use url::Url;

use super::{WrongCall, place, stop};
use crate::backend::Missing;
use crate::case::LegacySpec;
use crate::case::interface::{Credentials, Expired, Guard, Submit, TenantsBy};
use crate::client;
use crate::world::legacy::{Legacy, LegacySettings};
use crate::world::ui::{Ui, UiSettings, UiTenant};

/// Where a server listens. `HOST` and `PORT` are the variables that containers and platforms set.
#[derive(Debug, Args)]
pub(super) struct ListenArguments {
    /// The address to listen on.
    #[arg(long, env = "HOST", default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: IpAddr,
    /// The port to listen on; 0 is any that is free.
    #[arg(long, env = "PORT", default_value_t = 4455)]
    port: u16,
}

/// What the interface is started from; the variables of Ory's own interfaces mean the same here.
#[derive(Debug, Args)]
pub(super) struct UiArguments {
    #[command(flatten)]
    listen: ListenArguments,
    /// Kratos's public API, as this server reaches it.
    #[arg(long, env = "KRATOS_PUBLIC_URL", value_name = "URL")]
    kratos_public_url: Option<Url>,
    /// The same, by the name that Ory's newer interfaces have for it.
    #[arg(long, env = "ORY_SDK_URL", value_name = "URL")]
    ory_sdk_url: Option<Url>,
    /// Kratos's public API, as browsers reach it; where it is left out, as this server does.
    #[arg(long, env = "KRATOS_BROWSER_URL", value_name = "URL")]
    kratos_browser_url: Option<Url>,
    /// In place of one Kratos several, with commas between: the word in the paths, `=`, and the URL for all.
    #[arg(long = "tenant", env = "KRATOS_REPRO_TENANT", value_name = "WORD=URL", value_delimiter = ',')]
    #[arg(value_parser = tenant)]
    each_tenant: Vec<(String, Url)>,
    /// How tenants are told apart: `routes` (/login/WORD) or `choice` (/login?tenant=WORD).
    #[arg(long, env = "KRATOS_REPRO_TENANTS", default_value = "routes", value_parser = word::<TenantsBy>)]
    tenants: TenantsBy,
    /// How a form is sent: `form`, by the browser itself, or `ajax`, by a script.
    #[arg(long, env = "KRATOS_REPRO_SUBMIT", default_value = "form", value_parser = word::<Submit>)]
    submit: Submit,
    /// What is done against a second submit: `none`, `disable`, `flag`, or `disable-after-` and a time.
    #[arg(long, env = "KRATOS_REPRO_GUARD", default_value = "none")]
    guard: Guard,
    /// Whether the script sends cookies to Kratos: `include`, or `same-origin` for not.
    #[arg(long, env = "KRATOS_REPRO_CREDENTIALS", default_value = "include", value_parser = word::<Credentials>)]
    credentials: Credentials,
    /// What is done with a flow that has expired: `error`, `restart` or `follow`.
    #[arg(long, env = "KRATOS_REPRO_EXPIRED", default_value = "error", value_parser = word::<Expired>)]
    expired: Expired,
    /// The proxy by which this server reaches Kratos, such as a listener of the edge.
    #[arg(long, env = "KRATOS_REPRO_PROXY", value_name = "URL")]
    proxy: Option<Url>,
    /// The one certificate authority that this server trusts, as a PEM file; without it Kratos is asked by http only.
    #[arg(long, env = "KRATOS_REPRO_AUTHORITY", value_name = "FILE")]
    authority: Option<PathBuf>,
}

/// What the legacy system is started from.
#[derive(Debug, Args)]
pub(super) struct LegacyArguments {
    #[command(flatten)]
    listen: ListenArguments,
    /// Its users and what its hook answers: the block `legacy:` of a case, as YAML or JSON, or a file that holds it.
    #[arg(long, env = "KRATOS_REPRO_SETTINGS", value_name = "TEXT|FILE")]
    settings: String,
    /// The admin API of the Hydra that sends people to its pages, if one does.
    #[arg(long, env = "HYDRA_ADMIN_URL", value_name = "URL")]
    hydra_admin_url: Option<Url>,
}

impl ListenArguments {
    fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

impl UiArguments {
    /// The Kratos whose flows are shown.
    fn kratos(&self) -> Result<Vec<UiTenant>> {
        let public = self.kratos_public_url.as_ref().or(self.ory_sdk_url.as_ref());
        let shown: Vec<UiTenant> = match (public, self.each_tenant.as_slice()) {
            (Some(asked_at), []) => vec![UiTenant {
                name: "kratos".to_owned(),
                route: None,
                kratos: self.kratos_browser_url.as_ref().unwrap_or(asked_at).clone(),
                asked_at: asked_at.clone(),
            }],
            (None, []) => return Err(wrong("no Kratos is named (hint: set KRATOS_PUBLIC_URL)")),
            (None, several) => several
                .iter()
                .map(|(word, url)| UiTenant {
                    name: word.clone(),
                    route: Some(word.clone()),
                    kratos: url.clone(),
                    asked_at: url.clone(),
                })
                .collect(),
            (Some(_), _) => return Err(wrong("both one Kratos and tenants are named (hint: leave out one of them)")),
        };
        let twice = shown.iter().enumerate().find(|(at, one)| shown[..*at].iter().any(|it| it.name == one.name));
        if let Some((_, twice)) = twice {
            return Err(wrong(&format!("the tenant `{}` is named twice", twice.name)));
        }
        for url in shown.iter().flat_map(|one| [&one.kratos, &one.asked_at]) {
            if !["http", "https"].contains(&url.scheme()) {
                return Err(wrong(&format!("`{url}` is neither http nor https")));
            }
        }
        if let Some(one) = shown.iter().find(|one| one.asked_at.scheme() == "https" && self.authority.is_none()) {
            return Err(wrong(&format!(
                "`{}` is asked by https and nobody is trusted (hint: name the authority by `--authority`)",
                one.asked_at
            )));
        }
        Ok(shown)
    }
}

/// `ui`: serves the fixture interface.
pub(super) async fn ui(arguments: UiArguments) -> Result<u8> {
    let tenants = arguments.kratos()?;
    let authority = arguments.authority.as_deref().map(read).transpose()?;
    let client = client::alone(arguments.proxy.as_ref().map(Url::as_str), authority.as_deref());
    let listen = arguments.listen.address();
    let settings = UiSettings {
        submit: arguments.submit,
        guard: arguments.guard,
        templates: place::fixtures()?.join("ui"),
        expired: arguments.expired,
        credentials: arguments.credentials,
        url: Url::parse(&format!("http://{listen}/")).context("the address is part of no URL")?,
        tenants,
        tenants_by: arguments.tenants,
        client: client.map_err(|error| wrong(&format!("{error:#}")))?,
        listen,
    };
    let stop = stop::on_signals()?;
    let ui = Ui::start(settings).await.map_err(no_place)?;
    serve("ui", ui.addr(), stop).await;
    ui.close().await?;
    Ok(super::AS_EXPECTED)
}

/// `legacy`: serves the legacy system.
pub(super) async fn legacy(arguments: LegacyArguments) -> Result<u8> {
    let given = Path::new(&arguments.settings);
    let text = if given.is_file() { read(given)? } else { arguments.settings.clone() };
    let spec: LegacySpec = serde_saphyr::from_str(&text)
        .map_err(|error| wrong(&format!("the settings are neither a file nor a block `legacy:` of a case: {error}")))?;
    let hydra = arguments.hydra_admin_url.map(|url| url.as_str().trim_end_matches('/').to_owned());
    let settings = LegacySettings {
        hook: spec.hook(),
        users: spec.users.unwrap_or_default(),
        hydra,
        templates: place::fixtures()?.join("legacy"),
        listen: arguments.listen.address(),
    };
    let stop = stop::on_signals()?;
    let legacy = Legacy::start(settings).await.map_err(no_place)?;
    serve("legacy", legacy.addr(), stop).await;
    legacy.close().await?;
    Ok(super::AS_EXPECTED)
}

/// Says where it listens, and waits for the wish to end.
async fn serve(name: &str, addr: SocketAddr, mut stop: tokio::sync::watch::Receiver<bool>) {
    place::say(&format!("{name} listens on http://{addr}"));
    // An error only says that nobody is left who could wish it.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// A port that cannot be had is something that the machine lacks.
fn no_place(error: anyhow::Error) -> anyhow::Error {
    let taken = |cause: &std::io::Error| {
        use ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
        matches!(cause.kind(), AddrInUse | AddrNotAvailable | PermissionDenied)
    };
    if error.chain().filter_map(|cause| cause.downcast_ref()).any(taken) {
        return Missing::new(format!("{error:#}"), "HOST and PORT name another place").into();
    }
    error
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| wrong(&format!("`{}` cannot be read: {error}", path.display())))
}

fn wrong(text: &str) -> anyhow::Error {
    WrongCall(text.to_owned()).into()
}

/// A word of case files.
fn word<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, WordError> {
    T::deserialize(text.into_deserializer())
}

fn tenant(text: &str) -> Result<(String, Url), String> {
    let (word, url) = text.split_once('=').ok_or("write WORD=URL")?;
    let fit = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !fit {
        return Err(format!("`{word}` is no word for a path (hint: letters, digits, `-` and `_`)"));
    }
    Ok((word.to_owned(), Url::parse(url).map_err(|error| format!("`{url}` is no URL: {error}"))?))
}
