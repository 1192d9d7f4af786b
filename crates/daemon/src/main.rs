//! `lazulid`.
fn main() {}
