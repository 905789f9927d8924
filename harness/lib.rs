//! Reproduces the problems people have with Ory Kratos in real browsers against a real Kratos,
//! and proves that the documented fix removes them.

pub mod evidence;
pub mod report;
pub mod trial;
