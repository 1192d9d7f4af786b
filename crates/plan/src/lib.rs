//! The pure planner: what to decide, what to do next, and why everything else
//! waits.
//!
//! [`plan_subject`] looks at one subject (the model, an application, a
//! machine, a unit, a relation) and says all there is to say of it now. A
//! whole plan is the union over all subjects; [`affected`] says which subjects
//! a change of a row can touch, and planning only those gives the same as
//! planning all (a property test holds it). There is no clock, no randomness
//! and no I/O here: the time, what is in flight and what the cloud offers are
//! inputs.

mod affected;
mod cloud;
mod types;

pub use cloud::SharedNames;
pub use types::{Action, Blocked, InFlight, Inputs, Levels, Running, Subject, SubjectPlan};
