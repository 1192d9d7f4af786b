//! All SQL of Lazuli: one file per noun over Postgres.
