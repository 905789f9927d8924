//! Starts the inhabitants of a world, servers and browsers side by side.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::join_all;
use url::Url;

use super::clients::{ClientPlace, client_of};
use super::contained::ContainedSettings;
use super::front::Front;
use super::kratos::{Kratos, KratosSettings};
use super::mail::MailSink;
use super::migration::{Migration, MigrationSettings};
use super::ui::{Interface, Places, Told, Ui, UiSettings, UiTenant, UiWays};
use super::{Files, World, WorldSettings};
use crate::backend::{AddressWatch, ClockWatch, Ground};
use crate::browser::{Browser, BrowserSettings, Remote, Window};
use crate::case::interface::Submit;
use crate::case::{BrowserSpec, FaultSpec, HOSTS, HangUp, ItpSpec, KratosServer, Time, WorldSpec};
use crate::client::{self, ApiClient, Jar};
use crate::edge::policy::Itp;
use crate::edge::{Edge, Effect, Fault, Gate, Meeting};

impl World {
    /// Starts all inhabitants, servers and browsers side by side.
    ///
    /// # Errors
    /// The first that could not be started; what had been is closed again.
    pub async fn start(spec: &WorldSpec, settings: &WorldSettings) -> Result<Self> {
        // Databases, logs and keys are in it, and everybody may pass the estate.
        let folder = tempfile::Builder::new()
            .prefix("world-")
            .permissions(fs::Permissions::from_mode(0o700))
            .disable_cleanup(settings.files == Files::Kept)
            .tempdir_in(&settings.folder)
            .with_context(|| format!("failed to make a folder in `{}`", settings.folder.display()))?;
        // From before the browsers start, which break off by it.
        let addresses = AddressWatch::start()?;
        let clock = ClockWatch::start();
        let jitter = settings.jitter.clone().map(|jitter| Fault::new(Effect::Jitter(jitter)));
        let faults = spec.faults.iter().flatten().map(fault).chain(jitter).collect();
        let mut edge = Edge::new(&HOSTS, faults)?;
        let authority = folder.path().join("authority.pem");
        fs::write(&authority, edge.authority_pem())
            .with_context(|| format!("failed to write `{}`", authority.display()))?;
        for (host, record) in spec.dns_records() {
            edge.dns().tell(&host, record);
        }
        let ground = settings.backend.ground().await?;
        let mail = MailSink::start(ground.address()).await?;
        let servers = spec.servers();
        let places = places(spec, &servers)?;
        let clients = clients(spec, settings, folder.path(), &authority, &mut edge).await?;

        let mut kratos_starts = Vec::new();
        for server in &servers {
            kratos_starts.push(KratosSettings {
                name: server.name.clone(),
                url: Url::parse(&server.url).with_context(|| format!("`{}` is no URL", server.url))?,
                ground: ground.clone(),
                binary: settings.kratos.clone(),
                database: settings.database.clone(),
                profile: settings.fixtures.join("profiles").join(&server.profile),
                addresses: places.addresses(&server.name, &server.url)?,
                configs: server.configs.clone(),
                differences: settings.differences.clone(),
                dev: server.dev,
                courier: mail.courier(),
                proxy: proxy(&mut edge, &server.name, &ground).await?,
                authority: authority.clone(),
                folder: make(folder.path(), &server.name)?,
            });
        }
        let mut browser_starts = Vec::new();
        for (number, (name, spec)) in spec.browsers.iter().flatten().enumerate() {
            let elsewhere = settings.remote.as_ref().and_then(Remote::edge_address);
            let browser = admit(&mut edge, name, spec, settings.window, elsewhere).await?;
            // Short, because a browser makes a socket below it and the path of a socket is: see `LONGEST_FOLDER`.
            browser_starts.push((name.to_owned(), browser, make(folder.path(), &format!("b{number}"))?));
        }
        let browsers = start_browsers(settings.remote.as_ref(), browser_starts);
        let kratos = join_all(kratos_starts.iter().map(Kratos::start));
        let callback = |server: &KratosServer| format!("{}self-service/methods/oidc/callback/hydra", server.url);
        let migration = MigrationSettings {
            ground: ground.clone(),
            hydra: settings.hydra.clone(),
            fixtures: settings.fixtures.clone(),
            callbacks: servers.iter().map(callback).collect(),
            folder: folder.path().to_owned(),
        };
        let migration = Migration::start(spec, &migration, edge.names());
        let (kratos, browsers, migration) = tokio::join!(kratos, browsers, migration);

        let (kratos, kratos_failed) = started(kratos);
        let (browsers, browser_failed) = started(browsers);
        let migration = match (kratos_failed.or(browser_failed), migration) {
            (None, Ok(migration)) => migration,
            (failed, migration) => {
                // What came up is closed before the error is told; a failure of that never hides the first.
                let kratos = join_all(kratos.into_iter().map(Kratos::close));
                let _ = tokio::join!(join_all(browsers.into_iter().map(Browser::close)), kratos);
                return Err(match (failed, migration) {
                    (Some(error), Ok(migration)) => {
                        let _ = migration.close().await;
                        error
                    }
                    (Some(error), Err(_)) | (None, Err(error)) => error,
                    (None, Ok(_)) => unreachable!("one of them has failed"),
                });
            }
        };
        let is_fronted = |url: &Url| {
            spec.front.as_ref().is_some_and(|front| url.host_str().is_some_and(|host| front.hosts.contains_key(host)))
        };
        for kratos in kratos.iter().filter(|kratos| !is_fronted(kratos.url())) {
            edge.names().set_url(kratos.url(), kratos.public());
        }
        let pages = async {
            let ui = match &settings.interface {
                Interface::Ours => start_ui(spec, &servers, settings, &ground, folder.path(), &mut edge).await?,
                other => {
                    let servers = (kratos.as_slice(), &migration);
                    start_foreign(other, servers, &ground, folder.path(), places, &mut edge).await?
                }
            };
            edge.names().set_url(ui.url(), ui.addr());
            let front = start_front(spec, &ui, &kratos, folder.path()).await?;
            anyhow::Ok((ui, front))
        };
        let (ui, front) = match pages.await {
            Ok(pages) => pages,
            Err(error) => {
                let kratos = join_all(kratos.into_iter().map(Kratos::close));
                let browsers = join_all(browsers.into_iter().map(Browser::close));
                let _ = tokio::join!(browsers, kratos, migration.close());
                return Err(error);
            }
        };
        let fronted = spec.front.iter().flat_map(|front| front.hosts.keys());
        for (host, front) in fronted.flat_map(|host| front.iter().map(move |front| (host, front))) {
            edge.names().set(host, front.address());
        }
        edge.record().start_clock();
        Ok(Self {
            browsers: browsers.into_iter().map(|browser| (browser.name().to_owned(), browser)).collect(),
            clients,
            front,
            ui,
            by_script: settings.interface == Interface::Ours
                && spec.ui.as_ref().is_some_and(|ui| ui.submit() == Submit::Ajax),
            kratos,
            migration,
            ground,
            mail,
            edge,
            addresses,
            clock,
            folder,
            files: settings.files,
        })
    }
}

/// What came up, and the first error among the rest.
fn started<T>(results: Vec<Result<T>>) -> (Vec<T>, Option<anyhow::Error>) {
    let mut up = Vec::new();
    let mut failed = None;
    for result in results {
        match result {
            Ok(it) => up.push(it),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    (up, failed)
}

/// The URL of a listener of the edge for a server that runs there.
async fn proxy(edge: &mut Edge, name: &str, ground: &Ground) -> Result<String> {
    let address = ground.address();
    if address.is_loopback() {
        return Ok(format!("http://{}", edge.listen(name).await?));
    }
    Ok(edge.listen_at(name, None, address).await?.url())
}

/// Where the pages of the interface stand, whichever it is.
fn places(spec: &WorldSpec, servers: &[KratosServer]) -> Result<Places> {
    let ui = spec.ui.clone().unwrap_or_default();
    let url = Url::parse(ui.url()).with_context(|| format!("`{}` is no URL", ui.url()))?;
    let tenants = servers.iter().map(|server| (server.name.as_str(), server.route.as_deref()));
    Ok(Places::new(url, tenants, ui.tenants.unwrap_or_default()))
}

/// Another interface. It knows of no proxy, so a listener of the edge stands for Kratos: what the interface's server
/// asks is in the record as it is with ours.
async fn start_foreign(
    interface: &Interface,
    (kratos, migration): (&[Kratos], &Migration),
    ground: &Ground,
    folder: &Path,
    places: Places,
    edge: &mut Edge,
) -> Result<Ui> {
    let [kratos] = kratos else { anyhow::bail!("another interface shows the flows of one Kratos only") };
    #[cfg(not(feature = "docker"))]
    let _ = ground;
    match interface {
        Interface::Ours => anyhow::bail!("the fixture interface is no other"),
        Interface::Program(program) => {
            let listener = edge.listen_for("ui", kratos.url()).await?;
            let told = told(kratos, listener, kratos.admin().to_owned(), migration.hydra_admin())?;
            Ui::start_program(program, &told, &folder.join("ui.log"), places).await
        }
        #[cfg(feature = "docker")]
        Interface::Image(image) => {
            let (address, peer) = (ground.address(), ground.peer().await?);
            let listener = edge.listen_for_at("ui", kratos.url(), address, peer).await?;
            let told = told(kratos, listener, kratos.admin_inside(), migration.hydra_admin_inside())?;
            Ui::start_image(image, &told, ground, folder, places).await
        }
    }
}

/// What another interface is told: this listener is Kratos's public API to it.
fn told(kratos: &Kratos, listener: SocketAddr, kratos_admin: String, hydra_admin: Option<String>) -> Result<Told> {
    let kratos_public = format!("http://{listener}{}", kratos.url().path());
    let kratos_public = Url::parse(&kratos_public).with_context(|| format!("`{kratos_public}` is no URL"))?;
    Ok(Told { kratos_public, kratos_browser: kratos.url().clone(), kratos_admin, hydra_admin })
}

/// The browsers of a world, side by side, here or at an endpoint.
async fn start_browsers(
    remote: Option<&Remote>,
    starts: Vec<(String, (BrowserSettings, Option<Gate>), PathBuf)>,
) -> Vec<Result<Browser>> {
    let _turn = match remote.filter(|_| !starts.is_empty()) {
        Some(remote) => Some(remote.turn().await),
        None => None,
    };
    join_all(starts.into_iter().map(|(name, (settings, gate), folder)| async move {
        match remote {
            Some(remote) => Browser::start_at(remote, &name, &settings, gate.as_ref()).await,
            None => Browser::start(&name, &settings, &folder).await,
        }
    }))
    .await
}

async fn start_ui(
    spec: &WorldSpec,
    servers: &[KratosServer],
    settings: &WorldSettings,
    ground: &Ground,
    folder: &Path,
    edge: &mut Edge,
) -> Result<Ui> {
    let ui = spec.ui.clone().unwrap_or_default();
    let asked = |server: &KratosServer| match ui.asks() {
        Some(name) => servers.iter().find(|it| it.name == name).map_or(&server.url, |it| &it.url).clone(),
        None => server.url.clone(),
    };
    let tenants = servers.iter().map(|server| {
        let kratos = asked(server);
        let kratos = Url::parse(&kratos).with_context(|| format!("`{kratos}` is no URL"))?;
        let (name, route) = (server.name.clone(), server.route.clone());
        Ok(UiTenant { name, route, asked_at: kratos.clone(), kratos })
    });
    let tenants = tenants.collect::<Result<Vec<_>>>()?;
    let ways = UiWays {
        submit: ui.submit(),
        guard: ui.guard(),
        credentials: ui.credentials.unwrap_or_default(),
        expired: ui.expired.unwrap_or_default(),
        tenants_by: ui.tenants.unwrap_or_default(),
    };
    if ground.takes_own() {
        let proxy = proxy(edge, "ui", ground).await?;
        let contained = ContainedSettings { ground, fixtures: &settings.fixtures, folder };
        let service = contained.ui(&tenants, &ways, proxy, edge.authority_pem()).await?;
        return Ok(Ui::contained(service, places(spec, servers)?));
    }
    let url = Url::parse(ui.url()).with_context(|| format!("`{}` is no URL", ui.url()))?;
    let listener = edge.listen("ui").await?;
    Ui::start(UiSettings {
        url,
        submit: ways.submit,
        guard: ways.guard,
        credentials: ways.credentials,
        expired: ways.expired,
        tenants,
        tenants_by: ways.tenants_by,
        templates: settings.fixtures.join("ui"),
        client: client::through(listener, edge.authority_pem(), Jar::None)?,
        listen: ([127, 0, 0, 1], 0).into(),
    })
    .await
}

/// The proxy in front of some of the hosts; nothing where the case has none.
async fn start_front(spec: &WorldSpec, ui: &Ui, kratos: &[Kratos], folder: &Path) -> Result<Option<Front>> {
    let Some(front) = spec.front.as_ref().filter(|front| !front.hosts.is_empty()) else { return Ok(None) };
    let servers = kratos.iter().map(|kratos| (kratos.url().clone(), kratos.public()));
    let servers = std::iter::once((ui.url().clone(), ui.addr())).chain(servers);
    let servers: Vec<_> =
        servers.filter(|(url, _)| url.host_str().is_some_and(|host| front.hosts.contains_key(host))).collect();
    Front::start(&make(folder, "nginx")?, &servers).await.map(Some)
}

async fn clients(
    spec: &WorldSpec,
    settings: &WorldSettings,
    folder: &Path,
    authority: &Path,
    edge: &mut Edge,
) -> Result<BTreeMap<String, ApiClient>> {
    let mut clients = BTreeMap::new();
    for (name, spec) in spec.clients.iter().flatten() {
        let listener = edge.listen(name).await?;
        let place = ClientPlace {
            listener,
            authority_pem: edge.authority_pem(),
            authority,
            folder: make(folder, name)?,
            fixtures: &settings.fixtures,
        };
        clients.insert(name.clone(), client_of(spec, place, &settings.clients)?);
    }
    Ok(clients)
}

pub(super) fn make(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::create_dir(&path).with_context(|| format!("failed to make the folder `{}`", path.display()))?;
    Ok(path)
}

/// Opens the listener of a browser, and says how the browser is to be. One that is elsewhere gets a listener with a gate
/// on the address that it reaches.
pub(super) async fn admit(
    edge: &mut Edge,
    name: &str,
    spec: &BrowserSpec,
    window: Window,
    elsewhere: Option<IpAddr>,
) -> Result<(BrowserSettings, Option<Gate>)> {
    let policy = spec.itp.and_then(ItpSpec::emulated).map(Itp::new);
    let (listener, gate) = match elsewhere {
        None => (edge.listen_with(name, policy).await?, None),
        Some(address) => {
            let gate = edge.listen_at(name, policy, address).await?;
            (gate.address(), Some(gate))
        }
    };
    let settings = BrowserSettings {
        engine: spec.engine.unwrap_or_default(),
        listener,
        window,
        third_party_cookies: spec.third_party_cookies.unwrap_or_default(),
        tracking_prevention: spec.itp == Some(ItpSpec::Real),
    };
    Ok((settings, gate))
}

fn fault(spec: &FaultSpec) -> Fault {
    let time = |time: Time| -> Duration { time.0 };
    let effect = spec
        .delay_answer
        .map(|it| Effect::DelayAnswer(time(it)))
        .or(spec.delay_request.map(|it| Effect::DelayRequest(time(it))))
        .or(spec.add_cookie.clone().map(Effect::AddCookie))
        .or(spec.together.map(|size| Effect::Together(Meeting::of(size))))
        .or(spec.encode_cookies.map(|_| Effect::EncodeCookies))
        .or(spec.hang_up.map(|HangUp::Pass| Effect::PassHangUp))
        .unwrap_or(Effect::LoseAnswer);
    Fault::new(effect)
        .host(spec.host.clone())
        .method(spec.method.clone())
        .path(spec.path.clone())
        .step(spec.step)
        .times(spec.times)
}
