//! A connection from its first byte to its last.
//!
//! `serve` and the supervisor first say which build they are: a supervisor of
//! another build lets its successor take over as soon as no hook runs.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use lazuli_runner::frames::{
    Attach, FrameError, PROTOCOL, Refusal, Report, Request, read_frame, write_frame,
};
use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::geteuid;

use super::connection::Connection;
use super::fence::{self, Admission};
use super::service::Supervisor;
use super::{requests, wishes};
use crate::build;
use crate::error::{Error, describe};
use crate::files;
use crate::journal::Owner;
use crate::paths::{is_sha256, is_uuid_like};

/// How long `serve` may take to say who it is.
const GREETING_WAIT: Duration = Duration::from_secs(10);

/// How long the host may take to attach.
const ATTACH_WAIT: Duration = Duration::from_secs(60);

/// The longest greeting, in bytes.
pub(crate) const GREETING_MAX: u64 = 256;

/// Serves one connection.
pub(super) fn attach(supervisor: &Arc<Supervisor>, stream: UnixStream) -> Result<(), Error> {
    let peer = getsockopt(&stream, sockopt::PeerCredentials)
        .map_err(Error::system("learn who connects"))?;
    if peer.uid() != geteuid().as_raw() {
        return Err(Error::Refused(format!(
            "refused a connection of user {}",
            peer.uid()
        )));
    }
    let mut reader = BufReader::new(
        stream
            .try_clone()
            .map_err(Error::system("use the connection"))?,
    );
    if !greet(supervisor, &stream, &mut reader)? {
        return Ok(());
    }
    set_read_timeout(&stream, Some(ATTACH_WAIT))?;
    let attach = match read_frame::<Request>(&mut reader) {
        Ok(Request::Attach(attach)) => attach,
        Ok(Request::Exec(exec)) => {
            set_read_timeout(&stream, None)?;
            return wishes::serve(supervisor, stream, exec);
        }
        Ok(_) => {
            return refuse(
                &stream,
                Refusal::Invalid {
                    reason: "the first frame must be attach".to_owned(),
                },
            );
        }
        Err(FrameError::Ended) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    set_read_timeout(&stream, None)?;
    let Some((owner, connection)) = admit(supervisor, &stream, &attach)? else {
        return Ok(());
    };
    let sender = {
        let connection = Arc::clone(&connection);
        thread::Builder::new()
            .spawn(move || connection.send_all())
            .map_err(Error::system("start a thread"))?
    };
    let ended = receive(supervisor, &owner, &connection, &mut reader);
    connection.close();
    let was_newest = {
        let mut state = supervisor.state();
        let newest = state
            .attached
            .get(&owner)
            .is_some_and(|newest| Arc::ptr_eq(newest, &connection));
        if newest {
            state.attached.remove(&owner);
        }
        newest
    };
    if was_newest {
        supervisor.asks.abort_leadership(&owner);
    }
    // The stream is shut down, so it ends at once.
    drop(sender.join());
    ended
}

/// Exchanges builds; says whether to go on.
fn greet(
    supervisor: &Supervisor,
    stream: &UnixStream,
    reader: &mut impl BufRead,
) -> Result<bool, Error> {
    set_read_timeout(stream, Some(GREETING_WAIT))?;
    let own = build::greeting();
    let send = |line: &str| {
        (&mut &*stream)
            .write_all(format!("{line}\n").as_bytes())
            .map_err(Error::system("greet"))
    };
    send(&own)?;
    let mut line = String::new();
    reader
        .take(GREETING_MAX)
        .read_line(&mut line)
        .map_err(Error::system("read a greeting"))?;
    if line.is_empty() {
        return Ok(false);
    }
    let mut state = supervisor.state();
    if line.trim_end() != own {
        state.retiring = true;
    }
    let running = state.runs.values().any(|run| !run.is_finished());
    if state.stopping || (state.retiring && !running) {
        // Closing says: start another supervisor.
        return Ok(false);
    }
    drop(state);
    send("ok")?;
    Ok(true)
}

fn set_read_timeout(stream: &UnixStream, timeout: Option<Duration>) -> Result<(), Error> {
    stream
        .set_read_timeout(timeout)
        .map_err(Error::system("set a time limit"))
}

fn refuse(stream: &UnixStream, refusal: Refusal) -> Result<(), Error> {
    write_frame(&mut &*stream, &Report::Refused { run: None, refusal })?;
    Ok(())
}

/// Makes the connection the newest of its owner and queues what the host does
/// not know.
fn admit(
    supervisor: &Arc<Supervisor>,
    stream: &UnixStream,
    attach: &Attach,
) -> Result<Option<(Owner, Arc<Connection>)>, Error> {
    if attach.protocol != PROTOCOL {
        refuse(stream, Refusal::Protocol { speaks: PROTOCOL })?;
        return Ok(None);
    }
    if !is_uuid_like(&attach.controller) || !is_uuid_like(&attach.model) {
        let reason = "controller and model must be uuids".to_owned();
        refuse(stream, Refusal::Invalid { reason })?;
        return Ok(None);
    }
    let owner = Owner {
        controller: attach.controller.clone(),
        model: attach.model.clone(),
    };
    // No request of an older connection is under way, and none follows.
    let _requests = supervisor
        .requests
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    match fence::admit(&supervisor.paths, attach, &owner) {
        Ok(()) => {}
        Err(Admission::Refused(refusal)) => {
            refuse(stream, refusal)?;
            return Ok(None);
        }
        Err(Admission::Failed(error)) => {
            let reason = describe(&error);
            refuse(stream, Refusal::Invalid { reason })?;
            return Err(error);
        }
    }
    let connection = Connection::new(
        stream
            .try_clone()
            .map_err(Error::system("use the connection"))?,
    );
    let charms = charms(supervisor)?;
    let mut state = supervisor.state();
    let runs: Vec<_> = state
        .runs
        .values()
        .filter(|run| *run.owner() == owner)
        .cloned()
        .collect();
    let identity = supervisor.identity.clone();
    connection.report(Report::Attached {
        protocol: PROTOCOL,
        boot_id: identity.boot_id,
        machine_id: identity.machine_id,
        hostname: identity.hostname,
        arch: identity.arch,
        os: identity.os,
        charms,
        runs: runs.iter().map(|run| run.summary()).collect(),
    });
    // New reports go to this connection as soon as the state is let go of,
    // hence after these; one that comes both ways is the same report.
    if let Some(older) = state
        .attached
        .insert(owner.clone(), Arc::clone(&connection))
    {
        older.close();
    }
    for run in runs {
        run.logs().announced = false;
        connection.announce(&run);
        for report in run.reports() {
            connection.report(report);
        }
    }
    drop(state);
    for report in supervisor.wishes.reports(&owner) {
        connection.report(report);
    }
    for report in supervisor.asks.reports(&owner) {
        connection.report(report);
    }
    Ok(Some((owner, connection)))
}

fn charms(supervisor: &Supervisor) -> Result<Vec<String>, Error> {
    let names = files::names(&supervisor.paths.charms())?;
    Ok(names
        .iter()
        .filter_map(|name| name.strip_suffix(".zip"))
        .filter(|name| is_sha256(name))
        .map(str::to_owned)
        .collect())
}

fn receive(
    supervisor: &Arc<Supervisor>,
    owner: &Owner,
    connection: &Arc<Connection>,
    reader: &mut impl Read,
) -> Result<(), Error> {
    loop {
        let request = match read_frame::<Request>(reader) {
            Ok(request) => request,
            Err(FrameError::Ended) => return Ok(()),
            Err(_) if connection.is_closed() => return Ok(()),
            Err(error @ (FrameError::Json(_) | FrameError::TooLong(_))) => {
                // Where the next frame begins is not known any more.
                connection.report(Report::Refused {
                    run: None,
                    refusal: Refusal::Invalid {
                        reason: describe(&error),
                    },
                });
                connection.finish();
                return Err(error.into());
            }
            Err(error) => return Err(error.into()),
        };
        let _requests = supervisor
            .requests
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if connection.is_closed() {
            return Ok(());
        }
        requests::carry_out(supervisor, owner, connection, request);
    }
}
