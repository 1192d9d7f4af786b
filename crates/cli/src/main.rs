//! `lazuli`.
fn main() {}
