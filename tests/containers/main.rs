//! Servers in containers. These tests are a program of their own, and run one after the other: networks that are made or
//! removed break pages off in every browser of the machine (`ERR_NETWORK_CHANGED`), those of other tests too.

// The engine of this machine, where it is there.
mod engine;
// Another login page, from an image.
mod interface;
// Processes and containers show the same.
mod parity;
// Postgres as the database.
mod postgres;
// What is refused, and what is left.
mod runs;
// The program as a person runs it.
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "the suite uses the rest of it")]
mod support;
