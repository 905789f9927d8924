//! Postgres as Kratos's database. Where it is not installed these tests are not run, which is said by name.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kratos_repro::backend::cache::Cache;
use kratos_repro::backend::kratos_binary::{KratosBinary, KratosChoice};
use kratos_repro::backend::postgres::{Cluster, Programs, Template};
use kratos_repro::backend::progress::Progress;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;

use crate::support::trials::fixtures;
use crate::support::{FLOW_BEGUN, POSTGRES_ENDS, QUICK, Running, Sandbox, list, process, wait_until};

/// A case with two Kratos.
const TENANTS: &str = "tenants/identity-of-the-other";

/// The programs, or nothing and the reason on standard error.
async fn programs() -> Option<Programs> {
    match Programs::find().await {
        Ok(programs) => Some(programs),
        Err(lacking) => {
            let _ = writeln!(std::io::stderr(), "not run: {lacking}");
            None
        }
    }
}

/// Whether there are none.
fn is_missing() -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(programs()).is_none())
}

async fn start(programs: &Programs) -> Result<(Cluster, Template)> {
    let (cache, mut silent) = (Cache::open()?, Progress::silent());
    let kratos = KratosBinary::find(&cache, &fixtures(), &KratosChoice::default(), &mut silent).await?;
    Cluster::start(&cache, programs, &kratos, &mut silent).await
}

/// Asks a database by its data source name, which `psql` takes as it is.
fn ask(programs: &Programs, dsn: &str, statement: &str) -> Result<String> {
    let mut psql = Command::new(programs.folder().join("psql"));
    let answer = psql.args(["--no-psqlrc", "--tuples-only", "--no-align", dsn, "--command", statement]).output()?;
    ensure!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    Ok(String::from_utf8(answer.stdout)?.trim().to_owned())
}

#[tokio::test]
async fn databases_of_one_template_are_independent_and_migrated() -> Result<()> {
    let Some(programs) = programs().await else { return Ok(()) };
    let (cluster, template) = start(&programs).await?;

    let (one, other) = tokio::try_join!(template.copy(), template.copy())?;
    let (one_dsn, other_dsn) = (one.dsn(), other.dsn());
    ask(&programs, &one_dsn, "CREATE TABLE ours (); DELETE FROM networks")?;

    let count = "SELECT count(*) FROM information_schema.tables WHERE table_name IN ('ours', 'identities')";
    assert_ne!(one_dsn, other_dsn);
    assert_eq!(ask(&programs, &one_dsn, count)?, "2");
    assert_eq!(ask(&programs, &other_dsn, count)?, "1", "the other has what was migrated alone");
    one.remove().await?;
    ensure!(ask(&programs, &one_dsn, "SELECT 1").is_err(), "what was removed is gone");
    assert_eq!(ask(&programs, &other_dsn, "SELECT 1")?, "1");
    cluster.close().await
}

/// The server's segment of shared memory, which outlives one that is killed: the seventh line of its lock file has its key
/// and id (`LOCK_FILE_LINE_SHMEM_KEY` of `src/include/utils/pidfile.h`).
fn segment_of(cluster: &Path) -> Result<String> {
    let lock = fs::read_to_string(cluster.join("data/postmaster.pid"))?;
    let id = lock.lines().nth(6).and_then(|line| line.split_whitespace().nth(1));
    id.map(str::to_owned).context("no shared memory is told")
}

/// The ids of all segments of the machine: the second field (proc(5)).
fn segments() -> Result<Vec<String>> {
    let table = fs::read_to_string("/proc/sysvipc/shm")?;
    Ok(table.lines().filter_map(|line| line.split_whitespace().nth(1).map(str::to_owned)).collect())
}

#[tokio::test]
async fn a_cluster_is_for_its_user_alone_and_leaves_nothing() -> Result<()> {
    let Some(programs) = programs().await else { return Ok(()) };
    let (cluster, template) = start(&programs).await?;
    let folder = cluster.folder().to_owned();
    let socket = folder.join(".s.PGSQL.5432");
    let group = process::naming(&folder);
    let server = process::program(&group, "postgres").context("no server")?;

    assert_eq!(fs::metadata(&folder)?.mode() & 0o777, 0o700, "only its user may come near it");
    assert_eq!(fs::metadata(&socket)?.mode() & 0o777, 0o700);
    assert_eq!(process::listening([server.id]).len(), 0, "it has no TCP port");
    let segment = segment_of(&folder)?;
    ensure!(segments()?.contains(&segment), "there is no segment {segment}");
    // One that is in use, as when the harness is interrupted.
    let in_use = template.copy().await?;
    let mut psql = Command::new(programs.folder().join("psql"));
    let mut user = psql.args([&in_use.dsn(), "--command", "SELECT pg_sleep(600)"]).stderr(Stdio::null()).spawn()?;
    cluster.close().await?;

    user.wait()?;
    ensure!(!folder.exists(), "the folder is left");
    ensure!(!segments()?.contains(&segment), "the shared memory {segment} is left");
    let left = process::naming(&folder);
    ensure!(left.is_empty(), "still running: {left:?}");
    Ok(())
}

#[rstest]
#[case::unknown_database("mysql", None, 2, "unknown database `mysql`")]
#[case::not_installed("postgres", Some("/nowhere"), 3, "scripts/setup --postgres")]
#[case::another_program("postgres", Some("/usr/bin"), 3, "(hint: ")]
fn a_database_that_cannot_be_is_refused_before_anything_starts(
    #[case] database: &str,
    #[case] folder: Option<&str>,
    #[case] code: i32,
    #[case] word: &str,
) -> Result<()> {
    for call in ["run", "up"] {
        let sandbox = Sandbox::new()?;
        let mut command = sandbox.command(&[call, "--db", database, QUICK]);
        command.env("KRATOS_REPRO_OUT", sandbox.path("out"));
        command.envs(folder.map(|folder| ("KRATOS_REPRO_POSTGRES_PROGRAMS", folder)));

        let ended = sandbox.end(command)?;

        ended.ensure_refused(code, &[word])?;
        ensure!(list(&sandbox.path("out"))?.is_empty(), "no run has begun");
        sandbox.ensure_nothing_is_left()?;
    }
    Ok(())
}

/// It says what it is, and then refuses to be it.
const RELUCTANT: &str = "\
#!/bin/sh
[ \"$1\" = --version ] && exec echo 'postgres (PostgreSQL) 15.99'
echo 'FATAL: the moon is not open'
exit 3
";

#[test]
fn a_server_that_ends_early_is_quoted() -> Result<()> {
    let sandbox = Sandbox::new()?;
    let folder = sandbox.path("bin");
    for (name, script) in [("postgres", RELUCTANT), ("initdb", "#!/bin/sh\nmkdir data\n"), ("psql", "#!/bin/sh\n")] {
        fs::write(folder.join(name), script)?;
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755))?;
    }
    let mut command = sandbox.run_command(&["--db", "postgres", QUICK]);
    command.env("KRATOS_REPRO_POSTGRES_PROGRAMS", &folder);

    let ended = sandbox.end(command)?;

    ended.ensure_refused(1, &["Postgres ended", "before it was ready", "the moon is not open"])?;
    sandbox.ensure_nothing_is_left()
}

#[rstest]
#[case::one_kratos(QUICK)]
#[case::a_kratos_for_each_tenant(TENANTS)]
fn a_case_runs_on_postgres_and_says_so(#[case] case: &str) -> Result<()> {
    if is_missing()? {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;

    let ended = sandbox.run(&["--db", "postgres", case])?;

    assert_eq!(ended.code(), Some(0), "{}{}", ended.stderr, ended.stdout);
    assert_eq!(sandbox.outcome()?["platform"]["database"], "postgres");
    let results = sandbox.results()?;
    let parts = results["parts"].as_array().context("no parts")?;
    let postgres = parts.iter().find(|part| part["name"] == "Postgres").context("Postgres is no part of it")?;
    ensure!(postgres["version"].as_str().is_some_and(|version| !version.is_empty()), "{postgres}");
    sandbox.ensure_nothing_is_left()
}

/// The folder of the run's cluster, once its server runs.
fn cluster(sandbox: &Sandbox, run: &mut Running) -> Result<PathBuf> {
    run.wait("a Kratos with a database in Postgres", |_| {
        let seen = process::naming(&sandbox.tmp());
        process::program(&seen, "kratos")?;
        let estates = list(&sandbox.tmp()).ok()?;
        let mut folders = estates.iter().filter_map(|estate| list(estate).ok()).flatten();
        folders.find(|folder| folder.join(".s.PGSQL.5432").exists())
    })
}

/// What Kratos answers then is no word of Kratos's.
#[rstest]
#[case::asked_to_quit(Signal::SIGQUIT)]
#[case::killed(Signal::SIGKILL)]
fn a_postgres_that_ends_in_the_middle_leaves_no_verdict(#[case] signal: Signal) -> Result<()> {
    if is_missing()? {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let case = sandbox.case("case.yaml", POSTGRES_ENDS)?;
    let mut run = sandbox.start(sandbox.run_command(&["--db", "postgres", &case]))?;
    let folder = cluster(&sandbox, &mut run)?;
    run.wait("a flow", |_| sandbox.has_logged("kratos", &FLOW_BEGUN).then_some(()))?;
    let seen = process::naming(&folder);
    let server = process::program(&seen, "postgres").context("no server")?;
    let segment = segment_of(&folder)?;

    kill(Pid::from_raw(server.id), signal)?;
    let ended = run.end(Duration::from_secs(120))?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    let outcome = sandbox.outcome()?;
    assert_eq!(outcome["verdict"], "error", "{}", ended.stdout);
    let cause = outcome["trials"][0]["cause"].as_str().context("no cause")?;
    ensure!(cause.contains("failed to remove the database of kratos"), "{cause}");
    ensure!(!segments()?.contains(&segment), "the shared memory {segment} is left");
    sandbox.ensure_nothing_is_left()
}

fn ensure_gone(folder: &Path, limit: Duration) -> Result<()> {
    wait_until("end of Postgres", limit, || {
        let left = process::naming(folder);
        let gone = left.is_empty() && !folder.exists();
        if gone { Ok(()) } else { Err(format!("left: {} {}, {left:?}", folder.display(), folder.exists())) }
    })
}

#[rstest]
#[case::ctrl_c(Signal::SIGINT)]
#[case::terminate(Signal::SIGTERM)]
fn a_signal_ends_a_run_and_its_postgres(#[case] signal: Signal) -> Result<()> {
    if is_missing()? {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let mut run = sandbox.start(sandbox.run_command(&["--db", "postgres", TENANTS]))?;
    cluster(&sandbox, &mut run)?;

    run.signal(signal)?;
    let ended = run.end(Duration::from_secs(20))?;

    assert_eq!(ended.code(), Some(1), "{}{}", ended.stderr, ended.stdout);
    sandbox.ensure_nothing_is_left()
}

#[test]
fn postgres_does_not_outlive_a_program_that_is_killed() -> Result<()> {
    if is_missing()? {
        return Ok(());
    }
    let sandbox = Sandbox::new()?;
    let mut run = sandbox.start(sandbox.run_command(&["--db", "postgres", TENANTS]))?;
    let folder = cluster(&sandbox, &mut run)?;
    let segment = segment_of(&folder)?;

    run.signal(Signal::SIGKILL)?;
    run.end(Duration::from_secs(5))?;

    ensure_gone(&folder, Duration::from_secs(10))?;
    ensure!(!segments()?.contains(&segment), "the shared memory {segment} is left");
    Ok(())
}
