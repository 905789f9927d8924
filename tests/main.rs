//! The integration tests: one module per subject.

// Every kind of check, once true and once false.
mod checks;
// What each call answers, and with which exit code.
mod command;
// The proxy against real sockets.
mod edge;
// What every browser engine must do alike.
mod engines;
// What is ours, what the next start sweeps, and what is nobody's business of ours.
mod estate;
// What breaks on purpose, and what is said of it.
mod failures;
// Whatever breaks: the right verdict or the first cause.
mod faults;
// What a case file may say, and the words with which it is refused.
mod format;
// The interface and the legacy system as programs of their own, and other interfaces in their place.
mod interfaces;
// The emulated tracking prevention beside a real one.
mod itp;
// Whatever ends a run, nothing of it stays.
mod leaks;
// Who reaches a run, and what it reaches.
mod network;
// The nightly.
mod nightly;
// Postgres as database, and its end.
mod postgres;
// No secret is in what a run writes.
mod redaction;
// Browsers at a WebDriver endpoint.
mod remote;
// Cases that run several times.
mod repetitions;
// A run that is split over machines.
mod shards;
// The program as a person runs it.
mod support;
// Whatever ends when, nothing is left.
mod torture;
// Several versions of Kratos, and the one that changes a verdict.
mod versions;
