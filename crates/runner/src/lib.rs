//! The frames that host and machine exchange, and the machine-side program.
