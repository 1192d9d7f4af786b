//! What host and machine say to each other.
//!
//! A frame is a big-endian `u32` length and that many bytes of JSON, at most
//! [`MAX_FRAME`]. The host speaks [`Request`], the machine [`Report`]. Frames
//! are versioned as a whole by [`PROTOCOL`]; fields are only ever added, with
//! a default, so that a release can collect what the one before it started.

mod context;
mod local;
mod outcome;
mod request;
mod resource;
mod secret;
mod storage;
mod task;
mod wire;
mod write;

pub use context::{
    Binding, Context, HookRelation, Interface, Network, RelationContext, Settings, StatusContext,
};
pub use local::{LocalDone, LocalExec};
pub use outcome::{Exit, LogLine, Outcome, Output, Refusal, Report, RunState, RunSummary};
pub use request::{
    Answer, Attach, CharmRef, Hook, HookKind, Limits, Question, Request, RunId, RunRequest,
};
pub use resource::ResourceRef;
pub use secret::{HookSecret, SecretAccess, SecretContent, SecretFields, SecretInfo, SecretWrite};
pub use storage::{HookStorage, StorageContext, StorageKind, StorageSource, StoreCount};
pub use task::{Lock, Printed, TaskContext, TaskResult};
pub use wire::{
    FrameError, MAX_FRAME, answer, decode, encode, hello, read_frame, read_frame_within,
    write_frame,
};
pub use write::{PortRange, Write};

/// The version of frames, journal and socket.
pub const PROTOCOL: u32 = 1;
