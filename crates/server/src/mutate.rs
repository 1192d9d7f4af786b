//! Writes to a model: one path for all of them.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, ETAG};
use http::{HeaderValue, StatusCode};
use lazuli_api::{Changed, Code, Problem, Written};
use lazuli_model::state::ModelState;
use lazuli_store::desired::Edit;
use lazuli_store::heads::Position;
use lazuli_store::idempotency::{self, Answer, Claim, Key};
use lazuli_store::{Actor, Class, Loaded, StoreError};
use uuid::Uuid;

use crate::app::App;
use crate::change::{Draft, Numbers, Outcome, Refusal, effective, summary};
use crate::error::Error;
use crate::extract::{Conditions, InModel};

/// How to write.
#[derive(Clone, Debug)]
pub(crate) struct How {
    /// Answer what would change, and change nothing.
    pub(crate) dry_run: bool,
    /// Of the request.
    pub(crate) conditions: Conditions,
    /// What the key stands for; none where a repeat is the same as once.
    pub(crate) sha256: Option<[u8; 32]>,
    /// The answer's status.
    pub(crate) status: StatusCode,
}

/// Changes a model as `change` says, in one transaction with the events that
/// say so and the answer that a repeat gets.
pub(crate) async fn write<L>(
    app: &App,
    scope: &InModel<L>,
    how: How,
    change: impl FnOnce(&mut Draft<'_>) -> Result<(), Refusal> + Send,
) -> Result<Response, Error> {
    let user = scope.session.user.name.to_string();
    if how.dry_run {
        let loaded = app.cache.get(scope.model).await?;
        check_generation(how.conditions.generation, loaded.position)?;
        let outcome = preview(app, &loaded.state, change)?;
        let answer = changed(&loaded.state, None, &outcome);
        return respond(StatusCode::OK, &answer);
    }
    let key = key(&how, &user);
    if let Some((key, sha256)) = &key
        && let Some(replay) = claim(app, key, sha256).await?
    {
        return Ok(replay);
    }
    let key = key.map(|(key, _)| key);
    let done = commit(app, scope, &how, &user, key.as_ref(), change).await;
    match done {
        Ok(answer) => respond(how.status, &answer),
        Err(error) => {
            if let Some(key) = &key {
                give_up(app, key, &error).await?;
            }
            Err(error)
        }
    }
}

async fn commit<L>(
    app: &App,
    scope: &InModel<L>,
    how: &How,
    user: &str,
    key: Option<&Key>,
    change: impl FnOnce(&mut Draft<'_>) -> Result<(), Refusal> + Send,
) -> Result<Changed, Error> {
    // Before the transaction: while it is open no other connection is asked
    // for, or writers could wait for each other.
    let cached = app.cache.get(scope.model).await?;
    let actor = Actor::User(user.to_owned());
    let mut edit = app
        .store
        .edit(scope.model, how.conditions.generation, actor)
        .await?;
    let loaded = under_lock(&mut edit, cached).await?;
    let outcome = {
        let mut numbers = Allocate(&mut edit);
        let mut draft = Draft::new(&loaded.state, app.now(), &mut numbers);
        change(&mut draft)?;
        draft.outcome()
    };
    let outcome = Outcome {
        changes: effective(&loaded.state, outcome.changes),
        notices: outcome.notices,
        operation: outcome.operation,
    };
    if outcome.changes.is_empty() {
        drop(edit);
        let answer = changed(&loaded.state, None, &outcome);
        if let Some(key) = key {
            idempotency::finish(app.store.pool(), key, &stored(how.status, &answer)?).await?;
        }
        app.cache.keep(loaded).await;
        return Ok(answer);
    }
    let answer = changed(&loaded.state, Some(edit.position()), &outcome);
    edit.extend(outcome.changes);
    if let Some(key) = key {
        edit.remember(key, &stored(how.status, &answer)?).await?;
    }
    edit.commit().await?;
    app.cache.keep(loaded).await;
    Ok(answer)
}

/// The model as it is under the lock: from memory, if nobody wrote since.
pub(crate) async fn under_lock(edit: &mut Edit, cached: Arc<Loaded>) -> Result<Arc<Loaded>, Error> {
    if cached.position.revision + 1 == edit.position().revision {
        return Ok(cached);
    }
    let mut loaded = Arc::unwrap_or_clone(cached);
    edit.refresh(&mut loaded).await?;
    Ok(Arc::new(loaded))
}

fn preview(
    app: &App,
    state: &ModelState,
    change: impl FnOnce(&mut Draft<'_>) -> Result<(), Refusal>,
) -> Result<Outcome, Error> {
    let mut numbers = Foresee::new(state);
    let mut draft = Draft::new(state, app.now(), &mut numbers);
    change(&mut draft)?;
    let outcome = draft.outcome();
    Ok(Outcome {
        changes: effective(state, outcome.changes),
        notices: outcome.notices,
        operation: outcome.operation,
    })
}

fn check_generation(expected: Option<u64>, position: Position) -> Result<(), Error> {
    match expected {
        Some(expected) if expected != position.generation => {
            Err(Error::Store(StoreError::GenerationMismatch {
                expected,
                actual: position.generation,
            }))
        }
        _ => Ok(()),
    }
}

fn changed(state: &ModelState, at: Option<Position>, outcome: &Outcome) -> Changed {
    Changed {
        written: at.map(written),
        changes: summary(state, &outcome.changes),
        operation: outcome.operation.map(|number| number.to_string()),
        notices: outcome.notices.clone(),
    }
}

pub(crate) fn written(at: Position) -> Written {
    Written {
        generation: at.generation,
        revision: at.revision,
    }
}

fn respond(status: StatusCode, answer: &Changed) -> Result<Response, Error> {
    let body = serde_json::to_vec(answer)
        .map_err(|error| Error::Bug(format!("an answer cannot be written: {error}")))?;
    Ok(json(status, answer.written, body))
}

/// A JSON answer with the ETag of what was written.
pub(crate) fn json(status: StatusCode, written: Option<Written>, body: Vec<u8>) -> Response {
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(written) = written
        && let Ok(tag) = HeaderValue::try_from(format!("\"g{}\"", written.generation))
    {
        headers.insert(ETAG, tag);
    }
    response
}

/// The key of a request, if it has one and it means something there.
pub(crate) fn key(how: &How, user: &str) -> Option<(Key, [u8; 32])> {
    let (key, sha256) = how.conditions.key.clone().zip(how.sha256)?;
    let owner = user.to_owned();
    Some((Key { owner, key }, sha256))
}

/// Claims a key; the answer that the request had, if it was done before.
pub(crate) async fn claim(
    app: &App,
    key: &Key,
    sha256: &[u8; 32],
) -> Result<Option<Response>, Error> {
    match idempotency::claim(app.store.pool(), key, sha256).await? {
        Claim::Fresh => Ok(None),
        Claim::Replay(answer) => replay(&answer).map(Some),
        Claim::Mismatch => Err(Error::problem(
            Code::KeyReused,
            "this idempotency key was used for another request: take a fresh one",
        )),
        Claim::Pending => {
            let problem = Problem::new(
                Code::RequestPending,
                "the same request is under way: ask again for its answer",
            );
            Err(Error::Problem(Box::new(problem.with_retry_after(1))))
        }
    }
}

fn replay(answer: &Answer) -> Result<Response, Error> {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let body = serde_json::to_vec(&answer.body)
        .map_err(|error| Error::Bug(format!("an answer cannot be written: {error}")))?;
    let written = serde_json::from_value(answer.body["written"].clone()).ok();
    Ok(json(status, written, body))
}

fn stored(status: StatusCode, answer: &impl serde::Serialize) -> Result<Answer, Error> {
    Ok(Answer {
        status: status.as_u16(),
        body: serde_json::to_value(answer)
            .map_err(|error| Error::Bug(format!("an answer cannot be kept: {error}")))?,
    })
}

/// Keeps the answer to a request that changed no model under a lock.
pub(crate) async fn keep_answer(
    app: &App,
    key: Option<&Key>,
    status: StatusCode,
    answer: &(impl serde::Serialize + Sync),
) -> Result<(), Error> {
    if let Some(key) = key {
        idempotency::finish(app.store.pool(), key, &stored(status, answer)?).await?;
    }
    Ok(())
}

/// After a failure the key is free again, unless it may have succeeded.
pub(crate) async fn give_up(app: &App, key: &Key, error: &Error) -> Result<(), Error> {
    let unknown = matches!(error, Error::Store(error) if error.class() == Class::Unknown);
    if !unknown {
        idempotency::forget(app.store.pool(), key).await?;
    }
    Ok(())
}

/// Numbers under the lock.
struct Allocate<'a>(&'a mut Edit);

impl Numbers for Allocate<'_> {
    fn id(&mut self) -> Uuid {
        Uuid::now_v7()
    }

    fn machine(&mut self) -> u64 {
        self.0.next_machine()
    }

    fn relation(&mut self) -> u64 {
        self.0.next_relation()
    }

    fn task(&mut self) -> u64 {
        self.0.next_task()
    }
}

/// Numbers of a dry run: those that would come next, as far as one can see.
struct Foresee {
    machine: u64,
    relation: u64,
    task: u64,
}

impl Foresee {
    fn new(state: &ModelState) -> Self {
        let machines = state
            .machines()
            .filter_map(|row| row.name.as_str().parse().ok());
        let relations = state.relations().map(|row| row.number);
        Self {
            machine: machines.max().map_or(0, |last: u64| last + 1),
            relation: relations.max().map_or(0, |last| last + 1),
            task: state.tasks().last().map_or(1, |last| last.number + 1),
        }
    }
}

impl Numbers for Foresee {
    fn id(&mut self) -> Uuid {
        Uuid::now_v7()
    }

    fn machine(&mut self) -> u64 {
        self.machine += 1;
        self.machine - 1
    }

    fn relation(&mut self) -> u64 {
        self.relation += 1;
        self.relation - 1
    }

    fn task(&mut self) -> u64 {
        self.task += 1;
        self.task - 1
    }
}
