//! The socket at which a hook's tools are answered.
//!
//! It lives as long as the hook, in a private directory, and answers only
//! who is of the supervisor's user and knows the run's context id. Commands of
//! one hook are carried out one at a time.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use lazuli_runner::frames::{
    self, FrameError, HookKind, Question, Write, read_frame, read_frame_within, write_frame,
};
use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::geteuid;

use super::reboot;
use crate::error::{Error, describe};
use crate::files;
use crate::paths::unit_tag;
use crate::resources;
use crate::supervisor::Supervisor;
use crate::supervisor::run::Run;
use crate::tools::{self, Answer, Input, Leadership, Session, Step, ToolContext};
use crate::toolwire::{REQUEST_MAX, ToolInput, ToolReply, ToolRequest};

/// The most tools at a time; more wait.
const CALLS_MAX: usize = 64;

/// The most files that one call reads.
const FILES_MAX: usize = 256;

/// What was read for a call so far, and an id for what it makes.
struct Reads<'a> {
    input: Option<&'a Input>,
    files: &'a BTreeMap<String, Input>,
    fresh: &'a str,
}

/// How long a tool may take to say what it wants.
const REQUEST_WAIT: Duration = Duration::from_secs(30);

/// A hook's socket.
#[derive(Debug)]
pub(super) struct ToolServer {
    path: PathBuf,
    calls: Arc<Calls>,
}

#[derive(Debug, Default)]
struct Calls {
    open: Mutex<Open>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    streams: BTreeMap<u64, UnixStream>,
    closed: bool,
}

impl Calls {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a call when there is room; none when the hook has ended.
    fn admit(&self, stream: &UnixStream) -> io::Result<Option<u64>> {
        let mut open = self
            .ended
            .wait_while(self.open(), |open| {
                open.streams.len() >= CALLS_MAX && !open.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        if open.closed {
            return Ok(None);
        }
        open.last += 1;
        let number = open.last;
        open.streams.insert(number, stream.try_clone()?);
        Ok(Some(number))
    }

    fn end(&self, number: u64) {
        self.open().streams.remove(&number);
        self.ended.notify_all();
    }
}

impl ToolServer {
    /// Listens at a path for the tools of a run.
    pub(super) fn start(
        supervisor: &Arc<Supervisor>,
        run: &Arc<Run>,
        path: PathBuf,
    ) -> Result<Self, Error> {
        files::remove_file(&path)?;
        let listener = UnixListener::bind(&path).map_err(Error::file("listen at", &path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .map_err(Error::file("set the mode of", &path))?;
        let calls = Arc::new(Calls::default());
        {
            let (owned, run, calls) = (Arc::clone(supervisor), Arc::clone(run), Arc::clone(&calls));
            supervisor
                .pool
                .spawn(move || accept(&owned, &run, &listener, &calls))
                .map_err(Error::system("start a thread"))?;
        }
        Ok(Self { path, calls })
    }

    /// Where it listens.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses all tools from now on and cuts off those at work.
    pub(super) fn close(&self) -> Result<(), Error> {
        {
            let mut open = self.calls.open();
            open.closed = true;
            for stream in open.streams.values() {
                // Reading only: an answer on its way still arrives.
                drop(stream.shutdown(Shutdown::Read));
            }
        }
        self.calls.ended.notify_all();
        // Wakes the thread that accepts; whether it comes through or not.
        drop(UnixStream::connect(&self.path));
        files::remove_file(&self.path)
    }
}

fn accept(
    supervisor: &Arc<Supervisor>,
    run: &Arc<Run>,
    listener: &UnixListener,
    calls: &Arc<Calls>,
) {
    loop {
        let admitted = listener.accept().and_then(|(stream, _)| {
            let number = calls.admit(&stream)?;
            Ok(number.map(|number| (number, stream)))
        });
        let (number, stream) = match admitted {
            Ok(Some(call)) => call,
            Ok(None) => return,
            Err(error) => {
                if calls.open().closed {
                    return;
                }
                supervisor.note(&format!("failed to accept a tool's call: {error}"));
                thread::sleep(Duration::from_millis(10));
                continue;
            }
        };
        let (owned, run, answering) = (Arc::clone(supervisor), Arc::clone(run), Arc::clone(calls));
        let started = supervisor.pool.spawn(move || {
            if let Err(error) = answer(&owned, &run, stream)
                && !matches!(error, FrameError::Ended | FrameError::Io(_))
            {
                owned.note(&describe(&error));
            }
            answering.end(number);
        });
        if started.is_err() {
            calls.end(number);
        }
    }
}

fn answer(
    supervisor: &Arc<Supervisor>,
    run: &Arc<Run>,
    mut stream: UnixStream,
) -> Result<(), FrameError> {
    let peer = getsockopt(&stream, sockopt::PeerCredentials)
        .map_err(|error| FrameError::Io(error.into()))?;
    if peer.uid() != geteuid().as_raw() {
        return reply(
            &mut stream,
            Answer::error(1, "bad request: hook tools are for the hook's user only"),
        );
    }
    stream
        .set_read_timeout(Some(REQUEST_WAIT))
        .map_err(FrameError::Io)?;
    let request: ToolRequest = read_frame_within(&mut stream, REQUEST_MAX)?;
    stream.set_read_timeout(None).map_err(FrameError::Io)?;
    if !same(&request.context, &run.intent.context_id) {
        // The right one is never told, nor is the wrong one logged.
        let text = format!(
            "bad request: wrong context ID; got {:?}",
            request.context.chars().take(200).collect::<String>()
        );
        return reply(&mut stream, Answer::error(1, &text));
    }
    let Some(tool) = tools::find(&request.tool) else {
        let text = format!("bad request: unknown command: {}", request.tool);
        return reply(&mut stream, Answer::error(1, &text));
    };
    let mut input = None;
    let mut files = BTreeMap::new();
    let fresh = match files::random_xid() {
        Ok(id) => id,
        Err(error) => return reply(&mut stream, Answer::error(1, &describe(&error))),
    };
    loop {
        let reads = Reads {
            input: input.as_ref(),
            files: &files,
            fresh: &fresh,
        };
        match step(supervisor, run, tool, &request.args, &reads) {
            Step::Done(answer) => return reply(&mut stream, answer),
            Step::Need(file) => {
                // Nothing is locked here: what feeds the tool may itself be
                // another tool.
                write_frame(&mut stream, &ToolReply::Need { file: file.clone() })?;
                let read: ToolInput = read_frame(&mut stream)?;
                let read = Input { text: read.text };
                if let Some(file) = file {
                    if files.len() >= FILES_MAX {
                        let text = format!("more than {FILES_MAX} files");
                        return reply(&mut stream, Answer::error(1, &text));
                    }
                    files.insert(file, read.clone());
                    input.get_or_insert(read);
                } else {
                    input = Some(read);
                }
            }
            Step::Ask(_) => return reply(&mut stream, Answer::error(1, "the hook has ended")),
        }
    }
}

fn reply(stream: &mut UnixStream, answer: Answer) -> Result<(), FrameError> {
    write_frame(
        stream,
        &ToolReply::Done {
            code: answer.code,
            stdout: answer.stdout,
            stderr: answer.stderr,
            file: answer.file,
        },
    )
}

/// Compares without telling by its time how much is right.
fn same(a: &str, b: &str) -> bool {
    let differing = a
        .bytes()
        .zip(b.bytes())
        .fold(0, |differing, (x, y)| differing | (x ^ y));
    a.len() == b.len() && differing == 0
}

/// Calls the tool until nothing has to be asked any more, and carries out
/// what it did.
fn step(
    supervisor: &Arc<Supervisor>,
    run: &Arc<Run>,
    tool: &tools::Tool,
    args: &[String],
    reads: &Reads<'_>,
) -> Step {
    let request = &run.intent.request;
    let mut session = run.session();
    let mut leadership = run.leadership();
    loop {
        if run.live().closed {
            return Step::Done(Answer::error(1, "the hook has ended"));
        }
        let ctx = ToolContext {
            unit: &request.unit,
            base: &request.context,
            session: &session,
            leadership: leadership.clone(),
            input: reads.input,
            files: reads.files,
            fresh: reads.fresh,
        };
        match tools::call(&ctx, tool, args) {
            Step::Ask(Question::Leader) => {
                leadership = match supervisor.ask(run, &Question::Leader) {
                    Ok(frames::Answer::Leader { millis }) => {
                        run.grant(millis);
                        enough(run.leadership())
                    }
                    Ok(_) => Leadership::Unknown("unexpected answer".to_owned()),
                    Err(reason) => Leadership::Unknown(reason),
                };
            }
            Step::Ask(question) => {
                let answer = match &question {
                    Question::Resource { name } => resource(supervisor, run, name),
                    _ => supervisor.ask(run, &question),
                };
                if run.live().closed {
                    return Step::Done(Answer::error(1, "the hook has ended"));
                }
                session.answered(question, answer);
            }
            Step::Need(file) => return Step::Need(file),
            Step::Done(mut answer) => {
                if let Err(text) = carry_out(supervisor, run, &mut session, &mut answer) {
                    return Step::Done(Answer::error(1, &text));
                }
                return Step::Done(answer);
            }
        }
    }
}

/// Where a resource is, once it is there.
fn resource(
    supervisor: &Arc<Supervisor>,
    run: &Arc<Run>,
    name: &str,
) -> Result<frames::Answer, String> {
    let request = &run.intent.request;
    let tag = unit_tag(&request.unit).ok_or("the run is of no unit")?;
    let question = Question::Resource {
        name: name.to_owned(),
    };
    let known = request.context.resources.get(name);
    let ask = || supervisor.ask(run, &question);
    let path = resources::provide(&supervisor.paths, &tag, name, known, ask)?;
    Ok(frames::Answer::Document {
        value: path.display().to_string().into(),
    })
}

/// A grant that is fresh and still too short is not asked for again.
fn enough(leadership: Leadership) -> Leadership {
    match leadership {
        Leadership::Granted(left) if left < tools::GUARANTEE => {
            Leadership::Unknown("leadership ends too soon to be relied on".to_owned())
        }
        other => other,
    }
}

/// A hook that asks for a reboot at once is ended for it.
fn ask_reboot(run: &Run, now: bool) -> Result<(), String> {
    if run.intent.request.hook.kind == HookKind::Action {
        return Err("juju-reboot is not supported when running an action.".to_owned());
    }
    if now {
        run.change(|live| {
            live.kill.get_or_insert_with(|| reboot::NOW.to_owned());
        });
    }
    Ok(())
}

fn carry_out(
    supervisor: &Arc<Supervisor>,
    run: &Arc<Run>,
    session: &mut Session,
    answer: &mut Answer,
) -> Result<(), String> {
    let writes: Vec<Write> = std::mem::take(&mut answer.writes);
    for write in writes {
        if let Write::Reboot { now } = write {
            ask_reboot(run, now)?;
        }
        session.apply(&write)?;
        if write.is_immediate() {
            let report = run.write(write).map_err(|error| {
                format!("failed to keep what was written: {}", describe(&error))
            })?;
            supervisor.report(run, report);
        }
    }
    let module = format!("unit.{}.juju-log", run.intent.request.unit);
    for (level, text) in std::mem::take(&mut answer.logs) {
        supervisor.log(run, level, &module, &text);
    }
    Ok(())
}
