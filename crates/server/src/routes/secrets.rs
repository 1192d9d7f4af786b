//! Secrets. What they say has a route of its own, for administrators alone.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use lazuli_api::{
    Changed, NewSecret, SecretAccessChange, SecretAccessInfo, SecretContent, SecretContentQuery,
    SecretData, SecretInfo, SecretList, SecretRemoval, SecretRevisionInfo, SecretUpdate,
    WriteQuery,
};
use lazuli_model::id::ModelId;
use lazuli_model::secret::SecretId;
use lazuli_model::state::{ModelState, SealedContent, Secret, SecretOwner};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::app::App;
use crate::change::{self, Refusal, SecretFields};
use crate::error::Error;
use crate::extract::{Admin, Body, Edit, InModel, Named, Query, Shown, Write};

/// Lists secrets, what they say aside.
#[utoipa::path(get, path = "/models/{model}/secrets", tag = "secrets",
    responses((status = 200, body = SecretList)))]
pub(super) async fn list_secrets(Shown(loaded): Shown) -> Result<Json<SecretList>, Error> {
    let state = &loaded.state;
    let secrets = state.secrets().map(|secret| info(state, secret)).collect();
    Ok(Json(SecretList { secrets }))
}

/// Adds a user's secret. Its id is the name of what was added.
#[utoipa::path(post, path = "/models/{model}/secrets", tag = "secrets", params(WriteQuery),
    request_body = NewSecret, responses((status = 201, body = Changed)))]
pub(super) async fn add_secret(
    State(app): State<App>,
    edit: Edit<Write, Body<NewSecret>>,
) -> Result<Response, Error> {
    let id = SecretId::from_random(rand::random());
    let new = &edit.given().value;
    let fields = SecretFields {
        name: Some(new.name.clone()),
        description: Some(new.description.clone()),
        auto_prune: None,
        content: Some(seal(&app, edit.model(), id, &new.content).await?),
    };
    edit.undigested()
        .apply(StatusCode::CREATED, |draft, _| {
            change::add_secret(draft, id, &fields)
        })
        .await
}

/// Shows a secret, by name, id or URI, what it says aside.
#[utoipa::path(get, path = "/models/{model}/secrets/{secret}", tag = "secrets",
    responses((status = 200, body = SecretInfo)))]
pub(super) async fn show_secret(Named(name): Named, shown: Shown) -> Result<Response, Error> {
    let state = &shown.0.state;
    let document = info(state, change::secret(state, &name)?);
    Ok(shown.tagged(document))
}

/// Shows what a secret says.
#[utoipa::path(get, path = "/models/{model}/secrets/{secret}/content", tag = "secrets",
    params(SecretContentQuery), responses((status = 200, body = SecretContent)))]
pub(super) async fn show_secret_content(
    State(app): State<App>,
    Named(name): Named,
    scope: InModel<Admin>,
    Query(query): Query<SecretContentQuery>,
) -> Result<Json<SecretContent>, Error> {
    let loaded = app.cache.get(scope.model).await?;
    let secret = change::secret(&loaded.state, &name)?;
    let revision = query.revision.unwrap_or(secret.latest);
    let row = loaded
        .state
        .secret_revision(secret.id, revision)
        .ok_or_else(|| Refusal::not_found("secret", &format!("{name} revision {revision}")))?;
    let key = app.store.data_key(scope.model).await?;
    let data = key
        .open_content(secret.id, &row.content)
        .map_err(lazuli_store::StoreError::from)?;
    Ok(Json(SecretContent {
        revision,
        checksum: row.content.checksum.clone(),
        data: SecretData(data),
    }))
}

/// Changes a user's secret.
#[utoipa::path(patch, path = "/models/{model}/secrets/{secret}", tag = "secrets",
    params(WriteQuery), request_body = SecretUpdate, responses((status = 200, body = Changed)))]
pub(super) async fn update_secret(
    State(app): State<App>,
    Named(name): Named,
    edit: Edit<Write, Body<SecretUpdate>>,
) -> Result<Response, Error> {
    let update = &edit.given().value;
    let mut fields = SecretFields {
        name: update.name.clone(),
        description: update.description.clone(),
        auto_prune: update.auto_prune,
        content: None,
    };
    let mut id = None;
    if let Some(content) = &update.content {
        let loaded = app.cache.get(edit.model()).await?;
        let known = change::users_secret(&loaded.state, &name)?.id;
        fields.content = Some(seal(&app, edit.model(), known, content).await?);
        id = Some(known);
    }
    edit.apply(StatusCode::OK, |draft, _| {
        // It is sealed for the secret that had this name a moment ago.
        let there = change::users_secret(draft.state, &name)?.id;
        if id.is_some_and(|id| id != there) {
            return Err(Refusal::conflict(format!(
                "secret {name:?} is another one now: try again"
            )));
        }
        change::update_secret(draft, &name, &fields)
    })
    .await
}

/// Removes a user's secret, or one revision of it.
#[utoipa::path(delete, path = "/models/{model}/secrets/{secret}", tag = "secrets",
    params(SecretRemoval), responses((status = 202, body = Changed)))]
pub(super) async fn remove_secret(
    Named(name): Named,
    edit: Edit<Write, Query<SecretRemoval>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::ACCEPTED, |draft, Query(removal)| {
        change::remove_secret(draft, &name, removal.revision)
    })
    .await
}

/// Says which applications may read a user's secret.
#[utoipa::path(patch, path = "/models/{model}/secrets/{secret}/access", tag = "secrets",
    params(WriteQuery), request_body = SecretAccessChange,
    responses((status = 200, body = Changed)))]
pub(super) async fn change_secret_access(
    Named(name): Named,
    edit: Edit<Write, Body<SecretAccessChange>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, body| {
        change::change_secret_access(draft, &name, &body.value)
    })
    .await
}

async fn seal(
    app: &App,
    model: ModelId,
    id: SecretId,
    data: &SecretData,
) -> Result<SealedContent, Error> {
    change::check_content(data)?;
    let key = app.store.data_key(model).await?;
    let sealed = key.seal_content(id, &data.0);
    Ok(sealed.map_err(lazuli_store::StoreError::from)?)
}

fn info(state: &ModelState, secret: &Secret) -> SecretInfo {
    let (owner, users) = match secret.owner {
        SecretOwner::Model => ("<model>".to_owned(), true),
        SecretOwner::Application(id) => (
            state
                .application(id)
                .map(|row| row.name.to_string())
                .unwrap_or_default(),
            false,
        ),
        SecretOwner::Unit(id) => (
            state
                .unit(id)
                .map(|row| row.name.to_string())
                .unwrap_or_default(),
            false,
        ),
    };
    let newest = state.secret_revision(secret.id, secret.latest);
    let only = |when: bool| {
        if when {
            secret.label.clone()
        } else {
            String::new()
        }
    };
    SecretInfo {
        id: secret.id.to_string(),
        revision: secret.latest,
        owner,
        name: only(users),
        label: only(!users),
        description: secret.description.clone(),
        rotation: match secret.next_rotate {
            Some(_) => secret.rotate.as_str().to_owned(),
            None => String::new(),
        },
        rotates: secret.next_rotate.map(time),
        expires: newest.and_then(|row| row.expires_at).map(time),
        created: time(secret.created_at),
        updated: time(secret.updated_at),
        revisions: state
            .secret_revisions(secret.id)
            .map(|row| SecretRevisionInfo {
                revision: row.revision,
                created: time(row.created_at),
                expires: row.expires_at.map(time),
            })
            .collect(),
        access: lazuli_plan::secret_access(state, secret)
            .into_iter()
            .map(|access| SecretAccessInfo {
                target: access.target,
                scope: access.scope,
                role: "view".to_owned(),
            })
            .collect(),
    }
}

fn time(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}
