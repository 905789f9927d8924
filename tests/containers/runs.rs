//! What is refused before anything starts, what a run in containers says, and that nothing of it stays.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kratos_repro::backend::estate::Owner;
use kratos_repro::wait::wait_until;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use tokio::net::TcpSocket;

use crate::engine::{Containers, Stranger, ensure_none_is_left, made_by};
use crate::support::{BROWSER, Ended, QUICK, Running, Sandbox, process};

/// What stands where an engine is said to be.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// No file.
    Nothing,
    /// The file of a socket that nobody serves any more.
    Stale,
    /// One who accepts and never says a word.
    Silent,
    /// A port on which nobody is.
    Closed,
    /// A server that is something else.
    NoEngine,
    /// Another machine (an address for documentation, RFC 5737).
    Elsewhere,
    /// An address of a kind that there is not.
    Nonsense,
}

/// Runs a quick case in containers of the engine there.
fn run_at(place: Place) -> Result<Ended> {
    let sandbox = Sandbox::new()?;
    let socket = sandbox.path("engine.sock");
    let by_file = format!("unix://{}", socket.display());
    let mut held = None;
    let mut closed = None;
    let host = match place {
        Place::Nothing => by_file,
        Place::Stale => {
            drop(UnixListener::bind(&socket)?);
            by_file
        }
        Place::Silent => {
            held = Some(UnixListener::bind(&socket)?);
            by_file
        }
        Place::Closed => {
            // Bound, so that nobody else gets the port, and not listening.
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
            let address = socket.local_addr()?;
            closed = Some(socket);
            format!("tcp://{address}")
        }
        Place::NoEngine => {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let address = listener.local_addr()?;
            // Nobody waits for its end: how often it is asked is not what this is about.
            std::thread::spawn(move || answer(&listener));
            format!("tcp://{address}")
        }
        Place::Elsewhere => "tcp://192.0.2.7:2375".to_owned(),
        Place::Nonsense => "carrier-pigeon://loft".to_owned(),
    };
    let mut command = sandbox.run_command(&["--backend", "docker", QUICK]);
    command.env("DOCKER_HOST", host);

    let ended = sandbox.end(command)?;

    drop((held, closed));
    sandbox.ensure_nothing_is_left()?;
    Ok(ended)
}

/// Answers every question as a web server does that knows nothing of containers.
fn answer(listener: &TcpListener) -> Result<()> {
    use std::io::{Read, Write};
    for stream in listener.incoming() {
        let mut stream = stream?;
        let _ = stream.read(&mut [0; 4096])?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")?;
    }
    Ok(())
}

#[rstest]
#[case::no_socket(Place::Nothing, "Socket not found")]
#[case::stale_socket(Place::Stale, "Connection refused")]
#[case::silent_socket(Place::Silent, "says nothing")]
#[case::closed_port(Place::Closed, "Connection refused")]
#[case::no_engine(Place::NoEngine, "no engine")]
#[case::another_machine(Place::Elsewhere, "another machine")]
#[case::nonsense(Place::Nonsense, "scheme")]
fn an_engine_that_cannot_be_used_is_refused_by_name(#[case] place: Place, #[case] why: &str) -> Result<()> {
    let ended = run_at(place)?;

    ended.ensure_refused(3, &["no container engine answers", why, "scripts/setup --docker"])?;
    ended.ensure_soon()
}

#[rstest]
#[case::image_for_processes(&["--backend", "native", "--image-kratos", "oryd/kratos:v1.3.1"], "--image-kratos")]
#[case::binary_for_containers(&["--backend", "docker", "--kratos", "/bin/true"], "`/bin/true` is a binary")]
fn a_backend_and_a_server_that_do_not_fit_are_a_wrong_call(#[case] flags: &[&str], #[case] why: &str) -> Result<()> {
    let sandbox = Sandbox::new()?;

    let ended = sandbox.run(&[flags, &[QUICK]].concat())?;

    ended.ensure_refused(2, &[why])
}

#[rstest]
#[case::no_such_version(&["--kratos", "v9.9.9"], 3, "oryd/kratos:v9.9.9")]
#[case::no_such_image(&["--image-kratos", "kratos-repro/nothing:here"], 3, "kratos-repro/nothing:here")]
#[case::no_name_of_an_image(&["--image-kratos", "NO name"], 3, "NO name")]
#[tokio::test]
async fn an_image_that_is_not_there_is_said_before_anything_starts(
    #[case] flags: &[&str],
    #[case] code: i32,
    #[case] why: &str,
) -> Result<()> {
    let Some(_containers) = Containers::find().await else { return Ok(()) };
    let sandbox = Sandbox::new()?;

    let ended = sandbox.run(&[&["--backend", "docker", QUICK], flags].concat())?;

    ended.ensure_refused(code, &[why, "docker pull"])?;
    ended.ensure_soon()
}

#[tokio::test]
async fn an_image_of_another_program_is_no_kratos() -> Result<()> {
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let image = containers.hydra.name();

    let ended = sandbox.run(&["--backend", "docker", "--image-kratos", image, QUICK])?;

    ended.ensure_refused(2, &[image, "does not name Kratos"])
}

#[tokio::test]
async fn a_run_in_containers_says_so_and_leaves_none() -> Result<()> {
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let run = sandbox.start(sandbox.run_command(&["--backend", "docker", QUICK]))?;
    let id = run.id();

    let ended = run.end(Duration::from_secs(90))?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    ensure_none_is_left(id).await?;
    sandbox.ensure_nothing_is_left()?;
    let results = sandbox.results()?;
    assert_eq!(results["cases"][0]["platform"]["backend"], "docker");
    let parts = results["parts"].as_array().context("no parts")?;
    let kratos = parts.iter().find(|part| part["name"] == "Kratos").context("Kratos takes no part")?;
    ensure!(kratos["note"].as_str().is_some_and(|note| note.contains(containers.kratos.name())), "{kratos}");
    Ok(())
}

/// Waits until a run has something of this kind in the engine.
async fn wait_for(kind: &str, run: &Running) -> Result<()> {
    wait_until(kind, Duration::from_secs(60), Duration::from_millis(1), || async {
        let made = made_by(run.id()).await.map_err(|error| format!("{error:#}"))?;
        let there = made.iter().any(|it| it.starts_with(kind));
        if there { Ok(()) } else { Err(format!("{made:?}: {}", run.stderr())) }
    })
    .await
}

#[derive(Debug, Clone, Copy)]
enum Moment {
    NetworkIsMade,
    ContainersAreThere,
}

#[rstest]
#[case::while_a_world_starts(Signal::SIGINT, Moment::NetworkIsMade)]
#[case::terminate(Signal::SIGTERM, Moment::ContainersAreThere)]
#[tokio::test]
async fn a_signal_leaves_no_container(#[case] signal: Signal, #[case] moment: Moment) -> Result<()> {
    let Some(_containers) = Containers::find().await else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let run = sandbox.start(sandbox.run_command(&["--backend", "docker", BROWSER]))?;
    let id = run.id();
    match moment {
        Moment::NetworkIsMade => wait_for("network", &run).await?,
        Moment::ContainersAreThere => wait_for("container", &run).await?,
    }

    run.signal(signal)?;
    let ended = run.end(Duration::from_secs(30))?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    ensure_none_is_left(id).await?;
    sandbox.ensure_nothing_is_left()
}

#[tokio::test]
async fn a_run_that_is_killed_leaves_no_container_and_touches_no_other() -> Result<()> {
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    Stranger::beside(&containers, async {
        let run = sandbox.start(sandbox.run_command(&["--backend", "docker", BROWSER]))?;
        let id = run.id();
        wait_for("container", &run).await?;

        run.signal(Signal::SIGKILL)?;
        run.end(Duration::from_secs(5))?;

        wait_until("the end of all", Duration::from_secs(10), Duration::from_millis(50), || async {
            ensure_none_is_left(id).await.map_err(|left| format!("{left:#}"))
        })
        .await
    })
    .await?;
    sandbox.wait_until_nothing_is_left()
}

#[tokio::test]
async fn the_next_start_sweeps_containers_that_a_power_cut_has_left() -> Result<()> {
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let run = sandbox.start(sandbox.run_command(&["--backend", "docker", BROWSER]))?;
    let id = run.id();
    wait_for("container", &run).await?;
    let all = process::naming(&sandbox.tmp());
    let reaper = all.iter().find(|it| it.command.starts_with("kratos-repro reap")).context("there is no reaper")?;
    kill(Pid::from_raw(reaper.id), Signal::SIGKILL)?;
    run.signal(Signal::SIGKILL)?;
    run.end(Duration::from_secs(5))?;
    ensure!(!made_by(id).await?.is_empty(), "somebody has removed them");

    Stranger::beside(&containers, async {
        let next = sandbox.end(sandbox.run_command(&["--backend", "docker", QUICK]))?;

        ensure!(next.code() == Some(0), "{}{}", next.stderr, next.stdout);
        let said = next.stderr.lines().find(|line| line.contains("swept") && line.contains("container"));
        let said = said.with_context(|| next.stderr.clone())?;
        ensure!(said.contains("network kratos-repro-"), "{said}");
        ensure_none_is_left(id).await
    })
    .await?;
    sandbox.ensure_nothing_is_left()
}

#[tokio::test]
async fn files_that_cannot_be_kept_leave_no_container() -> Result<()> {
    let Some(_containers) = Containers::find().await else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let run = sandbox.start(sandbox.run_command(&["--keep", "--backend", "docker", BROWSER]))?;
    let id = run.id();
    wait_for("container", &run).await?;
    fs::remove_dir_all(sandbox.estate().context("there is no estate")?)?;

    run.signal(Signal::SIGINT)?;
    let ended = run.end(Duration::from_secs(30))?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    ensure_none_is_left(id).await?;
    sandbox.ensure_nothing_is_left()
}

#[tokio::test]
async fn a_container_that_runs_is_of_no_earlier_start_of_the_machine() -> Result<()> {
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let this = Owner::this()?.to_string();
    let (_, rest) = this.split_once('.').context("an owner begins with the start of the machine")?;
    let owner = format!("00000000-0000-0000-0000-000000000000.{rest}");
    // So is one of another machine, whose engine this one reaches.
    Stranger::running_beside(&containers, &owner, async {
        let ended = sandbox.end(sandbox.run_command(&["--backend", "docker", QUICK]))?;

        ensure!(ended.code() == Some(0), "{}{}", ended.stderr, ended.stdout);
        ensure!(!ended.stderr.contains("swept"), "{}", ended.stderr);
        Ok(())
    })
    .await?;
    sandbox.ensure_nothing_is_left()
}

#[tokio::test]
async fn a_configuration_that_kratos_refuses_is_named_by_its_key() -> Result<()> {
    let Some(_containers) = Containers::find().await else { return Ok(()) };
    let sandbox = Sandbox::new()?;
    let case = sandbox.case(
        "case.yaml",
        "title: A configuration that is refused\nworld: { kratos: { config: { session: { lifespan: soon } } }, \
         clients: { c: {} } }\nsteps:\n  - start_flow: { by: c, flow: login }\nsymptom:\n  - sessions: { of: \
         ada@example.test, count: 1 }\n",
    )?;
    let run = sandbox.start(sandbox.run_command(&["--backend", "docker", &case]))?;
    let id = run.id();

    let ended = run.end(Duration::from_secs(60))?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    let outcome = sandbox.outcome()?;
    assert_eq!(outcome["verdict"], "error");
    let cause = outcome["trials"][0]["cause"].as_str().context("no cause")?;
    for words in ["kratos exited (code 1)", "refuses its configuration", "session.lifespan"] {
        ensure!(cause.contains(words), "`{words}` is not in: {cause}");
    }
    ensure_none_is_left(id).await?;
    sandbox.ensure_nothing_is_left()
}
