//! The processes of a guest, and the capabilities they go without.

use std::fs;
use std::io;

use nix::libc;

use crate::during;

/// When a process started, in clock ticks since boot: with its id, a name that
/// is not used twice.
pub(crate) fn start_time(pid: u32) -> io::Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path).map_err(during(format!("read {path}")))?;
    // The command's name is in parentheses and may hold anything: fields count
    // from the last one. starttime is field 22, the 20th after it.
    stat.rsplit_once(')')
        .and_then(|(_, rest)| rest.split_ascii_whitespace().nth(19))
        .and_then(|field| field.parse().ok())
        .ok_or_else(|| io::Error::other(format!("{path} has no start time")))
}

/// What would reach through to the machine itself: modules, raw I/O, the
/// clock, device nodes, the kernel's log.
const FORBIDDEN: [libc::c_ulong; 6] = [
    16, // CAP_SYS_MODULE
    17, // CAP_SYS_RAWIO
    25, // CAP_SYS_TIME
    27, // CAP_MKNOD
    34, // CAP_SYSLOG
    35, // CAP_WAKE_ALARM
];

const NONE: libc::c_ulong = 0;

/// Takes these capabilities from every program started from here on.
pub(crate) fn drop_capabilities() -> io::Result<()> {
    for capability in FORBIDDEN {
        #[expect(unsafe_code, reason = "nix has no wrapper for PR_CAPBSET_DROP")]
        // SAFETY: the call takes integers only and touches no memory of ours.
        let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, NONE, NONE, NONE) };
        if result != 0 {
            return Err(during("drop a capability")(io::Error::last_os_error()));
        }
    }
    Ok(())
}
