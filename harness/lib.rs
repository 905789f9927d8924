//! Reproduces the problems people have with Ory Kratos in real browsers and proves that the documented fixes remove them.

pub mod case;
pub mod world;
