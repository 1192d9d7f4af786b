//! Models.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::ETAG;
use lazuli_api::{
    Changed, Code, ModelAdded, ModelInfo, ModelList, ModelMachine, ModelStatusInfo, ModelUser,
    NewModel, Removal,
};
use lazuli_model::id::{GenericUuid as _, ModelId};
use lazuli_model::life::Life;
use lazuli_model::names::{ModelName, UserName};
use lazuli_model::state::{ALPHA, Model};
use lazuli_plan::document::model_document;
use lazuli_store::access::{self, Access};
use lazuli_store::desired::{self, create_model};
use lazuli_store::{Actor, Class, Loaded, users};
use uuid::Uuid;

use crate::app::{App, Session};
use crate::change::{self, Refusal, read_model_config};
use crate::error::Error;
use crate::extract::{Admin, Body, Caller, Conditions, Edit, InModel, ModelMaker, Query, Read};
use crate::mutate::{self, How, written};
use crate::outside::SSH_IDENTITY;

use super::users as user_routes;

/// Lists the models that the caller may see.
#[utoipa::path(get, path = "/models", tag = "models", responses((status = 200, body = ModelList)))]
pub(super) async fn list_models(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<ModelList>, Error> {
    let superuser = caller.actor().superuser;
    let visible = access::visible(app.store.pool(), caller.0.user.id, superuser).await?;
    let mut models = Vec::with_capacity(visible.len());
    for model in visible {
        let level = if superuser {
            Access::Admin
        } else {
            model.access.unwrap_or(Access::Read)
        };
        match app.cache.get(model.model).await {
            Ok(loaded) => models.push(info(&app, &loaded, level, BTreeMap::new())),
            // Removed since it was listed.
            Err(Error::Store(error)) if error.class() == Class::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Json(ModelList { models }))
}

/// Makes a model.
#[utoipa::path(post, path = "/models", tag = "models", request_body = NewModel,
    responses((status = 201, body = ModelAdded)))]
pub(super) async fn add_model(
    State(app): State<App>,
    ModelMaker { 0: session }: ModelMaker,
    conditions: Conditions,
    body: Body<NewModel>,
) -> Result<Response, Error> {
    let how = How {
        dry_run: false,
        conditions,
        sha256: Some(body.sha256),
        status: StatusCode::CREATED,
    };
    let key = mutate::key(&how, session.user.name.as_str());
    if let Some((key, sha256)) = &key
        && let Some(replay) = mutate::claim(&app, key, sha256).await?
    {
        return Ok(replay);
    }
    let key = key.map(|(key, _)| key);
    match create(&app, &session, body.value).await {
        Ok(answer) => {
            mutate::keep_answer(&app, key.as_ref(), how.status, &answer).await?;
            let bytes = serde_json::to_vec(&answer)
                .map_err(|error| Error::Bug(format!("an answer cannot be written: {error}")))?;
            Ok(mutate::json(how.status, Some(answer.written), bytes))
        }
        Err(error) => {
            if let Some(key) = &key {
                mutate::give_up(&app, key, &error).await?;
            }
            Err(error)
        }
    }
}

async fn create(app: &App, session: &Session, new: NewModel) -> Result<ModelAdded, Error> {
    let name: ModelName = new.name.parse().map_err(Refusal::from)?;
    let owner = match &new.owner {
        Some(owner) => user_routes::find(app, owner).await?,
        None => session.user.clone(),
    };
    if new
        .cloud
        .as_ref()
        .is_some_and(|cloud| *cloud != app.settings.cloud)
    {
        return Err(Error::problem(
            Code::Invalid,
            format!("this controller's only cloud is {:?}", app.settings.cloud),
        ));
    }
    let constraints = change::read_constraints(new.constraints.as_deref())?;
    let (mut config, mut notices) = (BTreeMap::new(), Vec::new());
    for (key, value) in &new.config {
        let read = read_model_config(key, value)?;
        notices.extend(read.notice);
        if key == "default-space" && !["", ALPHA].contains(&read.text.as_str()) {
            // A new model has no other.
            return Err(Refusal::not_found("space", &read.text).into());
        }
        config.insert(key.clone(), read.text);
    }
    for key in &new.authorized_keys {
        change::check_authorized_key(key)?;
    }
    let id = ModelId::from_untyped_uuid(Uuid::now_v7());
    let pair = app
        .keys
        .generate(&format!("lazuli-{}", id.into_untyped_uuid()))
        .map_err(|error| Error::Bug(format!("no SSH identity: {error}")))?;
    let row = Model {
        id,
        name,
        owner: owner.name.clone(),
        controller: app.store.controller(),
        cloud: app.settings.cloud.clone(),
        region: new.region.unwrap_or_else(|| app.settings.region.clone()),
        // The store chooses it.
        address_range: String::new(),
        config,
        constraints,
        ssh_key: pair.public,
        authorized_keys: new.authorized_keys,
        storage_pools: BTreeMap::new(),
        spaces: BTreeMap::new(),
        life: Life::Alive,
        force: false,
        created_at: app.now(),
    };
    let new = desired::NewModel {
        row,
        addresses: app.settings.addresses,
        admin: Some(owner.id),
        secrets: vec![(SSH_IDENTITY.to_owned(), pair.private)],
    };
    let actor = Actor::User(session.user.name.to_string());
    let (_, committed) = create_model(&app.store, new, actor).await?;
    app.names.clear();
    let loaded = app.cache.get(id).await?;
    Ok(ModelAdded {
        written: written(committed.position),
        model: info(app, &loaded, Access::Admin, users_of(app, id).await?),
        notices,
    })
}

/// Shows a model.
#[utoipa::path(get, path = "/models/{model}", tag = "models",
    responses((status = 200, body = ModelInfo)))]
pub(super) async fn show_model(
    State(app): State<App>,
    scope: InModel<Read>,
) -> Result<Response, Error> {
    let loaded = app.cache.get(scope.model).await?;
    let level = scope.effective();
    let users = if level == Access::Admin {
        users_of(&app, scope.model).await?
    } else {
        BTreeMap::new()
    };
    let tag = format!("\"g{}\"", loaded.position.generation);
    Ok(([(ETAG, tag)], Json(info(&app, &loaded, level, users))).into_response())
}

/// Sets a model dying, with all that is in it.
#[utoipa::path(delete, path = "/models/{model}", tag = "models", params(Removal),
    responses((status = 202, body = Changed)))]
pub(super) async fn destroy_model(edit: Edit<Admin, Query<Removal>>) -> Result<Response, Error> {
    let Query(how) = edit.given();
    if how.destroy_storage && how.release_storage {
        return Err(Error::bad_request(
            "--destroy-storage and --release-storage cannot both be specified",
        ));
    }
    edit.apply(StatusCode::ACCEPTED, |draft, Query(how)| {
        change::destroy_model(draft, how)
    })
    .await
}

async fn users_of(app: &App, model: ModelId) -> Result<BTreeMap<String, ModelUser>, Error> {
    let mut all = BTreeMap::new();
    let known: BTreeMap<UserName, String> = users::list(app.store.pool())
        .await?
        .into_iter()
        .map(|user| (user.name, user.display_name))
        .collect();
    for (name, level) in access::of(app.store.pool(), model).await? {
        let user = ModelUser {
            display_name: known.get(&name).cloned().unwrap_or_default(),
            access: level.as_str().to_owned(),
        };
        all.insert(name.to_string(), user);
    }
    Ok(all)
}

fn info(
    app: &App,
    loaded: &Loaded,
    level: Access,
    users: BTreeMap<String, ModelUser>,
) -> ModelInfo {
    let state = &loaded.state;
    let row = state.model();
    let status = model_document(state, &app.settings.controller).model_status;
    let machines = state.machines().map(|machine| {
        let facts = state
            .machine_state(machine.id)
            .and_then(|known| known.facts.as_ref());
        let cores = facts.map_or(0, |facts| facts.cores);
        (machine.name.to_string(), ModelMachine { cores })
    });
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    ModelInfo {
        uuid: row.id.into_untyped_uuid().to_string(),
        name: row.name.to_string(),
        owner: row.owner.to_string(),
        controller: app.settings.controller.clone(),
        controller_uuid: row.controller.into_untyped_uuid().to_string(),
        cloud: row.cloud.clone(),
        region: row.region.clone(),
        address_range: row.address_range.clone(),
        life: row.life.as_str().to_owned(),
        status: ModelStatusInfo {
            current: status.current,
            message: status.message,
            since: status.since.unwrap_or(row.created_at),
        },
        access: level.as_str().to_owned(),
        users,
        machines: machines.collect(),
        applications: count(state.applications().count()),
        units: count(state.units().count()),
        created_at: row.created_at,
        at: written(loaded.position),
    }
}
