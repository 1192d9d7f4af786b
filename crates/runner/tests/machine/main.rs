//! The machine-side program as a whole: `serve` over pipes, a real supervisor,
//! real hooks, in a directory instead of a machine.

mod hooks;
mod support;
