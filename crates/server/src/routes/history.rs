//! What statuses were before.

use axum::Json;
use axum::extract::State;
use lazuli_api::{StatusEntry, StatusLog, StatusLogQuery};
use lazuli_model::state::ModelState;
use lazuli_model::status::{Status, StatusKey};
use lazuli_store::history;

use crate::app::App;
use crate::change::{self, Refusal};
use crate::error::Error;
use crate::extract::{InModel, Query, Read};

/// Entries unless the caller says otherwise, as Juju has it.
const USUAL: u32 = 20;
/// Entries at most.
const MOST: u32 = 1000;

/// A status with Juju's name for its type.
type Kept = (&'static str, StatusKey);

/// Shows the history of the statuses of the model or of something in it.
#[utoipa::path(get, path = "/models/{model}/status-log", tag = "models", params(StatusLogQuery),
    responses((status = 200, body = StatusLog)))]
pub(super) async fn show_status_log(
    State(app): State<App>,
    scope: InModel<Read>,
    Query(query): Query<StatusLogQuery>,
) -> Result<Json<StatusLog>, Error> {
    let limit = query.limit.unwrap_or(USUAL).min(MOST);
    let loaded = app.cache.get(scope.model).await?;
    let kept = kept(&loaded.state, &query)?;
    let mut entries = Vec::new();
    for (kind, key) in kept {
        let statuses = history::of(app.store.pool(), scope.model, key, limit).await?;
        entries.extend(statuses.into_iter().map(|status| entry(kind, status)));
    }
    entries.sort_by_key(|entry| entry.since);
    let over = entries.len().saturating_sub(limit as usize);
    entries.drain(..over);
    Ok(Json(StatusLog { entries }))
}

/// Which statuses are meant.
fn kept(state: &ModelState, query: &StatusLogQuery) -> Result<Vec<Kept>, Error> {
    let all: Vec<Kept> = match query.entity.as_deref().unwrap_or_default() {
        "" => vec![("model", StatusKey::Model)],
        unit if unit.contains('/') => {
            let id = change::unit(state, unit)?.id;
            vec![
                ("workload", StatusKey::Workload(id)),
                ("juju-unit", StatusKey::Agent(id)),
            ]
        }
        machine if machine.bytes().all(|byte| byte.is_ascii_digit()) => {
            let id = change::machine(state, machine)?.id;
            vec![
                ("juju-machine", StatusKey::Machine(id)),
                ("machine", StatusKey::Instance(id)),
            ]
        }
        application => {
            let id = change::application(state, application)?.id;
            vec![("application", StatusKey::Application(id))]
        }
    };
    let asked: Vec<Kept> = match query.kind.as_deref().unwrap_or_default() {
        // Juju's "unit" is both of a unit's.
        "" | "unit" => all,
        kind => all.into_iter().filter(|(name, _)| *name == kind).collect(),
    };
    if asked.is_empty() {
        return Err(Refusal::invalid("it has no status of that type")
            .at("/type")
            .into());
    }
    Ok(asked)
}

fn entry(kind: &str, status: Status) -> StatusEntry {
    StatusEntry {
        status: status.status,
        message: status.message,
        data: status.data,
        since: status.since,
        kind: kind.to_owned(),
    }
}
