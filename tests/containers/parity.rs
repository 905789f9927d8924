//! Processes and containers show the same: one case of each problem is run on both, and what differs is a failure that
//! shows it.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use kratos_repro::browser::Engine;
use kratos_repro::evidence::Exchange;
use kratos_repro::trial::{CaseOutcome, TrialOutcome, Verdict};
use rstest::rstest;

use crate::engine::{self, Containers};
use crate::support::{is_missing, trials};

#[rstest]
#[case::cross_browser("cross-browser/login-form-posted-elsewhere")]
#[case::tenants("tenants/two-routes-login")]
#[case::legacy("legacy/hydra-no-session-hook")]
#[case::itp("itp/form-g3")]
#[case::code_flows("code-flows/login-form-double-click")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_and_containers_show_the_same(#[case] id: &str) -> Result<()> {
    if is_missing(Engine::Chromium) {
        return Ok(());
    }
    let Some(containers) = Containers::find().await else { return Ok(()) };
    let turn = engine::turn(id)?;

    let native = trials::run(turn.clone()).await?;
    let docker = engine::run(&containers, turn).await?;

    for outcome in [&native, &docker] {
        // A trial without a verdict compares to nothing; its cause says why.
        ensure!(outcome.verdict != Verdict::Error, "{}: {}", outcome.platform.backend, outcome.reason);
    }
    assert_eq!((native.platform.backend.as_str(), docker.platform.backend.as_str()), ("native", "docker"));
    let (native, docker) = (shown(&native), shown(&docker));
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        one.difference(other).map(|line| format!("    {line}\n")).collect::<String>()
    };
    let (here, there) = (only(&native, &docker), only(&docker, &native));
    ensure!(here.is_empty() && there.is_empty(), "\n  only in processes:\n{here}  only in containers:\n{there}");
    Ok(())
}

/// What a case has shown, without what differs from one run to the next: ids, times, secrets.
fn shown(outcome: &CaseOutcome) -> BTreeSet<String> {
    let mut lines = BTreeSet::from([format!("verdict {:?}", outcome.verdict)]);
    for trial in &outcome.trials {
        let in_it = |line: String| format!("{}: {line}", trial.name);
        lines.insert(in_it(format!("shows {:?}", trial.shown)));
        lines.extend(checks(trial).map(in_it));
        // What crossed is that of all trials together: on a busy machine a trial may end before its last page is asked for.
        lines.extend(trial.exchanges.iter().flat_map(crossing));
        lines.extend(trial.mails.iter().map(|mail| in_it(format!("mail {} to {}", mail.template, mail.recipient))));
        for cookie in &trial.cookies {
            let kept = (&cookie.name, &cookie.domain, &cookie.path, cookie.secure, cookie.http_only, &cookie.same_site);
            lines.insert(in_it(format!("cookie of {}: {kept:?}", cookie.holder)));
        }
    }
    lines
}

fn checks(trial: &TrialOutcome) -> impl Iterator<Item = String> {
    trial.checks.iter().map(|check| format!("{:?} of line {} held: {}", check.role, check.line, check.held))
}

/// An exchange by its status, the ids of the messages in it, and the attributes of the cookies that it sets.
fn crossing(exchange: &Exchange) -> Vec<String> {
    let Exchange { listener, method, status, response_body, .. } = exchange;
    let what = format!("{listener} {method} {}{} {status:?}", exchange.host(), exchange.path());
    let ids = messages(response_body).into_iter().map(|id| format!("{what}: message {id}"));
    let cookies = exchange.response_header("set-cookie").map(|cookie| format!("{what}: sets {}", attributes(cookie)));
    std::iter::once(what.clone()).chain(ids).chain(cookies).collect()
}

/// What the second of two submits of a code is told is a matter of which is through first, on any backend, and its case
/// takes either: that the code is used, or that there is no such flow.
const EITHER: [&str; 2] = ["4010002", "4000001"];

/// The ids of Kratos's messages in a body: numbers of seven digits (`text/id.go` of v1.3.1).
fn messages(body: &str) -> BTreeSet<String> {
    let after_key = body.split("\"id\":").skip(1);
    let numbers = after_key.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
    let numbers = numbers.filter(|number| number.len() == 7);
    numbers.map(|number| if EITHER.contains(&number) { EITHER.join(" or ") } else { number.to_owned() }).collect()
}

/// A `Set-Cookie` without its value, and its times without their length.
fn attributes(cookie: &str) -> String {
    let mut parts = cookie.split(';').map(str::trim);
    let name = parts.next().and_then(|pair| pair.split('=').next()).unwrap_or_default();
    let timeless = |part: &str| match part.split_once('=') {
        Some((key, _)) if ["expires", "max-age"].contains(&key.to_ascii_lowercase().as_str()) => key.to_owned(),
        _ => part.to_owned(),
    };
    std::iter::once(name.to_owned()).chain(parts.map(timeless)).collect::<Vec<_>>().join("; ")
}
