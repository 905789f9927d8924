//! Postgres in a container as the database of each Kratos: the same verdicts, no network, and nothing of it stays.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kratos_repro::browser::Engine;
use nix::sys::signal::Signal;
use rstest::rstest;
use testcontainers::bollard::Docker;
use testcontainers::bollard::query_parameters::{InspectContainerOptions, KillContainerOptionsBuilder};
use testcontainers::core::client::docker_client_instance;

use crate::engine::{self, Containers, ensure_none_is_left, ensure_refused, made_from, volumes};
use crate::support::{FLOW_BEGUN, POSTGRES_ENDS, QUICK, Sandbox, is_missing};

/// How long a run may take.
const RUN_LIMIT: Duration = Duration::from_secs(120);

/// What the image of Postgres has in its name, whichever it is.
const POSTGRES: &str = "postgres";

/// The flags of a run in containers with Postgres.
const ON_POSTGRES: [&str; 4] = ["--backend", "docker", "--db", "postgres"];

#[rstest]
#[case::cross_browser("cross-browser/login-form-posted-elsewhere")]
#[case::tenants("tenants/two-routes-login")]
#[case::legacy("legacy/hydra-no-session-hook")]
#[case::itp("itp/form-g3")]
#[case::code_flows("code-flows/login-form-double-click")]
#[case::two_at_the_same_moment("code-flows/login-two-submits-at-once")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_comes_to_the_verdict_that_it_has_everywhere(#[case] id: &str) -> Result<()> {
    if is_missing(Engine::Chromium) {
        return Ok(());
    }
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let Some(postgres) = containers.postgres().await? else { return Ok(()) };

    let outcome = engine::run_on(&containers, engine::turn(id)?, Some(&postgres)).await?;

    assert_eq!(outcome.verdict, outcome.expected, "{}", outcome.reason);
    let platform = &outcome.platform;
    assert_eq!((platform.backend.as_str(), platform.database.as_str()), ("docker", "postgres"));
    Ok(())
}

#[tokio::test]
async fn a_run_on_it_says_so_and_leaves_nothing() -> Result<()> {
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let Some(postgres) = containers.postgres().await? else { return Ok(()) };
    let image = postgres.image().to_string();
    postgres.close().await?;
    let before = volumes().await?;
    let sandbox = Sandbox::new()?;
    let run = sandbox.start(sandbox.run_command(&[&ON_POSTGRES[..], &[QUICK]].concat()))?;
    let id = run.id();

    let ended = run.end(RUN_LIMIT)?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    ensure_none_is_left(id).await?;
    assert_eq!(volumes().await?, before, "a volume is left");
    sandbox.ensure_nothing_is_left()?;
    assert_eq!(sandbox.outcome()?["platform"]["database"], "postgres");
    let results = sandbox.results()?;
    let parts = results["parts"].as_array().context("no parts")?;
    let part = parts.iter().find(|part| part["name"] == "Postgres").context("Postgres is no part of it")?;
    ensure!(part["note"].as_str().is_some_and(|note| note.contains(&image)), "{part}");
    ensure!(part["version"].as_str().is_some_and(|version| !version.is_empty()), "{part}");
    Ok(())
}

#[tokio::test]
async fn it_has_no_network_and_no_port() -> Result<()> {
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let Some(postgres) = containers.postgres().await? else { return Ok(()) };
    let id = made_from(std::process::id(), POSTGRES).await?.context("there is no Postgres")?;
    let engine: Docker = docker_client_instance().await?;

    let seen = engine.inspect_container(&id, None::<InspectContainerOptions>).await?;

    let mode = seen.host_config.and_then(|config| config.network_mode);
    assert_eq!(mode.as_deref(), Some("none"));
    let ports = seen.network_settings.and_then(|settings| settings.ports).unwrap_or_default();
    ensure!(ports.values().flatten().flatten().next().is_none(), "{ports:?}");
    postgres.close().await
}

#[rstest]
#[case::with_processes(&["--backend", "native", "--db", "postgres", "--image-postgres", "any"], 2, "--image-postgres")]
#[case::with_another_database(&["--backend", "docker", "--image-postgres", "any"], 2, "`--db sqlite` has none")]
#[case::an_image_that_is_not_there(
    &["--backend", "docker", "--db", "postgres", "--image-postgres", "kratos-repro/nothing:here"],
    3,
    "kratos-repro/nothing:here"
)]
#[tokio::test]
async fn an_image_that_cannot_be_is_refused_before_anything_starts(
    #[case] flags: &[&str],
    #[case] code: i32,
    #[case] why: &str,
) -> Result<()> {
    let Some(_containers) = Containers::find().await else { return Ok(()) };
    ensure_refused(flags, QUICK, code, why).await
}

/// The program of that image takes none of Postgres's arguments.
#[tokio::test]
async fn a_server_that_ends_early_is_quoted() -> Result<()> {
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let image = ["--image-postgres", containers.kratos.name()];
    let run = sandbox.start(sandbox.run_command(&[&ON_POSTGRES[..], &image, &[QUICK]].concat()))?;
    let id = run.id();

    let ended = run.end(RUN_LIMIT)?;

    ended.ensure_refused(1, &["Postgres ended (code 1) before it was ready", "unknown shorthand flag"])?;
    ensure_none_is_left(id).await?;
    sandbox.ensure_nothing_is_left()
}

/// A run on Postgres whose one case takes its time, and the container of its Postgres once a Kratos has started beside it.
async fn started(sandbox: &Sandbox) -> Result<(crate::support::Running, String)> {
    let case = sandbox.case("case.yaml", POSTGRES_ENDS)?;
    let mut run = sandbox.start(sandbox.run_command(&[&ON_POSTGRES[..], &[&case]].concat()))?;
    run.wait("a flow", |_| sandbox.has_logged("kratos", &FLOW_BEGUN).then_some(()))?;
    let container = made_from(run.id(), POSTGRES).await?.context("there is no Postgres")?;
    Ok((run, container))
}

#[tokio::test]
async fn one_that_ends_in_the_middle_leaves_no_verdict() -> Result<()> {
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let Some(postgres) = containers.postgres().await? else { return Ok(()) };
    postgres.close().await?;
    let sandbox = Sandbox::new()?;
    let (run, container) = started(&sandbox).await?;
    let id = run.id();
    let engine: Docker = docker_client_instance().await?;

    let how = KillContainerOptionsBuilder::new().signal("SIGQUIT").build();
    engine.kill_container(&container, Some(how)).await?;
    let ended = run.end(RUN_LIMIT)?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    let outcome = sandbox.outcome()?;
    assert_eq!(outcome["verdict"], "error", "{}", ended.stdout);
    let cause = outcome["trials"][0]["cause"].as_str().context("no cause")?;
    ensure!(cause.contains("failed to remove the database of kratos"), "{cause}");
    ensure_none_is_left(id).await?;
    sandbox.ensure_nothing_is_left()
}

#[tokio::test]
async fn a_signal_ends_a_run_and_its_postgres() -> Result<()> {
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let Some(postgres) = containers.postgres().await? else { return Ok(()) };
    postgres.close().await?;
    let before = volumes().await?;
    let sandbox = Sandbox::new()?;
    let (run, _) = started(&sandbox).await?;
    let id = run.id();

    run.signal(Signal::SIGTERM)?;
    let ended = run.end(RUN_LIMIT)?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    ensure_none_is_left(id).await?;
    assert_eq!(volumes().await?, before, "a volume is left");
    sandbox.ensure_nothing_is_left()
}
