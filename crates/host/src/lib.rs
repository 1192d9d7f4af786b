//! SSH to machines: connections, the runner's upload, hook runs.
