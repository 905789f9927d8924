//! What a listener does to the cookies of its browser, on behalf of a browser that cannot be had here.
//! No I/O: a request, an answer and what was seen before go in, the treated `Set-Cookie` values and the reasons come out.

pub mod itp;

pub use itp::{Answered, Asked, Generation, Itp, Task, Treated};
