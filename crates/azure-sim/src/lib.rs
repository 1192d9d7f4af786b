//! The ARM simulator; its virtual machines are guests.
