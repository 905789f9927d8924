//! The integration tests: one module per subject.

mod edge;
mod format;
