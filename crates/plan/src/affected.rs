//! Which subjects a change of a row can touch.
