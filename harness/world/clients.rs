//! The API clients of a world, and the applications among them that a machine has.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::backend::Missing;
use crate::backend::applications::{Application, Installed};
use crate::backend::cache::Cache;
use crate::case::{Case, ClientSpec, Program, WorldSpec};
use crate::client::{ApiClient, AppClient, AppSettings, Jar, JarLife, curl_program};

/// The client programs of a machine: which are here, and what is lacking of the others.
#[derive(Debug, Clone, Default)]
pub struct ClientPrograms(BTreeMap<Program, Result<Installed, Missing>>);

impl ClientPrograms {
    /// Looks for the programs that the cases use; asks none that no case does.
    ///
    /// # Errors
    /// When the lists of `fixtures/clients` cannot be read.
    pub async fn find(cache: &Cache, fixtures: &Path, cases: &[Case]) -> Result<Self> {
        let mut programs = BTreeMap::new();
        for program in cases.iter().flat_map(programs_of) {
            let Some(application) = application(program) else { continue };
            if programs.contains_key(&program) {
                continue;
            }
            let found = match application.find(cache, fixtures).await {
                Ok(installed) => Ok(installed),
                Err(error) => match error.downcast_ref::<Missing>() {
                    Some(missing) => Err(missing.clone()),
                    None => return Err(error),
                },
            };
            programs.insert(program, found);
        }
        Ok(Self(programs))
    }

    /// What a case cannot run without and this machine lacks.
    pub fn lacks(&self, case: &Case) -> Option<Missing> {
        programs_of(case).find_map(|program| match program {
            Program::Http => None,
            Program::Curl if curl_program().is_some() => None,
            Program::Curl => Some(Missing::new("curl was not found on PATH", "run scripts/setup")),
            Program::Newman | Program::Inso | Program::Electron => self.installed(program).err(),
        })
    }

    /// What reports call a program: its name, whose it is, and its version where it is known.
    pub fn label(&self, program: Program) -> String {
        let version = self.installed(program).map_or_else(|_| String::new(), |it| format!(" {}", it.version));
        match program {
            Program::Http => "a plain HTTP client".to_owned(),
            Program::Curl => "curl".to_owned(),
            Program::Newman => format!("newman{version} (Postman)"),
            Program::Inso => format!("inso{version} (Insomnia)"),
            Program::Electron => format!("Electron{version}"),
        }
    }

    /// All that were found, for the parts of a run.
    pub fn found(&self) -> impl Iterator<Item = &Installed> {
        self.0.values().filter_map(|it| it.as_ref().ok())
    }

    fn installed(&self, program: Program) -> Result<Installed, Missing> {
        let unknown =
            || Err(Missing::new(format!("{} was not looked for", program.word()), "run scripts/setup --clients"));
        self.0.get(&program).cloned().unwrap_or_else(unknown)
    }
}

/// The programs that any world of a case uses, its fixes' among them.
fn programs_of(case: &Case) -> impl Iterator<Item = Program> {
    let file = &case.file;
    // The broken world over itself is itself.
    let worlds = file.worlds().map(|change| file.world.with(change));
    let programs = |world: WorldSpec| world.clients.into_iter().flatten().map(|(_, client)| client.program());
    worlds.flat_map(programs).collect::<Vec<_>>().into_iter()
}

/// The application that a program is, if it is one.
fn application(program: Program) -> Option<Application> {
    match program {
        Program::Http | Program::Curl => None,
        Program::Newman => Some(Application::Newman),
        Program::Inso => Some(Application::Inso),
        Program::Electron => Some(Application::Electron),
    }
}

/// Where a client stands in its world.
#[derive(Debug)]
pub(super) struct ClientPlace<'a> {
    /// Its listener.
    pub(super) listener: SocketAddr,
    /// The world's authority, as PEM.
    pub(super) authority_pem: &'a str,
    /// The file that holds the authority.
    pub(super) authority: &'a Path,
    /// A folder of its own.
    pub(super) folder: PathBuf,
    /// The folder `fixtures`.
    pub(super) fixtures: &'a Path,
}

/// Makes the client ready; applications start when they run.
///
/// # Errors
/// When its program is not here.
pub(super) fn client_of(spec: &ClientSpec, place: ClientPlace<'_>, programs: &ClientPrograms) -> Result<ApiClient> {
    let jar = spec.cookie_jar.map(|kept| if kept { Jar::Kept } else { Jar::None });
    let by_itself = jar.unwrap_or(Jar::None);
    let program = spec.program();
    match (program, application(program)) {
        (_, Some(application)) => Ok(ApiClient::App(AppClient::new(AppSettings {
            installed: programs.installed(program)?,
            source: application.folder(place.fixtures),
            listener: place.listener,
            authority: place.authority.to_owned(),
            folder: place.folder,
            jar,
            jar_life: if spec.keep_jar == Some(true) { JarLife::World } else { JarLife::Run },
        }))),
        (Program::Curl, _) => ApiClient::curl(place.listener, place.authority, &place.folder, by_itself),
        (_, None) => ApiClient::http(place.listener, place.authority_pem, by_itself),
    }
}
