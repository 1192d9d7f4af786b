//! How many hooks a second, beside how many starts of `true` OpenSSH makes
//! over connections that are open already.
//!
//! Both sides use the same machines, in turns. Lazuli's side changes an option
//! of an application and waits until every unit has run config-changed for it,
//! again and again; the other side starts `true` through one ControlMaster per
//! machine, with as many clients at once as serves it best. Before that, what
//! one hook and one hook tool take is timed by itself.

mod changes;
mod mux;
mod one;
mod run;

pub(crate) use run::{Args, run};
