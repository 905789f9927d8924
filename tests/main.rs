//! The integration tests: one module per subject.

// Every case of the fixtures, each a test of its own, with all its trials on a real Kratos.
mod cases;
// Every kind of check, once true and once false.
mod checks;
// The proxy against real sockets.
mod edge;
// What a case file may say, and the words with which it is refused.
mod format;
// Whatever ends a run, nothing of it stays.
mod leaks;
// The program as a person runs it.
mod support;
