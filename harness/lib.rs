//! Reproduces the problems people have with Ory Kratos in real browsers against a real Kratos,
//! and proves that the documented fix removes them.
//!
//! Data flows one way: a [`case`] is expanded into trials, a [`trial`] runs in a [`world`], what crossed the [`edge`]
//! and what the [`browser`] showed is [`evidence`], from it follows the verdict, and the [`report`] tells it.

pub mod backend;
pub mod browser;
pub mod case;
pub mod client;
pub mod command;
pub mod edge;
pub mod evidence;
pub mod report;
pub mod trial;
pub mod wait;
pub mod world;
