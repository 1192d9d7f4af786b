//! Hosts against machines: a stand-in in this process that can be as hostile
//! as needed, a real OpenSSH on loopback, and a real guest.

#![cfg(test)]

mod common;
mod fake;
mod guest;
mod hostile;
mod line;
mod openssh;
mod resend;
mod sshd;
