//! What a case is: the file format and the rules by which its parts are merged.

pub mod interface;
