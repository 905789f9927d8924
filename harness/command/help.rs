//! What stands below the options in the help: examples, and what the exit codes mean.

/// Of the program as a whole.
pub(super) const ALL: &str = "\
Words:
  case    one file: a problem, the steps to it, what shows it, and its fix
  trial   one go at a case: with the problem, with the fix, with a wrong fix
  world   what a trial runs in: its own Kratos, database, login page, browsers
  edge    the proxy between browsers and servers, which records what they send
  lineup  which browser engines a case is run on

Examples:
  kratos-repro run                 every case
  kratos-repro run code-flows      the cases of a folder, or of claims that begin so
  kratos-repro run report.md       the case in a bug report (its first yaml block)
  kratos-repro up code-flows/login-form-double-click
                                   the broken world of a case, to look around in
  kratos-repro bisect neighbours/cors-headers-vanish --good v0.10.1 --bad v0.11.0
                                   the first version that changes a verdict
  kratos-repro list                the claims of the page, and the cases of each

Exit codes:
  0  everything as expected
  1  a verdict that was not as expected, or an interrupted run
  2  a wrong call or case file
  3  the environment lacks something (`kratos-repro doctor` names it)
  4  nothing selected, or applicable
  5  `bisect`: both versions give the same verdict";

/// Of `setup`.
pub(super) const SETUP: &str = "\
Examples:
  kratos-repro setup               what a run needs
  kratos-repro setup --kratos v1.0.0,v0.11.0 --clients
                                   two older versions, and the API clients

Exit codes:
  0  all is ready
  1  it was stopped
  2  no such version
  3  something that it needs is lacking";

/// Of `doctor`.
pub(super) const DOCTOR: &str = "\
Examples:
  kratos-repro doctor                     for a run on this machine
  kratos-repro doctor --backend docker    for one in containers

Exit codes:
  0  a run can begin
  3  something that it needs is lacking";

/// Of `list`.
pub(super) const LIST: &str = "\
Examples:
  kratos-repro list                           for a person
  kratos-repro list --format json             for a program";

/// Of `run`.
pub(super) const RUN: &str = "\
Examples:
  kratos-repro run code-flows/login-form-double-click
                                   one case, on every engine that is installed
  kratos-repro run --engine firefox --kratos v1.3.1,v0.11.0 neighbours.cors-origin
                                   a claim's cases, in Firefox, on two versions

Exit codes:
  0  everything as expected
  1  a verdict that was not as expected, or an interrupted run
  2  a wrong call or case file
  3  the environment lacks something (`kratos-repro doctor` names it)
  4  nothing selected, or applicable";

/// Of `up`.
pub(super) const UP: &str = "\
Examples:
  kratos-repro up code-flows/login-form-double-click
                                   the world that has the problem
  kratos-repro up --fixed code-flows/login-form-double-click
                                   the same with the fix

Exit codes:
  0  ended by Ctrl-C
  2  a wrong call or case file
  3  the environment lacks something
  4  nothing selected";

/// Of `bisect`.
pub(super) const BISECT: &str = "\
A version between the two that has not been built is built. One that cannot be
had, to which the case is not applicable, or on which it gives no verdict is
gone around and named.

Exit codes:
  0  found                         3  the environment lacks something
  1  no verdict on one of the two  4  nothing selected
  2  a wrong call or case file     5  both give the same verdict";

/// Of `report`.
pub(super) const REPORT: &str = "\
Examples:
  kratos-repro report target/kratos-repro/2026-11-23T23-59-59-4711
                                   the report of that run anew
  kratos-repro report target/parts/* --out target/whole
                                   one report of all shards

Exit codes:
  0  everything as expected
  1  a verdict that was not as expected, or an interrupted run
  2  a wrong call";
