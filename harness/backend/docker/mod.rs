//! Servers in containers, by the crate testcontainers: the engine, images, a network for each world, a container for
//! each server.
//!
//! Nothing is pulled, ports are published on 127.0.0.1 only, and readiness is ours: testcontainers' own does not see a
//! container that has ended. All that a run makes in the engine has the run's label, and is swept by it at the end.

mod container;
mod engine;
mod image;
mod local;
mod owned;
mod pod;
mod server;
mod task;

pub(in crate::backend) use container::Container;
pub use engine::Engine;
pub use image::{Image, ImageChoice};
pub use local::{make_image, make_own_image};
pub use pod::Pod;
pub(in crate::backend) use pod::seat;
pub use server::{hydra, kratos};
