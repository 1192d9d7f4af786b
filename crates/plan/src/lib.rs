//! The pure planner: what to decide, what to do next, and why everything else waits.
