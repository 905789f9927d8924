//! Reproduces the problems people have with Ory Kratos.

pub mod backend;
