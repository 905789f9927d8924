//! Reproduces the problems people have with Ory Kratos in real browsers against a real Kratos,
//! and proves that the documented fix removes them.

pub mod backend;
pub mod browser;
pub mod case;
pub mod client;
pub mod edge;
pub mod evidence;
pub mod report;
pub mod trial;
pub mod world;
