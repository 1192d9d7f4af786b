//! The Cloud trait and its providers.
