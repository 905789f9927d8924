//! What a trial runs in: the inhabitants of a world, each started and closed by its owner.

pub mod ui;
