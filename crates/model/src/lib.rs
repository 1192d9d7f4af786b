//! The vocabulary of Lazuli: ids, names, charm formats, desired and observed state.
