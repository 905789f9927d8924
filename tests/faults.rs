//! Faults: whatever breaks around a case, it comes to the right verdict, or to `error` with the first cause on the first
//! line, in time, and leaves nothing behind. The table is in docs/faults.md too.

mod scene;
mod strikes;
mod worlds;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kratos_repro::browser::Engine;
use rstest::rstest;

use crate::support::{Running, display, is_missing};
use scene::Scene;
use strikes::Beside;
use worlds::{ALONE, CLIENT, CLIENT_UNSURE, CURL, FRONT, PAGE, code};

/// The document that has the same table.
const DOCUMENT: &str = "docs/faults.md";

/// Where Debian's `faketime` has its library.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// A disk of 8 MiB in the place of temporary files, full but for 64 KiB: less than a database takes.
const FULL_DISK: &str = r#"mount -t tmpfs -o size=8m none "$TMPDIR" || exit 9
dd if=/dev/zero of="$TMPDIR/filler" bs=4k 2>/dev/null
truncate --size=-64K "$TMPDIR/filler"
exec "$@""#;

/// A user who may watch no file.
const NO_INOTIFY: &str = r#"echo 0 > /proc/sys/user/max_inotify_instances || exit 9
exec "$@""#;

/// How a run ends that something happened to.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    /// With the verdict that the case has without it.
    Verdict,
    /// With `error`; the first line of the first cause has these words.
    Error(&'static str),
}

/// One row: what happens, to which case, and how it ends.
struct Fault {
    /// What happens and when, as the document has it.
    what: &'static str,
    case: String,
    prepare: fn(&mut Scene) -> Result<()>,
    strike: fn(&Scene, &mut Running) -> Result<Beside>,
    outcome: Outcome,
    /// How long all of it may take, in s.
    within: u64,
}

impl Fault {
    /// Nothing happens yet, and the verdict is right.
    fn new(what: &'static str, case: impl Into<String>) -> Self {
        Self {
            what,
            case: case.into(),
            prepare: |_| Ok(()),
            strike: strikes::nothing,
            outcome: Outcome::Verdict,
            within: 30,
        }
    }

    fn prepared(self, prepare: fn(&mut Scene) -> Result<()>) -> Self {
        Self { prepare, ..self }
    }

    fn struck(self, strike: fn(&Scene, &mut Running) -> Result<Beside>) -> Self {
        Self { strike, ..self }
    }

    fn error(self, words: &'static str) -> Self {
        Self { outcome: Outcome::Error(words), ..self }
    }

    fn within(self, within: u64) -> Self {
        Self { within, ..self }
    }

    /// Its row in the document.
    fn line(&self) -> String {
        let outcome = match self.outcome {
            Outcome::Verdict => "the right verdict".to_owned(),
            Outcome::Error(words) => format!("`error`: {words}"),
        };
        format!("| {} | {outcome} | {} s |", self.what, self.within)
    }
}

fn on_firefox(scene: &mut Scene) -> Result<()> {
    scene.engine(Engine::Firefox);
    Ok(())
}

fn on_webkitgtk(scene: &mut Scene) -> Result<()> {
    scene.engine(Engine::WebKitGtk);
    Ok(())
}

fn driver(scene: &mut Scene, mode: &str) -> Result<()> {
    let driver = scene.program("chromedriver", &format!("MODE = {mode:?}"), include_str!("faults/driver.py"))?;
    scene.variable("KRATOS_REPRO_CHROMEDRIVER", driver);
    Ok(())
}

/// A curl that hangs, before the real one on the `PATH`.
fn hanging_curl(scene: &mut Scene) -> Result<()> {
    scene.program("curl", "import time", "time.sleep(600)")?;
    scene.variable("PATH", format!("{}:/usr/bin:/bin", scene.sandbox.path("bin").display()));
    Ok(())
}

/// The clock of the harness is libfaketime's, which tells the real time until the file says otherwise.
fn own_clock(scene: &mut Scene) -> Result<()> {
    let file = scene.sandbox.path("clock");
    fs::write(&file, "+0\n")?;
    scene.variable("LD_PRELOAD", FAKETIME);
    scene.variable("FAKETIME_TIMESTAMP_FILE", file);
    scene.variable("FAKETIME_NO_CACHE", "1");
    // What waits, waits as long as ever.
    scene.variable("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Ok(())
}

/// Why a row cannot be tried here, if that is so.
fn lacks(name: &str) -> Option<String> {
    let engine = match name {
        _ if name.contains("firefox") => Some(Engine::Firefox),
        _ if name.contains("webkitgtk") || name.contains("xvfb") => Some(Engine::WebKitGtk),
        _ if name.contains("browser") || name.contains("driver") || name.contains("tab") => Some(Engine::Chromium),
        _ => None,
    };
    if engine.is_some_and(is_missing) {
        return Some("its engine is not here".to_owned());
    }
    if name.contains("clock") && !Path::new(FAKETIME).is_file() {
        return Some("Debian's package `faketime` is not installed".to_owned());
    }
    if ["disk", "handles", "inotify"].iter().any(|word| name.contains(word)) {
        let tried = Command::new("unshare").args(scene::APART).args(["mount", "-t", "tmpfs", "none", "/mnt"]).output();
        let able = tried.is_ok_and(|tried| tried.status.success());
        return (!able).then(|| "no namespace of users and mounts can be had here".to_owned());
    }
    None
}

#[rstest]
#[case::kratos_killed(Fault::new("Kratos is killed in the middle of a flow", CLIENT)
    .struck(strikes::kratos_killed).error("kratos ended in the middle").within(40))]
#[case::kratos_ends(Fault::new("Kratos is asked to end (SIGTERM) in the middle of a flow", CLIENT)
    .struck(strikes::kratos_asked_to_end).error("kratos ended in the middle").within(40))]
#[case::kratos_killed_at_start(Fault::new("Kratos is killed while it starts", CLIENT)
    .struck(strikes::kratos_killed_at_its_start).error("kratos exited (code 137) before it was ready"))]
#[case::kratos_stopped(Fault::new("Kratos is stopped (SIGSTOP) in the middle of a flow", CLIENT)
    .struck(strikes::kratos_stopped).error("kratos is stopped (SIGSTOP)").within(75))]
#[case::kratos_stopped_for_a_while(Fault::new("Kratos is stopped for 8 s and goes on", CLIENT)
    .struck(strikes::kratos_stopped_for_a_while).within(40))]
#[case::kratos_restarted(Fault::new("Kratos is restarted with the same secrets between \"code sent\" and \"code entered\"", code("12s"))
    .prepared(|scene| scene.kratos("restart")).struck(strikes::kratos_restarted)
    .error("kratos was started again in the middle").within(90))]
#[case::kratos_restarted_with_new_secrets(Fault::new("The same with new secrets", code("12s"))
    .prepared(|scene| scene.kratos("restart with new secrets")).struck(strikes::kratos_restarted)
    .error("kratos was started again in the middle").within(90))]
#[case::kratos_starts_late(Fault::new("Kratos takes 6 s to start", CLIENT)
    .prepared(|scene| scene.kratos("slow start")).within(90))]
#[case::kratos_never_starts(Fault::new("Kratos runs and never listens", CLIENT)
    .prepared(|scene| scene.kratos("no start")).error("/health/ready of kratos").within(120))]
#[case::port_taken_once(Fault::new("Somebody takes Kratos's port between its choice and Kratos's bind", CLIENT)
    .prepared(|scene| scene.kratos("port taken once")).within(90))]
#[case::port_taken_always(Fault::new("The same at every choice", CLIENT)
    .prepared(|scene| scene.kratos("port taken always")).error("address already in use").within(120))]
#[case::database_locked(Fault::new("Somebody locks Kratos's database in the middle of a flow", CLIENT)
    .struck(strikes::database_locked).error("the database of kratos: database is locked").within(75))]
#[case::database_read_only(Fault::new("Kratos can only read its database", CLIENT)
    .prepared(|scene| scene.kratos("read-only database"))
    .error("attempt to write a readonly database").within(120))]
#[case::database_disk_full(Fault::new("The disk of Kratos's database is full in the middle of a flow", CLIENT)
    .prepared(|scene| scene.kratos("full disk")).struck(strikes::disk_of_the_database_full)
    .error("the database of kratos: ").within(90))]
#[case::mail_twice(Fault::new("Each mail comes twice", code("1s")).prepared(|scene| scene.kratos("mail twice")).within(90))]
#[case::mail_late(Fault::new("Each mail comes 4 s late", code("1s")).prepared(|scene| scene.kratos("mail late")).within(90))]
#[case::mail_too_late(Fault::new("Each mail comes 2 min late, later than is waited", code("1s"))
    .prepared(|scene| scene.kratos("mail too late")).error("no mail to `ada@example.test` within").within(90))]
#[case::mail_lost(Fault::new("No mail comes, and Kratos is told that it has gone", code("1s"))
    .prepared(|scene| scene.kratos("mail lost")).error("no mail to `ada@example.test` within").within(90))]
#[case::mail_refused(Fault::new("Nobody takes Kratos's mails", code("1s"))
    .prepared(|scene| scene.kratos("mail refused")).error("no mail to `ada@example.test` within").within(90))]
#[case::kratos_slow(Fault::new("Kratos's answer comes in pieces over 4 s", CLIENT)
    .prepared(|scene| scene.kratos("slow")).within(90))]
#[case::kratos_cut(Fault::new("The connection to Kratos is cut in the middle of an answer", CLIENT_UNSURE)
    .prepared(|scene| scene.kratos("cut")).error("the server of `ory.example.test` broke off its answer").within(90))]
#[case::kratos_silent(Fault::new("Kratos takes a request and never answers", CLIENT_UNSURE)
    .prepared(|scene| scene.kratos("silent")).error("the server of `ory.example.test` has not answered").within(120))]
#[case::kratos_nonsense(Fault::new("What answers for Kratos is no HTTP", CLIENT_UNSURE)
    .prepared(|scene| scene.kratos("nonsense")).error("the server of `ory.example.test` did not answer").within(90))]
#[case::second_of_two_never_comes(Fault::new("Of two requests that are to go on at once, one never comes", ALONE)
    .error("1 of 2 requests that were to go on at once came within 15 s").within(75))]
#[case::hydra_killed_before_it_is_asked(Fault::new("Hydra is killed before the browser comes to it",
    worlds::hydra("{ host: hydra.example.test, path: /oauth2/auth, times: 1, delay_request: 4s }"))
    .struck(strikes::hydra_killed_before_it_is_asked).error("hydra ended in the middle").within(60))]
#[case::hydra_killed_at_the_login(Fault::new("Hydra is killed while the person is at the legacy login",
    worlds::hydra("{ host: legacy.example.test, method: GET, path: /login, delay_answer: 4s }"))
    .struck(strikes::hydra_killed_at_the_login).error("hydra ended in the middle").within(60))]
#[case::hydra_killed_at_the_consent(Fault::new("Hydra is killed while the person is asked for consent",
    worlds::hydra("{ host: legacy.example.test, method: GET, path: /consent, delay_answer: 4s }"))
    .struck(strikes::hydra_killed_at_the_consent).error("hydra ended in the middle").within(60))]
#[case::hydra_killed_before_the_token(Fault::new("Hydra is killed before Kratos asks it for the token",
    worlds::hydra("{ host: ory.example.test, path: /self-service/methods/oidc/callback/hydra, delay_request: 4s }"))
    .struck(strikes::hydra_killed_before_the_token).error("hydra ended in the middle").within(60))]
#[case::legacy_gone_before_its_login(Fault::new("A step stops the legacy system before its login",
    worlds::legacy(&["stop: legacy", "submit: { button: provider, value: hydra }"])))]
#[case::legacy_gone_at_its_login(Fault::new("A step stops the legacy system while the person is at its login",
    worlds::legacy(&["submit: { button: provider, value: hydra }",
        "fill: { email: ada@example.test, password: an old password }", "stop: legacy",
        "submit: { button: decision, value: sign-in }"])))]
#[case::legacy_gone_at_the_consent(Fault::new("A step stops the legacy system while the person is asked for consent",
    worlds::legacy(&["submit: { button: provider, value: hydra }",
        "fill: { email: ada@example.test, password: an old password }", "submit: { button: decision, value: sign-in }",
        "stop: legacy", "submit: { button: decision, value: allow }"])))]
#[case::browser_killed(Fault::new("Chromium is killed while a page loads", PAGE)
    .struck(strikes::browser_killed).error("browser `a`").within(60))]
#[case::tab_crashed(Fault::new("A tab of Chromium crashes while a page loads", PAGE)
    .struck(strikes::tab_crashed).error("tab crashed").within(60))]
#[case::driver_killed(Fault::new("Chromium's driver is killed while a page loads", PAGE)
    .struck(strikes::driver_killed).error("the driver of browser `a` ended").within(60))]
#[case::driver_hangs(Fault::new("Chromium's driver is stopped (SIGSTOP) while a page loads", PAGE)
    .struck(strikes::driver_stopped).error("browser `a` or its driver is stopped (SIGSTOP)").within(90))]
#[case::driver_of_another_version(Fault::new("Chromium's driver is of another version", PAGE)
    .prepared(|scene| driver(scene, "refuses")).error("only supports Chrome version 114"))]
#[case::driver_says_nothing(Fault::new("Chromium's driver runs and never says that it listens", PAGE)
    .prepared(|scene| driver(scene, "says nothing")).error("did not say where it listens within 20 s").within(45))]
#[case::firefox_killed(Fault::new("Firefox is killed while a page loads", PAGE)
    .prepared(on_firefox).struck(strikes::firefox_killed).error("browser `a`").within(75))]
#[case::webkitgtk_killed(Fault::new("WebKitGTK's browser is killed while a page loads", PAGE)
    .prepared(on_webkitgtk).struck(strikes::webkitgtk_killed).error("browser `a`").within(75))]
#[case::webkitgtk_killed_at_its_start(Fault::new("WebKitGTK's browser is killed before there is a session", PAGE)
    .prepared(on_webkitgtk).struck(strikes::webkitgtk_killed_at_its_start)
    .error("the program of browser `a` ended before there was a session").within(60))]
#[case::xvfb_killed(Fault::new("The display (Xvfb) of WebKitGTK's browser is killed while a page loads", PAGE)
    .prepared(on_webkitgtk).struck(strikes::display_killed).error("the display of browser `a` ended").within(75))]
#[case::xvfb_that_ends(Fault::new("Xvfb ends at its start", PAGE)
    .prepared(|scene| { scene.variable("KRATOS_REPRO_XVFB", "/bin/false"); on_webkitgtk(scene) })
    .error("`/bin/false` told no number"))]
#[case::nginx_killed(Fault::new("The proxy in front of the hosts (nginx) is killed while a page loads", FRONT)
    .struck(strikes::nginx_killed).error("nginx ended in the middle").within(60))]
#[case::curl_hangs(Fault::new("curl hangs", CURL).prepared(hanging_curl).error("curl did not end within 30 s").within(60))]
#[case::disk_full(Fault::new("The disk of the temporary files is full", PAGE)
    .prepared(|scene| { scene.around(FULL_DISK); Ok(()) })
    .error("No space left on device").within(60))]
#[case::no_file_handles(Fault::new("The harness may open 22 files", CLIENT)
    .prepared(|scene| { scene.around("ulimit -n 22 && exec \"$@\""); Ok(()) }).error("Too many open files").within(60))]
#[case::no_inotify(Fault::new("The user has used up the inotify instances, of which Kratos needs one", CLIENT)
    .prepared(|scene| { scene.around(NO_INOTIFY); Ok(()) }).error("its log: Error: too many open files").within(60))]
#[case::two_runs(Fault::new("A second run begins and ends meanwhile", CLIENT).struck(strikes::a_second_run).within(75))]
#[case::run_stopped_for_a_while(Fault::new("The harness is stopped for 6 s and goes on", CLIENT)
    .struck(strikes::run_stopped_for_a_while).within(40))]
#[case::cache_removed(Fault::new("The cache is removed during the run", CLIENT)
    .prepared(|scene| { scene.argument("--repeat=3"); scene.kratos("nothing") }).struck(strikes::cache_removed)
    .error("failed to copy the migrated database").within(90))]
#[case::case_file_changed(Fault::new("The case file is changed during the run", CLIENT).struck(strikes::case_file_changed))]
#[case::folder_of_the_world_removed(Fault::new("The folder of the world is removed in the middle", CLIENT)
    .struck(strikes::folder_of_the_world_removed).error("kratos.log").within(60))]
#[case::folder_of_the_run_removed(Fault::new("The folder of the run is removed in the middle", CLIENT)
    .struck(strikes::folder_of_the_run_removed))]
#[case::clock_a_day_forward(Fault::new("The clock jumps a day forward in the middle of a flow", CLIENT)
    .prepared(own_clock).struck(strikes::clock_jumps_forward).error("the clock of this machine jumped by 86400 s").within(40))]
#[case::clock_a_day_back(Fault::new("The clock jumps a day back in the middle of a flow", CLIENT)
    .prepared(own_clock).struck(strikes::clock_jumps_back).error("the clock of this machine jumped by -86400 s").within(40))]
fn a_fault_ends_in_the_right_verdict_or_in_its_first_cause(#[case] fault: Fault) -> Result<()> {
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    ensure!(document()?.contains(&fault.line()), "not in {DOCUMENT}: {}", fault.line());
    if let Some(lacking) = lacks(&name) {
        let _ = writeln!(std::io::stderr(), "not run: {lacking}");
        return Ok(());
    }
    let mut scene = Scene::of(&fault.case)?;
    (fault.prepare)(&mut scene)?;
    let limit = Duration::from_secs(fault.within);
    let begun = Instant::now();
    let mut run = scene.start()?;

    let beside = (fault.strike)(&scene, &mut run)?;

    let ended = run.end(limit.saturating_sub(begun.elapsed()))?;
    let display = beside.display.clone();
    drop(beside);
    let outcome = scene.sandbox.outcome().with_context(|| format!("{}{}", ended.stderr, ended.stdout))?;
    match fault.outcome {
        Outcome::Verdict => {
            ensure!(outcome["verdict"] == "reproduced" && ended.code() == Some(0), "{outcome:#}");
        }
        Outcome::Error(words) => {
            ensure!(outcome["verdict"] == "error" && ended.code() == Some(1), "{outcome:#}");
            let cause = outcome["trials"][0]["cause"].as_str().context("no cause")?;
            let first = cause.lines().next().unwrap_or_default();
            ensure!(first.contains(words), "`{words}` is not on the first line of: {cause}");
        }
    }
    display::ensure_none_is_left(display.as_deref())?;
    scene.sandbox.ensure_nothing_is_left()
}

fn document() -> Result<String> {
    Ok(fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT))?)
}

#[test]
fn the_document_has_no_row_that_is_not_tried() -> Result<()> {
    let rows = document()?.lines().filter(|line| line.ends_with(" s |")).count();
    let tried = include_str!("faults.rs").lines().filter(|line| line.starts_with("#[case::")).count();

    assert_eq!(rows, tried);
    Ok(())
}
