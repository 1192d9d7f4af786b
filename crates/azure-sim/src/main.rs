//! `azure-sim`: runs the simulator, or removes its data.

fn main() {}
