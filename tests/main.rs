//! The integration tests: one module per subject.

// Every case of the fixtures, each a test of its own, with all its trials on a real Kratos.
mod cases;
