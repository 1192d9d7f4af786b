//! Holding models and driving them to their desired state.
//!
//! [`run`] holds the models that nobody else holds, with one loop for each.
//! The loop owns the model's rows in memory and is their only writer; calls to
//! the cloud and talk with machines are tasks of their own, which hand back
//! observations and nothing else.

mod answer;
mod context;
mod convert;
#[cfg(test)]
mod cycle;
mod effects;
mod fleet;
mod freeze;
mod given_back;
mod hand_out;
mod heartbeat;
mod holder;
mod ledger;
mod logs;
mod lookout;
mod message;
mod model_loop;
mod news;
mod offers;
mod proxies;
mod quarantine;
mod replays;
mod resources;
mod secrets;
mod settle;
mod shared;
mod sightings;
mod storage;
mod survey;
mod task_news;
mod tasks;
mod vault;

pub use holder::{Parts, run};
