//! Migrations are embedded when the crate is compiled, so a new one compiles
//! it again.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
