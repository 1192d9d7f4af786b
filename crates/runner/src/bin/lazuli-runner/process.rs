//! Which processes belong to a hook, and how to end them.
//!
//! A hook's own process leads a group. What it starts is usually in that
//! group; what left it (`setsid`, a double fork) is known by the context id in
//! the environment it was started with, or by its parent. None of this needs
//! cgroups, which a plain sshd session may not write.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The most of an environment that is looked at, in bytes.
const ENVIRONMENT_MAX: u64 = 2 << 20;

/// One process, as `/proc/PID/stat` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its id.
    pub(crate) pid: i32,
    /// Its parent's.
    pub(crate) parent: i32,
    /// Its group.
    pub(crate) group: i32,
    /// Its session.
    pub(crate) session: i32,
    /// Whether it has ended and only waits to be reaped.
    pub(crate) zombie: bool,
    /// When it started, in ticks since boot: with the pid and the boot id this
    /// names a process for ever.
    pub(crate) start: u64,
}

impl Process {
    /// The process with this id, if any.
    pub(crate) fn find(pid: i32) -> Option<Self> {
        parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// All processes of this process namespace.
    pub(crate) fn all() -> Vec<Self> {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(Self::find)
            .collect()
    }

    /// Whether it was started, directly or not, by the run with this context.
    fn has_context(&self, context: &str) -> bool {
        let mut environment = Vec::new();
        let path = PathBuf::from(format!("/proc/{}/environ", self.pid));
        let read = File::open(path)
            .and_then(|file| file.take(ENVIRONMENT_MAX).read_to_end(&mut environment));
        let wanted = format!("JUJU_CONTEXT_ID={context}");
        read.is_ok()
            && environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == wanted.as_bytes())
    }
}

fn parse(pid: i32, stat: &str) -> Option<Process> {
    // The command's name is in parentheses and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Process {
        pid,
        zombie: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

/// What is known of a hook's processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family<'a> {
    /// The hook's own process, when its id cannot have been used again: it
    /// runs, or was not reaped yet.
    pub(crate) leader: Option<i32>,
    /// The context id of its run.
    pub(crate) context: &'a str,
}

impl Family<'_> {
    /// All living members: the group, the session, whoever has the context,
    /// and the descendants of all these.
    pub(crate) fn members(&self) -> Vec<Process> {
        let own = i32::try_from(std::process::id()).unwrap_or_default();
        let processes = Process::all();
        let mut members: BTreeSet<i32> = processes
            .iter()
            .filter(|process| {
                self.leader.is_some_and(|leader| {
                    process.pid == leader || process.group == leader || process.session == leader
                }) || process.has_context(self.context)
            })
            .map(|process| process.pid)
            .collect();
        members.remove(&own);
        loop {
            let known = members.len();
            for process in &processes {
                if members.contains(&process.parent) {
                    members.insert(process.pid);
                }
            }
            members.remove(&own);
            if members.len() == known {
                break;
            }
        }
        processes
            .into_iter()
            .filter(|process| !process.zombie && members.contains(&process.pid))
            .collect()
    }

    /// Sends a signal to all members; returns how many there were.
    pub(crate) fn signal(&self, signal: Signal) -> usize {
        let members = self.members();
        if let Some(leader) = self.leader {
            // At once to the whole group, which a fork bomb cannot outrun.
            // That it may be gone already is no failure.
            let _ = kill(Pid::from_raw(-leader), signal);
        }
        for process in &members {
            let _ = kill(Pid::from_raw(process.pid), signal);
        }
        members.len()
    }

    /// Sends a signal to those members that are in a group; returns how many.
    pub(crate) fn signal_group(&self, group: Option<i32>, signal: Signal) -> usize {
        let members: Vec<Process> = self
            .members()
            .into_iter()
            .filter(|process| Some(process.group) == group)
            .collect();
        for process in &members {
            // It may be gone already.
            let _ = kill(Pid::from_raw(process.pid), signal);
        }
        members.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_is_parsed() {
        let stat = "42 (a) b (c)) S 1 40 39 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 777 1 1";
        let process = parse(42, stat).unwrap();
        assert_eq!(
            process,
            Process {
                pid: 42,
                parent: 1,
                group: 40,
                session: 39,
                zombie: false,
                start: 777
            }
        );
    }

    #[test]
    fn the_own_process_is_found() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let process = Process::find(pid).unwrap();
        assert!(process.start > 0 && !process.zombie);
    }
}
