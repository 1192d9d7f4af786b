//! The REST types, one definition for both sides, and the typed client.
