//! What a model has at the cloud, and whether that is all accounted for.

use axum::Json;
use axum::extract::State;
use lazuli_api::Code;
use lazuli_model::document::ledger::Ledger;
use lazuli_plan::{SharedNames, document};

use crate::app::App;
use crate::error::Error;
use crate::extract::{InModel, Read};

/// Shows every resource that the controller made for a model, against the
/// cloud's own list. While the model does not change, the list is asked for at
/// most every few seconds.
#[utoipa::path(get, path = "/models/{model}/ledger", tag = "models",
    responses((status = 200, body = Ledger)))]
pub(super) async fn show_ledger(
    scope: InModel<Read>,
    State(app): State<App>,
) -> Result<Json<Ledger>, Error> {
    let before = app.cache.get(scope.model).await?;
    let group = SharedNames::of(before.state.model()).group;
    let found = app
        .contents
        .get(scope.model, before.position.revision, group)
        .await
        .map_err(|reason| Error::problem(Code::Unavailable, reason))?;
    // After the list: what it shows is in a row by now.
    let loaded = app.cache.get(scope.model).await?;
    let now = app.now();
    Ok(Json(document::ledger(&loaded.state, found.as_deref(), now)))
}
