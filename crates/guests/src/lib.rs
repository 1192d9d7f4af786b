//! Real Linux hosts on this machine, in namespaces.
