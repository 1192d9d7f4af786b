//! Holding models and driving them to their desired state.
